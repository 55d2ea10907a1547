"""Withdrawals at the API: the same key and body get the same answer for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from policies.lifecycles import Owner, WithdrawalState
from tests.fakes.office import OfficeForTests
from tests.laws import ETH, address_of, make_law
from treasury.ledger import moves, queries

if TYPE_CHECKING:
    from tests.treasury.api.conftest import Caller

pytestmark = pytest.mark.sockets
BUSY = 503
BODY = {
    "pool": "main",
    "asset": "ETH",
    "destination": "0x" + "11" * 20,
    "amount": str(ETH // 2),
}


def ask(
    call: Caller,
    key: str = "order-1",
    **changes: Any,  # noqa: ANN401 - fields of the body
) -> tuple[int, Any]:
    """Ask for a payout as a service."""
    return call.post("/v1/withdrawals", {**BODY, **changes}, "service", Idempotency_Key=key)


def move(office: OfficeForTests, to: WithdrawalState, actor: Owner) -> None:
    """Take one edge of withdrawal 1."""
    with office.ledger.write() as session:
        found = queries.requests.withdrawal(session, 1)
        assert found is not None
        moves.move(session, found, to, actor=actor, why="test", now=office.clock.unix())


def test_same_key_and_body_get_the_same_answer_for_ever(
    office: OfficeForTests, call: Caller
) -> None:
    """Whatever became of it meanwhile, and whatever the law says now."""
    first = ask(call)
    move(office, WithdrawalState.REFUSED, Owner.RELEASE)
    office.clock.advance(10**6)
    office.law = make_law(**{"pools.main.deny": [BODY["destination"]]}).law
    assert 201 == first[0]
    assert first == ask(call)
    assert "REFUSED" == call.get(first[1]["see"], "service")[1]["state"]


def test_the_answer_outlives_the_law_that_it_was_given_under(
    office: OfficeForTests, call: Caller
) -> None:
    """The chain is called something else, then no law is in force: a repetition reads the same."""
    first = ask(call)
    office.law = replace(office.law, chains=(replace(office.law.chains[0], name="other"),))
    renamed = ask(call)
    office.law = None  # type: ignore[assignment]
    lawless = ask(call)
    assert first == renamed == lawless
    assert 503 == ask(call, key="order-2")[0]


def test_order_of_fields_does_not_matter(call: Caller) -> None:
    """The body is what it says, not how it is laid out."""
    first = ask(call)
    turned = dict(reversed(BODY.items()))
    assert first == call.post("/v1/withdrawals", turned, "service", Idempotency_Key="order-1")


@pytest.mark.parametrize(
    "changes", [{"amount": "1"}, {"destination": "0x" + "22" * 20}, {"asset": "USDC"}]
)
def test_same_key_with_another_body_is_a_conflict(call: Caller, changes: dict[str, Any]) -> None:
    """409, and the first one stands."""
    ask(call)
    status, answer = ask(call, **changes)
    assert 409 == status
    assert "key_reused" == answer["error"]["code"]
    assert 1 == len(call.get("/v1/withdrawals", "service")[1]["withdrawals"])


def test_missing_key_is_refused(call: Caller) -> None:
    """400 and the name of the header."""
    status, answer = call.post("/v1/withdrawals", BODY, "service")
    assert 400 == status
    assert "Idempotency-Key" in answer["error"]["message"]


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "a\tb"])
def test_odd_keys_are_refused(call: Caller, key: str) -> None:
    """A key is printable and bounded."""
    assert 400 == ask(call, key)[0]


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"pool": "nosuch"}, 422, "the law knows no pool 'nosuch'"),
        ({"asset": "DOGE"}, 422, "pays no DOGE"),
        ({"destination": "0x" + "00" * 20}, 422, "the zero address is nobody's"),
        ({"destination": address_of("hot-b").swapcase().replace("0X", "0x")}, 422, "checksum"),
        ({"destination": "thief.eth"}, 400, "destination"),
        ({"amount": "0"}, 400, "amount"),
        ({"amount": "-1"}, 400, "amount"),
        ({"amount": "1.5"}, 400, "amount"),
        ({"amount": 5}, 400, "amount"),
        ({"amount": "1" + "0" * 77}, 201, ""),
        ({"amount": "9" * 78}, 422, "2^256"),
        ({"note": "x"}, 400, "Extra inputs"),
    ],
)
def test_payout_must_make_sense(
    call: Caller, changes: dict[str, Any], status: int, told: str
) -> None:
    """Unknown names, bad addresses and odd amounts are told at once, and nothing is kept."""
    found, answer = ask(call, **changes)
    assert status == found
    if status != 201:
        assert told in answer["error"]["message"]
        assert [] == call.get("/v1/withdrawals", "service")[1]["withdrawals"]


def test_twenty_at_once_under_one_key_are_one(office: OfficeForTests, call: Caller) -> None:
    """Blind retries at the same moment make one withdrawal and get one answer."""

    def insist(_: int) -> tuple[int, dict[str, Any]]:
        for _again in range(20):
            status, answer = ask(call)
            if status != BUSY:
                break
        return status, answer

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(insist, range(20)))
    assert {201} == {status for status, _ in answers}
    assert 1 == len({answer["id"] for _, answer in answers})
    assert 1 == len(call.get("/v1/withdrawals", "service")[1]["withdrawals"])


def test_service_finds_its_withdrawal_by_key(call: Caller) -> None:
    """A service that lost the answer asks by its own key."""
    ask(call, "a")
    ask(call, "b")
    found = call.get("/v1/withdrawals?key=b", "service")[1]["withdrawals"]
    assert ["b"] == [withdrawal["idempotency_key"] for withdrawal in found]


def test_service_takes_back_what_is_not_queued(office: OfficeForTests, call: Caller) -> None:
    """Cancelled while nothing was queued; twice is once; afterwards nothing moves it."""
    ask(call)
    for _ in range(2):
        status, answer = call.post("/v1/withdrawals/1/cancel", {}, "service")
        assert (200, "CANCELLED") == (status, answer["state"])


def test_paid_withdrawal_cannot_be_taken_back(office: OfficeForTests, call: Caller) -> None:
    """What is queued is on its way."""
    ask(call)
    move(office, WithdrawalState.QUEUED, Owner.RELEASE)
    status, answer = call.post("/v1/withdrawals/1/cancel", {}, "service")
    assert (409, "not_open") == (status, answer["error"]["code"])


def test_approval_where_nobody_is_asked_is_refused(call: Caller) -> None:
    """A withdrawal without terms takes no signature."""
    ask(call)
    body = {"signature": "0x" + "11" * 65}
    status, answer = call.post("/v1/withdrawals/1/approvals", body, "treasurer")
    assert (409, "no_terms") == (status, answer["error"]["code"])
