"""An order whose token failed is signed later, and counts beside what is signed then (R2.0)."""

from __future__ import annotations

import random

import pytest

from hsm.errors import TokenAwayError
from hsm.wire.message import Result
from policies.terms import Purpose, TransferTerms
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom, codes
from tests.laws import ETH, address_of

HOUR = 3600
WINDOW, TO_NEW = 20 * ETH, 8 * ETH


def payout(room: VaultRoom, name: str, amount: int = 2 * ETH) -> TransferTerms:
    """Return a withdrawal that lives for hours."""
    end = room.clock.unix() + 12 * HOUR
    terms = {"destination": address_of(name), "amount": amount, "expires_at": end}
    return room.order(Purpose.WITHDRAWAL, **terms)


def left_waiting(room: VaultRoom, *orders: TransferTerms) -> None:
    """Have orders recorded while the token fails."""
    room.tokens.trouble_at_signing = TokenAwayError("away")
    assert {Result.NOT_READY} == {room.sign(terms).result for terms in orders}
    room.tokens.trouble_at_signing = None


def test_orders_that_waited_for_the_token_do_not_leave_beside_a_full_window(
    room: VaultRoom, clock: FakeClock
) -> None:
    """What was recorded an hour ago is refused while the window is full, and leaves afterwards."""
    waiting = [payout(room, f"old {n}") for n in range(4)]
    left_waiting(room, *waiting)
    clock.advance(HOUR)
    now = [room.sign(payout(room, f"new {n}")).result for n in range(4)]
    refused = [room.sign(terms) for terms in waiting]
    clock.advance(HOUR)
    later = [room.sign(terms).result for terms in waiting]

    assert [Result.SIGNED] * 4 == now
    assert [{"first_use"}] * 4 == [codes(answer) for answer in refused]
    assert [Result.SIGNED] * 4 == later


def test_an_order_counts_from_its_signature_on(room: VaultRoom, clock: FakeClock) -> None:
    """One that was signed late in its own window fills the window of what comes after it."""
    waiting = [payout(room, f"old {n}") for n in range(4)]
    left_waiting(room, *waiting)
    clock.advance(HOUR - 1)
    late = [room.sign(terms).result for terms in waiting]
    clock.advance(1)
    beside = room.sign(payout(room, "new"))
    clock.advance(HOUR - 1)
    after = room.sign(payout(room, "new"))

    assert [Result.SIGNED] * 4 == late
    assert {"first_use"} == codes(beside)
    assert Result.SIGNED is after.result


def test_what_may_not_leave_keeps_its_place(room: VaultRoom, clock: FakeClock) -> None:
    """An attempt that is refused, or finds the token away, changes nothing that is counted."""
    waiting = payout(room, "old", 4 * ETH)
    left_waiting(room, waiting)
    clock.advance(60)
    before = counted(room)
    room.tokens.trouble = TokenAwayError("away")
    away = room.sign(waiting)
    room.tokens.trouble = None
    room.isolate("hot-a")
    isolated = room.sign(waiting)

    assert Result.NOT_READY is away.result
    assert "source_isolated" in codes(isolated)
    assert before == counted(room)


def counted(room: VaultRoom) -> list[tuple[object, ...]]:
    """Return everything that the book counts."""
    ask = room.book.connection.execute
    return [*ask("SELECT * FROM totals"), *ask("SELECT * FROM recipients")]


@pytest.mark.parametrize("seed", range(4))
def test_no_hour_sees_more_than_the_windows_however_the_token_fails(
    room: VaultRoom, clock: FakeClock, seed: int
) -> None:
    """R2.0: by the time of the signatures, over any hour, in any order of failures and retries."""
    dice, waiting = random.Random(seed), list[TransferTerms]()
    signed: list[tuple[int, TransferTerms]] = []
    known: dict[str, int] = {}
    for _ in range(120):
        fails = dice.random() < 0.4
        room.tokens.trouble_at_signing = TokenAwayError("away") if fails else None
        is_old = bool(waiting) and dice.random() < 0.5
        fresh = payout(room, f"customer {dice.randrange(8)}", dice.randint(1, 5) * ETH)
        terms = dice.choice(waiting) if is_old else fresh
        result = room.sign(terms).result
        if result is Result.SIGNED and terms not in [each for _, each in signed]:
            signed.append((clock.unix(), terms))
            known.setdefault(terms.destination, clock.unix())
        if result is Result.NOT_READY and terms not in waiting:
            waiting.append(terms)
        clock.advance(dice.choice([0, 1, 60, 900, 1800]))

    assert len(signed) > 10
    for end, _ in signed:
        recent = [terms for at, terms in signed if end - HOUR < at <= end]
        new = [terms for terms in recent if known[terms.destination] > end - HOUR]
        assert sum(terms.amount + terms.max_fee for terms in recent) <= WINDOW
        assert sum(terms.amount for terms in new) <= TO_NEW
