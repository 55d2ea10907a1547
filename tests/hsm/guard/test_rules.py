"""The last value that each rule allows, and the first that it refuses."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hsm.book.spends import record_spend
from hsm.guard.rules import CLOCK_SKEW_S, LEAST_GAS, MOST_GAS
from hsm.wire.fields import to_hex
from hsm.wire.message import Result
from policies.consent import veto_digest
from policies.limits import SAFETY_FEES
from policies.terms import Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import FEES, MAX_FEE, VaultRoom, codes, nonce_of
from tests.laws import ETH, GONE, TOKEN, USDC, make_law, sign

LIFE = 3600
TOKENS = {
    "per_transfer": "50 USDC",
    "window_s": 3600,
    "window_amount": "50 USDC",
    "window_count": 9,
    "first_use_amount": "50 USDC",
}


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"gas_limit": LEAST_GAS}, set()),
        ({"gas_limit": LEAST_GAS - 1}, {"gas_limit"}),
        ({"gas_limit": MOST_GAS}, set()),
        ({"gas_limit": MOST_GAS + 1}, {"gas_limit"}),
        ({"max_priority_fee_per_gas": FEES.max_fee_per_gas}, set()),
        ({"max_priority_fee_per_gas": FEES.max_fee_per_gas + 1}, {"tip_too_high"}),
        ({"l1_fee": MAX_FEE - FEES.total}, set()),
        ({"l1_fee": MAX_FEE - FEES.total + 1}, {"fee_too_high"}),
    ],
)
def test_fees_to_the_wei(room: VaultRoom, changes: dict[str, int], refused: set[str]) -> None:
    """Gas, tip and total cost are held to their bounds, which may be reached."""
    answer = room.sign(room.order(Purpose.SWEEP), fees=dataclasses.replace(FEES, **changes))

    assert refused == codes(answer)


@pytest.mark.parametrize(
    ("proposed", "expires", "refused"),
    [
        (0, 1, set()),
        (-LIFE, 0, {"expired"}),
        (CLOCK_SKEW_S, LIFE, set()),
        (CLOCK_SKEW_S + 1, LIFE, {"from_the_future"}),
        (0, LIFE, set()),
        (0, LIFE + 1, {"lives_too_long"}),
    ],
)
def test_time_to_the_second(
    room: VaultRoom, clock: FakeClock, proposed: int, expires: int, refused: set[str]
) -> None:
    """Terms of a refill begin at most a minute ahead, end before their expiry and live an hour."""
    now = clock.unix()
    terms = room.order(proposed_at=now + proposed, expires_at=now + expires)

    assert refused == codes(room.sign(terms, "alice", "bob"))


@pytest.mark.parametrize(("life", "refused"), [(86_400, set()), (86_401, {"lives_too_long"})])
def test_other_terms_live_a_day(
    room: VaultRoom, clock: FakeClock, life: int, refused: set[str]
) -> None:
    """What is no refill lives a day at most."""
    now = clock.unix()
    terms = room.order(Purpose.SWEEP, proposed_at=now, expires_at=now + life)

    assert refused == codes(room.sign(terms))


@pytest.mark.parametrize(
    ("nonce", "refused"),
    [(2**53, set()), (2**53 + 1, {"nonce_claimed"}), (2**70, {"nonce_claimed"})],
)
def test_a_claimed_nonce_has_an_end(room: VaultRoom, nonce: int, refused: set[str]) -> None:
    """An evacuation may jump far; the honest nonce may be claimed again after it."""
    room.isolate("hot-a")
    far = room.sign(room.order(Purpose.EVACUATION), nonce=nonce)
    back = room.sign(room.order(Purpose.EVACUATION, amount=1), nonce=3)

    assert refused == codes(far)
    assert (Result.SIGNED, 3) == (back.result, nonce_of(back))


def test_without_a_rule_no_gas_is_given(tmp_path: Path, clock: FakeClock) -> None:
    """A law without top-ups on a chain gives none there."""
    room = VaultRoom(tmp_path, clock, law=make_law(**{"chains.devnet.top_up": GONE}).law)
    answer = room.sign(room.order(Purpose.TOP_UP))
    room.close()

    assert {"no_top_up_rule"} == codes(answer)


def test_a_second_veto_of_one_person_changes_nothing(room: VaultRoom) -> None:
    """It is written down once, and a stranger's never."""
    digest = room.id_of(room.order())
    signatures = [
        to_hex(sign(name, veto_digest(digest, room.book.deployment)))
        for name in ("alice", "alice", "bob")
    ]
    places = []
    for signature in signatures:
        room.call("veto", {"digest": to_hex(digest), "signature": signature})
        places.append(room.book.seq)

    assert places[0] == places[1] == places[2] - 1


@pytest.mark.parametrize(
    ("purpose", "refused"),
    [
        (Purpose.WITHDRAWAL, {"law_changed"}),
        (Purpose.TOP_UP, {"law_changed"}),
        (Purpose.SWEEP, set()),
    ],
)
def test_terms_toward_exposure_name_the_law_in_force(
    room: VaultRoom, purpose: Purpose, refused: set[str]
) -> None:
    """Also where nobody has to approve; only moves to safety outlive the law of their making."""
    answer = room.sign(room.order(purpose, law_digest=bytes(31) + b"\1"))

    assert refused == codes(answer)


def test_moves_home_burn_a_days_fees_at_most(room: VaultRoom) -> None:
    """Two hundred times the ceiling may be burnt from a wallet in a day, and not a wei more."""
    spent = room.order(Purpose.SWEEP, amount=7)
    with room.book.transaction():
        for _ in range(SAFETY_FEES - 1):
            record_spend(
                room.book, room.id_of(spent), spent, first_use=False, now=room.clock.unix()
            )
    last = room.sign(room.order(Purpose.SWEEP))
    more = room.sign(room.order(Purpose.SWEEP, amount=1, max_fee=FEES.total))

    assert Result.SIGNED is last.result
    assert {"fee_window"} == codes(more)


def token_room(tmp_path: Path, clock: FakeClock) -> VaultRoom:
    """Return a room whose law lets 50 USDC out in an hour."""
    law = make_law(**{"pools.main.assets.USDC.withdrawal": TOKENS}).law
    return VaultRoom(tmp_path, clock, law=law)


def test_a_tokens_window_is_reached_to_the_unit(tmp_path: Path, clock: FakeClock) -> None:
    """Fees are no part of a token's own window."""
    room = token_room(tmp_path, clock)
    most = room.sign(room.order(Purpose.WITHDRAWAL, asset=TOKEN, amount=50 * USDC))
    more = room.sign(room.order(Purpose.WITHDRAWAL, asset=TOKEN, amount=1))
    room.close()

    assert Result.SIGNED is most.result
    assert "window_amount" in codes(more)


def test_fees_of_tokens_fill_the_coins_window(tmp_path: Path, clock: FakeClock) -> None:
    """A token withdrawal whose fee has no room left among native withdrawals is refused."""
    room = token_room(tmp_path, clock)
    for amount in (4 * ETH, 4 * ETH, 4 * ETH, 4 * ETH, 4 * ETH - MAX_FEE):
        terms = room.order(Purpose.WITHDRAWAL, amount=amount - MAX_FEE)
        with room.book.transaction():
            record_spend(room.book, room.id_of(terms), terms, first_use=False, now=clock.unix())
    fits = room.sign(room.order(Purpose.WITHDRAWAL, asset=TOKEN, amount=1))
    more = room.sign(room.order(Purpose.WITHDRAWAL, asset=TOKEN, amount=2, max_fee=FEES.total))
    room.close()

    assert Result.SIGNED is fits.result
    assert {"fee_window"} == codes(more)
