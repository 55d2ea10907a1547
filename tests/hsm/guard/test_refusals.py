"""What no signature can allow, and what each wallet's state permits: routes, marks, limits."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hsm.errors import TokenAwayError
from hsm.wire.message import Result
from policies.terms import NATIVE, Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import (
    FEES,
    MAX_FEE,
    VaultRoom,
    codes,
    nonce_of,
)
from tests.laws import ETH, PEOPLE, TOKEN, USDC, address_of, make_law

HIGHER = dataclasses.replace(
    FEES, max_fee_per_gas=FEES.max_fee_per_gas * 2, max_priority_fee_per_gas=2 * 10**9
)
HIGHEST = dataclasses.replace(
    FEES, max_fee_per_gas=FEES.max_fee_per_gas * 3, max_priority_fee_per_gas=3 * 10**9
)


@pytest.mark.parametrize(
    ("purpose", "changes", "code"),
    [
        (Purpose.REFILL, {"destination": address_of("mallory")}, "not_a_hot_wallet"),
        (Purpose.REFILL, {"source": address_of("hot-b")}, "not_the_vault"),
        (Purpose.REFILL, {"amount": 0}, "nothing_moves"),
        (Purpose.REFILL, {"max_fee": MAX_FEE + 1}, "fee_ceiling"),
        (Purpose.REFILL, {"chain_id": 1}, "unknown_chain"),
        (Purpose.REFILL, {"asset": address_of("coin")}, "unknown_asset"),
        (Purpose.REFILL, {"source": address_of("mallory")}, "unknown_source"),
        (Purpose.REFILL, {"proposed_at": 2**40, "expires_at": 2**40 + 60}, "from_the_future"),
        (Purpose.SWEEP, {"destination": address_of("mallory")}, "not_the_vault"),
        (Purpose.SWEEP, {"destination": address_of("hot-b")}, "not_the_vault"),
        (Purpose.SWEEP, {"source": address_of("vault")}, "not_a_hot_wallet"),
        (Purpose.EVACUATION, {}, "not_isolated"),
        (Purpose.WITHDRAWAL, {"source": address_of("hot-b")}, "not_active"),
        (Purpose.WITHDRAWAL, {"source": address_of("vault")}, "not_a_hot_wallet"),
        (Purpose.WITHDRAWAL, {"destination": address_of("hot-b")}, "own_wallet"),
        (Purpose.WITHDRAWAL, {"destination": NATIVE}, "not_a_person"),
        (Purpose.WITHDRAWAL, {"destination": TOKEN}, "not_a_person"),
        (Purpose.WITHDRAWAL, {"amount": 5 * ETH + 1}, "per_transfer"),
        (Purpose.WITHDRAWAL, {"asset": TOKEN, "amount": USDC}, "no_withdrawal_rule"),
        (Purpose.TOP_UP, {"source": address_of("vault")}, "not_the_sponsor"),
        (Purpose.TOP_UP, {"destination": address_of("mallory")}, "not_our_wallet"),
        (Purpose.TOP_UP, {"amount": ETH // 2 + 1}, "per_transfer"),
        (Purpose.TOP_UP, {"asset": TOKEN, "amount": 1}, "not_native"),
    ],
)
def test_what_no_signature_can_allow(
    room: VaultRoom, purpose: Purpose, changes: dict[str, object], code: str
) -> None:
    """Routes, amounts, fees and times outside the law are refused with all approvals present."""
    terms = room.order(purpose, **changes)
    answer = room.sign(terms, "alice", "bob", "carol")

    assert Result.REFUSED is answer.result
    assert code in codes(answer)
    assert not room.tokens.signed


def test_every_refusal_is_told_at_once(room: VaultRoom) -> None:
    """The answer carries all reasons, not the first."""
    terms = room.order(amount=0, max_fee=MAX_FEE + 1, destination=address_of("mallory"))
    found = codes(room.sign(dataclasses.replace(terms, what="x")))

    assert {"words_differ", "nothing_moves", "fee_ceiling", "not_a_hot_wallet"} <= found


def test_safe_moves_need_nobody_and_outlive_a_law(room: VaultRoom) -> None:
    """A sweep is signed without approvals; it may name an older law."""
    terms = room.order(Purpose.SWEEP, law_digest=b"\x22" * 32)

    assert Result.SIGNED is room.sign(terms).result


def test_an_isolated_wallet_only_evacuates_and_cancels(room: VaultRoom) -> None:
    """After isolation sweep, withdrawal, refill and their bumps are refused (R2.6)."""
    paid, refilled = room.order(Purpose.WITHDRAWAL), room.order(amount=ETH)
    room.sign(paid)
    room.sign(refilled, "alice", "bob")
    room.isolate("hot-a")

    assert "source_isolated" in codes(room.sign(room.order(Purpose.SWEEP)))
    assert "source_isolated" in codes(room.sign(room.order(Purpose.WITHDRAWAL)))
    assert "source_isolated" in codes(room.again("bump", paid, HIGHER))
    assert "destination_isolated" in codes(room.sign(room.order(), "alice", "bob"))
    assert "destination_isolated" in codes(room.again("bump", refilled, HIGHER))
    assert Result.SIGNED is room.again("cancel", paid, HIGHER).result
    assert Result.SIGNED is room.again("cancel", refilled, HIGHER).result
    assert Result.SIGNED is room.sign(room.order(Purpose.EVACUATION)).result


def test_evacuation_may_jump_to_the_claimed_nonce(room: VaultRoom) -> None:
    """For an isolated wallet alone the daemon's claim is heard, also to replace a pending nonce."""
    paid = room.order(Purpose.WITHDRAWAL)
    room.sign(paid)
    refused = room.sign(room.order(Purpose.WITHDRAWAL), nonce=9)
    room.isolate("hot-a")
    over = room.sign(room.order(Purpose.EVACUATION), nonce=0)
    ahead = room.sign(room.order(Purpose.EVACUATION), nonce=17)
    then = room.sign(room.order(Purpose.EVACUATION))

    assert {"nonce_claimed"} == codes(refused)
    assert [0, 17, 18] == [nonce_of(over), nonce_of(ahead), nonce_of(then)]


def test_shared_custody_signs_only_to_safety_on_claimed_nonces(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Where another engine signs too, only sweeps on the chain's nonce are signed."""
    room = VaultRoom(tmp_path, clock, law=make_law(**{"wallets.hot-a.custody": "shared"}).law)
    sweep = room.order(Purpose.SWEEP)

    assert "shared_custody" in codes(room.sign(room.order(Purpose.WITHDRAWAL)))
    assert {"nonce_missing"} == codes(room.sign(sweep))
    assert 33 == nonce_of(room.sign(sweep, nonce=33))
    assert {"nonce_taken"} == codes(room.sign(room.order(Purpose.SWEEP, amount=1), nonce=33))
    room.close()


def test_numbers_beyond_the_book_are_refused_plainly(room: VaultRoom) -> None:
    """A nonce or chain id that no book can hold is an answer like any other, not an accident."""
    room.isolate("hot-a")

    assert {"nonce_claimed"} == codes(room.sign(room.order(Purpose.EVACUATION), nonce=2**255))
    assert {"nonce_claimed"} == codes(room.sign(room.order(Purpose.EVACUATION), nonce=2**62))
    assert Result.ERROR is room.sign(room.order(Purpose.SWEEP, chain_id=2**255)).result


def test_frozen_stops_exposure_and_lets_safety_pass(room: VaultRoom) -> None:
    """A freeze by anyone stops refill, withdrawal and top-up, not sweep and cancel."""
    signed = room.order(amount=ETH)
    room.sign(signed, "alice", "bob")
    room.call("freeze", {"why": "a test"})

    for purpose in (Purpose.REFILL, Purpose.WITHDRAWAL, Purpose.TOP_UP):
        assert "frozen" in codes(room.sign(room.order(purpose), "alice", "bob"))
    assert "frozen" in codes(room.again("bump", signed, HIGHER))
    assert Result.SIGNED is room.again("cancel", signed, HIGHER).result
    assert Result.SIGNED is room.sign(room.order(Purpose.SWEEP)).result


def test_withdrawals_stay_inside_their_windows(room: VaultRoom, clock: FakeClock) -> None:
    """Amount with fees and amount to new recipients are bounded, and come back with time (R2.0)."""
    paid = 0
    for _ in range(10):
        if room.sign(room.order(Purpose.WITHDRAWAL)).result is Result.SIGNED:
            paid += 1
    refused = room.sign(room.order(Purpose.WITHDRAWAL))
    clock.advance(3600)
    known = [room.sign(room.order(Purpose.WITHDRAWAL, amount=3 * ETH)) for _ in range(8)]

    assert 4 == paid
    assert {"first_use"} == codes(refused)
    assert 6 == sum(a.result is Result.SIGNED for a in known)
    assert {"window_amount"} == codes(known[-1])


def test_refills_lodged_ahead_share_one_window(room: VaultRoom) -> None:
    """An order that the book knows with its consent alone is held to the window like any other."""
    refills = [room.order(amount=n * ETH) for n in (40, 39, 38)]
    lodged = [room.lodge(terms, "alice", "bob", "carol").result for terms in refills]
    room.clock.advance(61)
    answers = [room.sign(terms) for terms in refills]

    assert [Result.OK] * 3 == lodged
    assert [Result.SIGNED, Result.SIGNED, Result.REFUSED] == [a.result for a in answers]


def test_a_recorded_order_is_in_the_window_already(room: VaultRoom) -> None:
    """What the token failed to sign keeps its place: the window that it filled does not bar it."""
    refills = [room.order(amount=n * ETH) for n in (40, 39)]
    room.tokens.trouble_at_signing = TokenAwayError("away")
    room.sign(refills[0], "alice", "bob")
    room.tokens.trouble_at_signing = None
    room.sign(refills[1], "alice", "bob", "carol")
    room.clock.advance(61)
    answers = [room.sign(refills[1]), room.sign(room.order(amount=38 * ETH), *PEOPLE)]

    assert [Result.SIGNED, Result.REFUSED] == [answer.result for answer in answers]
    assert Result.SIGNED is room.sign(refills[0]).result
