"""Registering outflows: taken in once, before the engine sends, and never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.office import OfficeForTests
from tests.laws import ETH, make_law
from treasury.ledger import registered

if TYPE_CHECKING:
    from tests.treasury.api.conftest import Caller

pytestmark = pytest.mark.sockets
MOVEMENT = {"asset": "ETH", "destination": "0x" + "11" * 20, "amount": str(ETH)}
BODY = {"wallet": "hot-a", "hash": "0x" + "ab" * 32, "movements": [MOVEMENT]}


@pytest.fixture
def shared(office: OfficeForTests) -> OfficeForTests:
    """An office whose hot-a is in shared custody."""
    office.law = make_law(**{"wallets.hot-a.custody": "shared"}).law
    return office


def register(call: Caller, **changes: Any) -> tuple[int, Any]:  # noqa: ANN401 - fields of the body
    """Register a transaction as a service."""
    return call.post("/v1/outflows", {**BODY, **changes}, "service")


def test_a_registration_is_taken_in_once(shared: OfficeForTests, call: Caller) -> None:
    """R2.2: the same one again gets the same answer, and stands once in the ledger."""
    two = [MOVEMENT, {**MOVEMENT, "asset": "USDC", "amount": "7"}]
    first = register(call, movements=two)
    again = register(call, movements=two)
    with shared.ledger.read() as session:
        found = registered.by_hash(session, 31337, str(BODY["hash"]))

    assert 201 == first[0]
    assert first == again
    assert [ETH, 7] == [one.amount for one in found]
    assert ["registered"] * 2 == [m["state"] for m in first[1]["movements"]]
    assert first[1]["movements"] == call.get("/v1/outflows", "service")[1]["outflows"][::-1]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"wallet": "hot-b"}, 422, "exclusive_custody"),
        ({"wallet": "vault"}, 422, "unknown_wallet"),
        ({"wallet": "nobody"}, 422, "unknown_wallet"),
        ({"movements": [{**MOVEMENT, "asset": "DOGE"}]}, 422, "unknown_asset"),
        ({"movements": [{**MOVEMENT, "amount": str(2**256)}]}, 422, "amount"),
        ({"movements": [{**MOVEMENT, "destination": "0x" + "aB" * 20}]}, 422, "bad_address"),
        ({"movements": []}, 400, "malformed"),
        ({"hash": "0x12"}, 400, "malformed"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    shared: OfficeForTests, call: Caller, changes: dict[str, Any], status: int, code: str
) -> None:
    """Nothing of a refused registration is written down."""
    answer = register(call, **changes)
    with shared.ledger.read() as session:
        written = registered.unsettled(session, 31337)

    assert (status, code) == (answer[0], answer[1]["error"]["code"])
    assert () == written


def test_a_registration_never_changes(shared: OfficeForTests, call: Caller) -> None:
    """Whoever could enlarge it later could explain a theft."""
    register(call)
    larger = [{**MOVEMENT, "amount": str(2 * ETH)}]
    answer = register(call, movements=larger)
    with shared.ledger.read() as session:
        (kept,) = registered.unsettled(session, 31337)

    assert (409, "registered_otherwise") == (answer[0], answer[1]["error"]["code"])
    assert ETH == kept.amount


def test_an_engine_that_floods_is_stopped(
    shared: OfficeForTests, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R2.15: each look asks for the receipts of what is on its way, so that is bounded."""
    monkeypatch.setattr("treasury.api.outflows.MOST_WAITING", 1)
    first, second = register(call), register(call, hash="0x" + "cd" * 32)
    with shared.ledger.read() as session:
        waiting = registered.unsettled(session, 31337)

    assert (201, 429, 1) == (first[0], second[0], len(waiting))
