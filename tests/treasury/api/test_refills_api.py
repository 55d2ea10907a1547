"""Refills at the API: proposals, approvals and vetoes are judged before they are kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from policies.consent import describe_transfer, terms_to_json, transfer_digest, veto_digest
from policies.lifecycles import RefillState
from policies.terms import Address, Purpose, TransferTerms
from tests.fakes.office import OfficeForTests
from tests.laws import DEPLOYMENT, ETH, NOON, TOKEN, address_of, make_law, make_terms, sign
from treasury.ledger import marks, queries

if TYPE_CHECKING:
    from tests.treasury.api.conftest import Caller

pytestmark = pytest.mark.sockets


def signed(name: str, digest: bytes) -> dict[str, str]:
    """Return a body with a person's signature."""
    return {"signature": "0x" + sign(name, digest).hex()}


def digest_of(office: OfficeForTests, **changes: object) -> bytes:
    """Return the digest of the sample terms."""
    return transfer_digest(make_terms(office.law, **changes), DEPLOYMENT)


def proposal(terms: TransferTerms, name: str) -> dict[str, object]:
    """Return what a maker hands in."""
    return {"terms": terms_to_json(terms), **signed(name, transfer_digest(terms, DEPLOYMENT))}


def made_by(office: OfficeForTests, name: str, **changes: object) -> TransferTerms:
    """Return terms made by a person, with the right sentence unless it is changed."""
    terms = make_terms(office.law, maker=address_of(name), **changes)
    return terms if "what" in changes else replace(terms, what=describe_transfer(terms, office.law))


def code_of(answer: Any) -> str:  # noqa: ANN401 - JSON
    """Return the code of an error."""
    return str(answer["error"]["code"])


def test_approval_is_kept_once_and_wakes_the_money_lane(
    office: OfficeForTests, call: Caller
) -> None:
    """201 for a new approval, 200 for a repetition; who counts stands in the answer."""
    office.propose()
    body = signed("alice", digest_of(office))
    first, second = (call.post("/v1/refills/1/approvals", body, "treasurer") for _ in range(2))
    assert (201, 200) == (first[0], second[0])
    assert [address_of("alice")] == first[1]["approved_by"] == second[1]["approved_by"]
    assert "alice" == first[1]["approvals"][0]["name"]
    assert 2 == office.woken


def test_another_signature_of_the_same_person_is_no_second_approval(
    office: OfficeForTests, call: Caller
) -> None:
    """R8.5: a person counts once, however the recovery byte is written."""
    office.propose()
    signature = sign("alice", digest_of(office))
    other = signature[:64] + bytes([signature[64] - 27])
    call.post("/v1/refills/1/approvals", {"signature": "0x" + signature.hex()}, "treasurer")
    answer = call.post("/v1/refills/1/approvals", {"signature": "0x" + other.hex()}, "treasurer")
    assert 200 == answer[0]
    assert 1 == len(answer[1]["approvals"])


@pytest.mark.parametrize(
    ("changes", "person"),
    [
        ({"amount": 41 * ETH}, "alice"),
        ({"destination": address_of("hot-b")}, "alice"),
        ({"chain_id": 1}, "alice"),
        ({"salt": bytes(16)}, "alice"),
        ({"law_digest": bytes(32)}, "alice"),
        ({}, "stranger"),
    ],
)
def test_approval_of_anything_else_is_refused(
    office: OfficeForTests, call: Caller, changes: dict[str, object], person: str
) -> None:
    """R8.1, R8.2: a signature over other terms, chain, law, or by somebody else, is not kept."""
    office.propose()
    body = signed(person, digest_of(office, **changes))
    status, answer = call.post("/v1/refills/1/approvals", body, "treasurer")
    assert (403, "not_in_roster") == (status, code_of(answer))
    assert [] == call.get("/v1/refills/1")[1]["approvals"]


def test_approval_from_another_deployment_is_refused(office: OfficeForTests, call: Caller) -> None:
    """R8.2: consent is bound to one deployment."""
    office.propose()
    digest = transfer_digest(make_terms(office.law), b"\7" * 32)
    status, _ = call.post("/v1/refills/1/approvals", signed("alice", digest), "treasurer")
    assert 403 == status


def test_high_s_signature_is_refused(office: OfficeForTests, call: Caller) -> None:
    """R8.4: only the low-s form of a signature is one."""
    from policies.crypto import SECP256K1_N

    office.propose()
    signature = sign("alice", digest_of(office))
    high = SECP256K1_N - int.from_bytes(signature[32:64], "big")
    flipped = signature[:32] + high.to_bytes(32, "big") + bytes([signature[64] ^ 1])
    body = {"signature": "0x" + flipped.hex()}
    status, answer = call.post("/v1/refills/1/approvals", body, "treasurer")
    assert (403, "bad_signature") == (status, code_of(answer))


def test_maker_does_not_approve(office: OfficeForTests, call: Caller) -> None:
    """R8.5: maker and checker are two people."""
    office.propose(maker=address_of("alice"))
    body = signed("alice", digest_of(office, maker=address_of("alice")))
    status, answer = call.post("/v1/refills/1/approvals", body, "treasurer")
    assert (403, "maker_is_checker") == (status, code_of(answer))


def test_expired_terms_take_no_approval(office: OfficeForTests, call: Caller) -> None:
    """R8.2: after expiry an approval is refused on entry."""
    office.propose()
    office.clock.advance(3600)
    body = signed("alice", digest_of(office))
    status, answer = call.post("/v1/refills/1/approvals", body, "treasurer")
    assert (409, "expired") == (status, code_of(answer))


def test_changed_law_voids_open_terms(office: OfficeForTests, call: Caller) -> None:
    """R8.2: terms made under another law take no approval."""
    office.propose()
    body = signed("alice", digest_of(office))
    office.law = make_law(**{"roster.quorum": 3}).law
    status, answer = call.post("/v1/refills/1/approvals", body, "treasurer")
    assert (409, "law_changed") == (status, code_of(answer))


@pytest.mark.parametrize("state", [RefillState.REJECTED, RefillState.WITHDRAWN])
def test_closed_refill_takes_nothing(
    office: OfficeForTests, call: Caller, state: RefillState
) -> None:
    """R8.2: what is over stays over."""
    office.propose()
    office.move_refill(1, state)
    digest = digest_of(office)
    approval = call.post("/v1/refills/1/approvals", signed("alice", digest), "treasurer")
    veto = signed("alice", veto_digest(digest, DEPLOYMENT))
    vetoed = call.post("/v1/refills/1/veto", veto, "treasurer")
    assert (409, 409) == (approval[0], vetoed[0])
    assert "not_open" == code_of(approval[1])


def test_veto_is_another_signature_than_an_approval(office: OfficeForTests, call: Caller) -> None:
    """An approval cannot be replayed as a veto, nor a veto as an approval."""
    office.propose()
    digest = digest_of(office)
    as_veto = call.post("/v1/refills/1/veto", signed("alice", digest), "treasurer")
    veto = signed("alice", veto_digest(digest, DEPLOYMENT))
    as_approval = call.post("/v1/refills/1/approvals", veto, "treasurer")
    assert (403, 403) == (as_veto[0], as_approval[0])
    status, answer = call.post("/v1/refills/1/veto", veto, "treasurer")
    assert (201, "alice") == (status, answer["vetoes"][0]["name"])


def test_persons_proposal_is_taken_in_with_its_signature(
    office: OfficeForTests, call: Caller
) -> None:
    """The maker's signature is kept, but is no approval; the same proposal again is the same."""
    terms = made_by(office, "alice")
    first = call.post("/v1/refills", proposal(terms, "alice"), "treasurer")
    again = call.post("/v1/refills", proposal(terms, "alice"), "treasurer")
    assert (201, 201) == (first[0], again[0])
    assert first[1]["id"] == again[1]["id"]
    assert [] == first[1]["approved_by"]
    assert "alice" == first[1]["maker_name"]
    assert terms_to_json(terms) == first[1]["terms"]


def test_second_open_refill_of_a_wallet_is_refused(office: OfficeForTests, call: Caller) -> None:
    """At most one refill per wallet and asset is open, whoever proposed it."""
    office.propose()
    terms = made_by(office, "alice", salt=b"\3" * 16)
    status, answer = call.post("/v1/refills", proposal(terms, "alice"), "treasurer")
    assert (409, "open_refill") == (status, code_of(answer))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"purpose": Purpose.SWEEP}, "not_a_refill"),
        ({"what": "Refill hot-a with 1 ETH from vault on devnet"}, "wrong_sentence"),
        ({"destination": address_of("thief")}, "not_hot"),
        ({"destination": address_of("sponsor")}, "not_hot"),
        ({"source": address_of("hot-b")}, "not_the_vault"),
        ({"asset": address_of("thief")}, "unknown_asset"),
        ({"amount": 0}, "above_cap"),
        ({"amount": 100 * ETH + 1}, "above_cap"),
        ({"max_fee": ETH}, "fee_ceiling"),
        ({"expires_at": NOON + 3601}, "expiry"),
        ({"proposed_at": NOON + 120, "expires_at": NOON + 3600}, "from_the_future"),
    ],
)
def test_proposal_that_the_law_forbids_is_refused_with_reasons(
    office: OfficeForTests, call: Caller, changes: dict[str, object], code: str
) -> None:
    """Nobody is asked to sign what the signer would refuse anyway."""
    terms = made_by(office, "alice", **changes)
    status, answer = call.post("/v1/refills", proposal(terms, "alice"), "treasurer")
    assert (422, "unsound") == (status, code_of(answer))
    assert code in [reason["code"] for reason in answer["error"]["reasons"]]
    assert [] == call.get("/v1/refills")[1]["refills"]


@pytest.mark.parametrize("name", ["hot-a", "vault"])
def test_nobody_proposes_while_a_drop_is_unexplained(
    office: OfficeForTests, call: Caller, name: str
) -> None:
    """R2.7: a person's own proposal is refused as well, and becomes possible when it is over."""
    terms = made_by(office, "alice")
    with office.ledger.write() as session:
        standing = queries.standings.wallet(session, name)
        assert standing is not None
        marks.hold(session, standing, block_number=7, why="5 ETH left", now=NOON)
    refused = call.post("/v1/refills", proposal(terms, "alice"), "treasurer")
    with office.ledger.write() as session:
        standing = queries.standings.wallet(session, name)
        assert standing is not None
        marks.calm(session, standing, now=NOON)
    taken = call.post("/v1/refills", proposal(terms, "alice"), "treasurer")

    assert (409, "not_calm") == (refused[0], code_of(refused[1]))
    assert 201 == taken[0]


def test_proposal_signed_by_somebody_else_is_refused(office: OfficeForTests, call: Caller) -> None:
    """Nobody proposes in another's name."""
    terms = made_by(office, "alice")
    status, answer = call.post("/v1/refills", proposal(terms, "bob"), "treasurer")
    assert (403, "not_the_maker") == (status, code_of(answer))
    daemon = make_terms(office.law)
    status, answer = call.post("/v1/refills", proposal(daemon, "bob"), "treasurer")
    assert (403, "not_the_maker") == (status, code_of(answer))


def test_malformed_terms_name_the_field(office: OfficeForTests, call: Caller) -> None:
    """Terms are read strictly: a number with a plus sign is none."""
    body = proposal(made_by(office, "alice"), "alice")
    terms = {**terms_to_json(made_by(office, "alice")), "amount": "+5"}
    status, answer = call.post("/v1/refills", {**body, "terms": terms}, "treasurer")
    assert (400, "bad_terms") == (status, code_of(answer))
    assert "amount" in answer["error"]["message"]


def test_lists_are_narrowed_and_paged(office: OfficeForTests, call: Caller) -> None:
    """By state, wallet, asset, time and number; newest first."""
    for salt in range(3):
        office.propose(salt=bytes([salt] * 16))
        office.move_refill(salt + 1, RefillState.REJECTED)
    office.clock.advance(100)
    office.propose(salt=b"\x09" * 16, asset=Address(TOKEN), amount=10**9)

    def ids(query: str) -> list[int]:
        return [refill["id"] for refill in call.get(f"/v1/refills{query}")[1]["refills"]]

    assert [4, 3, 2, 1] == ids("")
    assert [4] == ids("?state=proposed,approved")
    assert [3, 2, 1] == ids("?asset=ETH")
    assert [4] == ids(f"?since={NOON + 50}")
    assert [3, 2] == ids("?before=4&limit=2")
    assert [] == ids("?wallet=hot-b")
    assert [4, 3, 2, 1] == ids("?wallet=hot-a")


def test_reported_balances_stand_apart_from_the_terms(office: OfficeForTests, call: Caller) -> None:
    """What the daemon believes is under its own key, with the block that it comes from."""
    office.propose()
    assert call.get("/v1/refills/1")[1]["reported"] is None
    office.see("vault", 1000 * ETH)
    reported = call.get("/v1/refills/1")[1]["reported"]
    assert ("1000 ETH", str(1000 * ETH)) == (
        reported["source_balance_text"],
        reported["source_balance"],
    )
    assert ("unknown", None) == (
        reported["destination_balance_text"],
        reported["destination_balance"],
    )
    assert office.block == reported["block"]
