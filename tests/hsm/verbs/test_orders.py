"""Orders at the desk: what is signed, what is refused and with every reason, and what repeats."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hsm.book.audit import audit
from hsm.errors import TokenAwayError, TokenLockedError
from hsm.process.desk import Door
from hsm.transaction import read_back
from hsm.wire.answers import Fees
from hsm.wire.fields import to_hex
from hsm.wire.message import Result
from policies.consent import transfer_digest, veto_digest
from policies.terms import MotionKind, Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import (
    CUSTOMER,
    FEES,
    MAX_FEE,
    VaultRoom,
    codes,
    nonce_of,
    order,
    raw_of,
)
from tests.laws import ETH, TOKEN, address_of, make_law, sign

HIGHER = dataclasses.replace(
    FEES, max_fee_per_gas=FEES.max_fee_per_gas * 2, max_priority_fee_per_gas=2 * 10**9
)
HIGHEST = dataclasses.replace(
    FEES, max_fee_per_gas=FEES.max_fee_per_gas * 3, max_priority_fee_per_gas=3 * 10**9
)


def test_refill_needs_two_of_three(room: VaultRoom) -> None:
    """One approval is refused with the count, two are signed (R3.11)."""
    terms = room.order()
    alone = room.sign(terms, "alice")

    assert Result.REFUSED is alone.result
    assert {"quorum_missing"} == codes(alone)
    assert Result.SIGNED is room.sign(terms, "bob").result


def test_same_id_returns_the_same_bytes(room: VaultRoom) -> None:
    """A repeated sign returns the stored bytes, also after a restart, and asks no token (R3.10)."""
    terms = room.order()
    first = room.sign(terms, "alice", "bob")
    signed = len(room.tokens.signed)
    room.reopen()
    again = room.sign(terms, fees=HIGHER)

    assert raw_of(first) == raw_of(again)
    assert signed == len(room.tokens.signed)


def test_nonces_are_assigned_in_turn_per_wallet(room: VaultRoom) -> None:
    """Each wallet counts by itself, and a refusal consumes nothing."""
    vault = [nonce_of(room.sign(room.order(amount=ETH * n), "alice", "bob")) for n in (1, 2)]
    refused = room.sign(room.order(), "alice")
    sweeps = [nonce_of(room.sign(room.order(Purpose.SWEEP))) for _ in range(2)]
    third = nonce_of(room.sign(room.order(amount=ETH), "alice", "bob"))

    assert Result.REFUSED is refused.result
    assert ([0, 1, 2], [0, 1]) == ([*vault, third], sweeps)


def test_start_nonce_comes_from_the_law(tmp_path: Path, clock: FakeClock) -> None:
    """The book begins where the law says, because the wallet may have lived before."""
    room = VaultRoom(tmp_path, clock, law=make_law(**{"wallets.vault.start_nonce": 7}).law)

    assert 7 == nonce_of(room.sign(room.order(), "alice", "bob"))
    room.close()


_CHANGES = {
    "what": "Refill hot-a with 41 ETH from vault on devnet",
    "purpose": Purpose.SWEEP,
    "salt": b"\xff" * 16,
    "chain_id": 1,
    "asset": TOKEN,
    "source": address_of("hot-b"),
    "destination": address_of("mallory"),
    "amount": 41 * ETH,
    "max_fee": MAX_FEE - 1,
    "maker": address_of("mallory"),
    "proposed_at": 1,
    "expires_at": 2**40,
    "law_digest": b"\x11" * 32,
}


@pytest.mark.parametrize("field", list(_CHANGES))
def test_any_field_changed_after_approval_is_refused(room: VaultRoom, field: str) -> None:
    """Approvals cover every field of the terms: none can be changed afterwards (R8.1)."""
    terms = room.order()
    approvals = [to_hex(a) for a in room.approvals(terms, "alice", "bob", "carol")]
    changed = dataclasses.replace(terms, **{field: _CHANGES[field]})  # type: ignore[arg-type]
    answer = room.call("sign", {**room.sign_body(changed), "approvals": approvals})

    assert Result.REFUSED is answer.result
    assert not room.tokens.signed


def test_words_that_lie_are_refused_even_with_all_signatures(room: VaultRoom) -> None:
    """A sentence that differs from the fields is refused, whoever signed it (R8.7)."""
    terms = dataclasses.replace(room.order(), what="Refill hot-a with 1 ETH from vault on devnet")

    assert "words_differ" in codes(room.sign(terms, "alice", "bob", "carol"))


def test_replay_on_another_deployment_is_refused(
    room: VaultRoom, tmp_path: Path, clock: FakeClock
) -> None:
    """An approval of one deployment counts for nothing in another (R8.2)."""
    (tmp_path / "other").mkdir()
    other = VaultRoom(tmp_path / "other", clock)
    terms = room.order()
    approvals = [to_hex(a) for a in room.approvals(terms, "alice", "bob")]
    answer = other.call("sign", {**other.sign_body(terms), "approvals": approvals})
    stolen_id = other.call("sign", {**other.sign_body(terms), "orderId": to_hex(room.id_of(terms))})
    other.close()

    assert {"not_in_roster", "quorum_missing"} <= codes(answer)
    assert {"id_differs"} == codes(stolen_id)


def test_expired_terms_are_refused_at_the_second(room: VaultRoom, clock: FakeClock) -> None:
    """Expiry binds the first signature on the signer's own clock, to the second (R2.13)."""
    early, late = room.order(), room.order(amount=ETH)
    clock.advance(3599)
    assert Result.SIGNED is room.sign(early, "alice", "bob").result
    clock.advance(1)

    assert {"expired"} == codes(room.sign(late, "alice", "bob"))


def test_expiry_spares_bumps_and_cancels(room: VaultRoom, clock: FakeClock) -> None:
    """Once signed, a nonce may be bumped and cancelled after the expiry."""
    terms = room.order()
    room.sign(terms, "alice", "bob")
    clock.advance(10_000)
    bumped = room.again("bump", terms, HIGHER)
    cancelled = room.again("cancel", terms, HIGHEST)

    assert [0, 0] == [nonce_of(bumped), nonce_of(cancelled)]
    assert terms.amount == read_back(raw_of(bumped)).amount
    assert (address_of("vault"), 0) == (
        read_back(raw_of(cancelled)).destination,
        read_back(raw_of(cancelled)).amount,
    )


def test_a_bump_repeats_and_never_exceeds_the_consented_fee(room: VaultRoom) -> None:
    """The same bump returns the same bytes; a lower or too dear one is refused (R4.3)."""
    terms = room.order()
    room.sign(terms, "alice", "bob")
    first, again = room.again("bump", terms, HIGHER), room.again("bump", terms, HIGHER)
    lower = room.again("bump", terms, FEES)
    dear = room.again(
        "bump",
        terms,
        Fees(gas_limit=21_000, max_fee_per_gas=10**12, max_priority_fee_per_gas=10**10),
    )

    assert raw_of(first) == raw_of(again)
    assert {"bump_too_small"} == codes(lower)
    assert {"fee_too_high"} == codes(dear)


@pytest.mark.parametrize(("fee", "tip", "expected"), [(1125, 1125, 0), (1124, 1200, 1), (1, 1, 2)])
def test_a_replacement_rises_by_an_eighth_in_both_fields(
    room: VaultRoom, fee: int, tip: int, expected: int
) -> None:
    """R4.3: 12.5 % in both fields is the least, told for each field that is too low."""
    terms = room.order(Purpose.SWEEP)
    room.sign(terms)
    bid = dataclasses.replace(
        FEES,
        max_fee_per_gas=FEES.max_fee_per_gas * fee // 1000,
        max_priority_fee_per_gas=FEES.max_priority_fee_per_gas * tip // 1000,
    )
    answer = room.again("bump", terms, bid)

    assert expected == sum(reason.code == "bump_too_small" for reason in answer.reasons)
    assert (Result.SIGNED is answer.result) == (expected == 0)


def test_a_cancelled_order_is_not_bid_for_again(room: VaultRoom) -> None:
    """After a cancel the order gets no further exposing attempt on its nonce."""
    terms = room.order()
    room.sign(terms, "alice", "bob")
    room.again("cancel", terms, HIGHER)

    assert "cancelled" in codes(room.again("bump", terms, HIGHEST))


def test_unknown_orders_cannot_be_bumped(room: VaultRoom) -> None:
    """Only a nonce that this book assigned can be bumped or cancelled."""
    terms = room.order()
    room.lodge(terms, "alice", "bob")

    assert {"unknown_order"} == codes(room.again("bump", terms, FEES))
    assert {"unknown_order"} == codes(room.again("cancel", terms, FEES))
    unknown = room.call(
        "sign", {"orderId": to_hex(bytes(32)), "fees": room.sign_body(terms)["fees"]}
    )
    assert {"unknown_order"} == codes(unknown)


def test_maker_does_not_count_as_checker(room: VaultRoom) -> None:
    """A person who proposed does not approve (R8.5)."""
    terms = room.order(maker=address_of("alice"))
    answer = room.sign(terms, "alice", "bob")

    assert {"maker_is_checker", "quorum_missing"} == codes(answer)
    assert Result.SIGNED is room.sign(terms, "carol").result


def test_a_maker_who_did_not_sign_is_no_maker(room: VaultRoom) -> None:
    """A stolen daemon cannot name a treasurer as maker to take that vote away (R8.5)."""
    terms = room.order(maker=address_of("alice"))

    assert {"maker_missing"} == codes(room.sign(terms, "bob", "carol"))
    assert Result.SIGNED is room.sign(terms, "alice").result


def test_one_person_signing_twice_counts_once(room: VaultRoom) -> None:
    """Two different signatures of one treasurer are one approval (R8.5)."""
    terms = room.order()
    room.lodge(terms, "alice")

    assert {"quorum_missing"} == codes(room.sign(terms, "alice"))


def test_a_veto_stops_the_order_at_once_and_its_bumps(room: VaultRoom) -> None:
    """One veto refuses an approved order, and bumps of a signed one; a cancel remains (R2.13)."""
    waiting, signed = room.order(), room.order(amount=ETH)
    room.sign(signed, "alice", "bob")
    for terms in (waiting, signed):
        digest = room.id_of(terms)
        signature = sign("carol", veto_digest(digest, room.book.deployment))
        body = {"digest": to_hex(digest), "signature": to_hex(signature)}
        assert Result.OK is room.call("veto", body).result

    assert "vetoed" in codes(room.sign(waiting, "alice", "bob"))
    assert "vetoed" in codes(room.again("bump", signed, HIGHER))
    assert Result.SIGNED is room.again("cancel", signed, HIGHER).result


def test_a_strangers_veto_is_refused(room: VaultRoom) -> None:
    """Only a treasurer vetoes, and only over the veto's own digest."""
    digest = room.id_of(room.order())
    for signature in (
        sign("mallory", veto_digest(digest, room.book.deployment)),
        sign("alice", digest),
        b"\x01" * 65,
    ):
        body = {"digest": to_hex(digest), "signature": to_hex(signature)}
        assert Result.REFUSED is room.call("veto", body).result


def test_the_time_lock_runs_from_what_the_book_has_seen(room: VaultRoom, clock: FakeClock) -> None:
    """A large refill waits 60 s after its third approval was seen, not after its proposal."""
    terms = room.order(amount=60 * ETH)
    room.lodge(terms, "alice", "bob")
    clock.advance(100)
    seen_at = clock.unix()
    lodged = room.lodge(terms, "carol")
    early = room.sign(terms)
    clock.advance(59)
    still = room.sign(terms)
    clock.advance(1)

    assert str(seen_at + 60) == lodged.body["notBefore"]
    assert [Result.NOT_READY] * 2 == [early.result, still.result]
    assert str(seen_at + 60) == early.body["notBefore"]
    assert Result.SIGNED is room.sign(terms).result


def test_splitting_a_refill_does_not_dodge_the_tier(room: VaultRoom) -> None:
    """The tier counts what was refilled in its window: two of 30 need three approvals."""
    assert Result.SIGNED is room.sign(room.order(amount=30 * ETH), "alice", "bob").result
    second = room.order(amount=30 * ETH)

    assert "quorum_missing" in codes(room.sign(second, "alice", "bob"))


def test_refills_in_a_window_never_exceed_the_cap(room: VaultRoom, clock: FakeClock) -> None:
    """Even with every approval the cap bounds what is signed toward one wallet in a window."""
    first = room.order(amount=100 * ETH)
    room.lodge(first, "alice", "bob", "carol")
    clock.advance(60)
    assert Result.SIGNED is room.sign(first).result
    more = room.order(amount=1)
    assert {"refill_window"} == codes(room.sign(more, "alice", "bob", "carol"))
    clock.advance(86_400)
    later = room.order(amount=ETH)

    assert Result.SIGNED is room.sign(later, "alice", "bob").result


def test_a_token_that_is_away_consumes_nothing(room: VaultRoom) -> None:
    """Away or locked is "not ready": no nonce, no window; later the same id is signed."""
    terms = room.order()
    for trouble in (TokenAwayError("away"), TokenLockedError("locked")):
        room.tokens.trouble = trouble
        answer = room.sign(terms, "alice", "bob")
        assert (Result.NOT_READY, {trouble.code}) == (answer.result, codes(answer))
    room.tokens.trouble = None
    other = room.sign(room.order(amount=ETH), "alice", "bob")

    assert 0 == nonce_of(other)
    assert 1 == nonce_of(room.sign(terms))


def test_a_nonce_recorded_but_not_signed_belongs_to_its_order(room: VaultRoom) -> None:
    """When the token fails midway the same id signs later, with the fees that were recorded."""
    terms = room.order()
    room.tokens.trouble_at_signing = TokenAwayError("it broke")
    assert Result.NOT_READY is room.sign(terms, "alice", "bob").result
    room.tokens.trouble_at_signing = None
    other = room.sign(room.order(amount=ETH), "alice", "bob")
    late = room.sign(terms, fees=HIGHER)

    assert (1, 0) == (nonce_of(other), nonce_of(late))
    assert FEES.max_fee_per_gas == read_back(raw_of(late)).transaction.max_fee_per_gas


def test_a_recorded_nonce_can_be_filled_by_a_cancel(room: VaultRoom, clock: FakeClock) -> None:
    """An order that expired between record and signature is cancelled, never signed."""
    terms = room.order()
    room.tokens.trouble_at_signing = TokenAwayError("it broke")
    room.sign(terms, "alice", "bob")
    room.tokens.trouble_at_signing = None
    clock.advance(4000)

    assert {"expired"} == codes(room.sign(terms))
    assert 0 == nonce_of(room.again("cancel", terms, FEES))
    assert {"cancelled"} == codes(room.sign(terms))


def test_nothing_is_signed_before_genesis(tmp_path: Path, clock: FakeClock) -> None:
    """Without an adopted law every order is refused."""
    room = VaultRoom(tmp_path, clock, adopt=False)

    assert {"no_law"} == codes(room.sign(room.order()))
    room.close()


def test_an_older_daemon_is_fenced_off(room: VaultRoom) -> None:
    """Once a higher epoch was seen, a lower one and none get no signature (R5.7)."""
    body = room.sign_body(room.order(Purpose.SWEEP))
    room.call("sign", {**body, "epoch": "4"})

    assert {"old_epoch"} == codes(room.call("sign", {**body, "epoch": "3"}))
    assert {"old_epoch"} == codes(room.call("sign", body))
    assert Result.SIGNED is room.call("sign", {**body, "epoch": "4"}).result


def test_a_younger_daemon_leads_before_it_asks_for_anything(room: VaultRoom) -> None:
    """From its first word on the older one is refused; it cannot take the lead back (R5.7)."""
    body = room.sign_body(room.order(Purpose.SWEEP))
    first, second = room.call("lead", {"epoch": "4"}), room.call("lead", {"epoch": "5"})

    assert [{"epoch": "4"}, {"epoch": "5"}] == [first.body, second.body]
    assert {"old_epoch"} == codes(room.call("sign", {**body, "epoch": "4"}))
    assert {"old_epoch"} == codes(room.call("lead", {"epoch": "4"}))
    assert Result.ERROR is room.call("lead", {"epoch": "6"}, Door.PEOPLE).result


def test_a_number_that_no_daemon_reaches_is_undone_by_a_quorum(room: VaultRoom) -> None:
    """A stolen daemon may lock the honest one out, until people resume; a restart knows it too."""
    body = room.sign_body(room.order(Purpose.SWEEP))
    room.call("sign", {**room.sign_body(room.order()), "epoch": "9" * 70})
    assert {"old_epoch"} == codes(room.call("sign", body))
    assert {"quorum_missing"} == codes(
        room.carry(MotionKind.RESUME, {"why": "well"}, people=("alice",))
    )
    room.carry(MotionKind.RESUME, {"why": "well"})
    room.reopen()
    audit(room.book)

    assert Result.SIGNED is room.call("sign", body).result


def test_a_token_that_reuses_r_is_found_out(room: VaultRoom) -> None:
    """One r for two digests reveals the key: nothing is handed out, the wallet isolated (R3.12)."""
    terms = room.order(Purpose.SWEEP)
    first = raw_of(room.sign(terms))
    room.tokens.signed.clear()  # so that the nonce of the first signature comes again
    reused = room.sign(room.order(Purpose.SWEEP, amount=1))
    after = room.sign(room.order(Purpose.SWEEP, amount=2))

    assert (Result.REFUSED, {"r_reused"}) == (reused.result, codes(reused))
    assert "source_isolated" in codes(after)
    assert first == raw_of(room.sign(terms))


def test_the_batch_shares_its_commits(room: VaultRoom) -> None:
    """Requests that came together are answered in order, each on its own nonce."""
    from hsm.wire.message import Request

    bodies = [room.sign_body(room.order(Purpose.SWEEP, amount=ETH * n)) for n in (1, 2, 3)]
    bad = room.sign_body(room.order(Purpose.SWEEP, amount=0))
    batch = [(Door.SIGNER, Request(verb="sign", body=b)) for b in (*bodies[:2], bad, bodies[2])]
    answers = room.desk.serve(batch)

    assert [Result.SIGNED, Result.SIGNED, Result.REFUSED, Result.SIGNED] == [
        a.result for a in answers
    ]
    assert [0, 1, 2] == [nonce_of(a) for a in answers if a.result is Result.SIGNED]


def test_the_digest_is_the_order_id(room: VaultRoom) -> None:
    """Both sides compute the same id from the same terms."""
    terms = order(room.law, room.clock)

    assert transfer_digest(terms, room.book.deployment) == room.id_of(terms)
    assert CUSTOMER


def test_no_order_is_signed_before_one_of_its_payment_that_was_recorded(room: VaultRoom) -> None:
    """R4.14: the same salt, or one that counts less in its series, gets no second nonce."""
    series = b"\x42" * 15
    second = room.order(Purpose.WITHDRAWAL, salt=series + b"\x02")
    signed = room.sign(second)
    room.clock.advance(1)
    twin = room.order(Purpose.WITHDRAWAL, salt=series + b"\x02")
    former = room.order(Purpose.WITHDRAWAL, salt=series + b"\x01")
    refused = [room.sign(terms) for terms in (twin, former)]
    lodged = room.lodge(former)
    again = room.sign(second)
    third = room.sign(room.order(Purpose.WITHDRAWAL, salt=series + b"\x03"))

    assert [{"salt_used"}] * 2 == [codes(answer) for answer in refused]
    assert Result.REFUSED is lodged.result
    assert raw_of(signed) == raw_of(again)
    assert [0, 1] == [nonce_of(signed), nonce_of(third)]
    assert Result.SIGNED is room.again("cancel", second, HIGHER).result
