"""What is taken out of the windows was never in them, and nothing else is touched (R2.0)."""

from __future__ import annotations

from pathlib import Path

import pytest

from hsm.book import recount, spends
from hsm.book.book import Book
from hsm.book.spends import Totals, totals_for
from policies.terms import Purpose, TransferTerms
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom
from tests.laws import ETH, address_of

HOUR = 3600
# Seconds after the start, amount, recipient: twins in one second, twins in others, odd ones.
PAYOUTS = (
    (0, 2, "ann"),
    (0, 2, "bea"),
    (0, 3, "ann"),
    (7, 2, "cyd"),
    (7, 5, "dan"),
    (900, 2, "eve"),
)


def payouts(room: VaultRoom) -> list[tuple[int, TransferTerms]]:
    """Return the withdrawals with their times."""
    start = room.clock.unix()
    return [
        (
            start + after,
            room.order(Purpose.WITHDRAWAL, destination=address_of(to), amount=amount * ETH),
        )
        for after, amount, to in PAYOUTS
    ]


def record(room: VaultRoom, at: int, terms: TransferTerms, *, first_use: bool = True) -> None:
    """Count one order."""
    book: Book = room.book
    spends.record_spend(book, room.id_of(terms), terms, first_use=first_use, now=at)


def seen(room: VaultRoom, terms: TransferTerms) -> list[Totals]:
    """Return what the windows hold at every moment that can tell rows apart."""
    start = room.clock.unix()
    moments = [start + after for after in (900, HOUR - 1, HOUR, HOUR + 6, HOUR + 7, HOUR + 900)]
    return [totals_for(room.book, terms, room.law, moment) for moment in moments]


@pytest.mark.parametrize("taken", range(len(PAYOUTS)))
def test_what_is_taken_out_was_never_counted(
    tmp_path: Path, room: VaultRoom, clock: FakeClock, taken: int
) -> None:
    """Whichever it is, the windows then hold what they would hold without it, at every moment."""
    (tmp_path / "other").mkdir()
    other = VaultRoom(tmp_path / "other", clock)
    orders = payouts(room)
    with room.book.transaction():
        for at, terms in orders:
            record(room, at, terms)
        at, terms = orders[taken]
        recount.take_out(room.book, room.id_of(terms), terms, law=room.law, at=at)
    with other.book.transaction():
        for place, (when, each) in enumerate(orders):
            if place != taken:
                record(other, when, each)
    without = seen(other, terms)
    other.close()

    assert without == seen(room, terms)


def test_what_is_counted_again_counts_from_then_on(room: VaultRoom) -> None:
    """It is in the window of its new time, and no longer in that of its old one."""
    at, terms = payouts(room)[0]
    with room.book.transaction():
        record(room, at, terms)
        recount.take_out(room.book, room.id_of(terms), terms, law=room.law, at=at)
        later = at + HOUR // 2
        recount.count_again(room.book, room.id_of(terms), terms, first_use=True, now=later)

    for now, amount in ((later, 2 * ETH), (at + HOUR, 2 * ETH), (later + HOUR, 0)):
        found = totals_for(room.book, terms, room.law, now)
        assert (amount, amount) == (found.withdrawn, found.withdrawn_new)


@pytest.mark.parametrize(("ago", "was_new"), [(HOUR - 1, True), (HOUR, False)])
def test_a_known_recipients_order_takes_no_new_ones_place(
    room: VaultRoom, ago: int, was_new: bool
) -> None:
    """Of two orders alike in second and amount, only one that was to a new recipient counted so."""
    (at, known), (_, new) = payouts(room)[:2]
    with room.book.transaction():
        spends.keep_recipient(room.book, known, at - ago)
        record(room, at, known, first_use=was_new)
        record(room, at, new)
        recount.take_out(room.book, room.id_of(known), known, law=room.law, at=at)
    found = totals_for(room.book, new, room.law, at)

    assert (2 * ETH, 2 * ETH) == (found.withdrawn, found.withdrawn_new)


def test_a_refill_is_taken_out_by_its_name(room: VaultRoom) -> None:
    """Of two refills alike in second and amount, the other keeps its place and what came before."""
    first, second, third = (room.order(amount=n * ETH) for n in (10, 10, 5))
    at, ids = room.clock.unix(), [room.id_of(terms) for terms in (first, second, third)]
    with room.book.transaction():
        for terms in (first, second, third):
            record(room, at, terms)
        recount.take_out(room.book, ids[0], first, law=room.law, at=at)
    before = [spends.refilled_before(room.book, id_, first, room.law) for id_ in ids[:2]]

    assert [None, 0] == before
    assert 10 * ETH == spends.refilled_before(room.book, ids[2], third, room.law)
    assert 15 * ETH == totals_for(room.book, third, room.law, at).refilled


def test_what_is_not_there_takes_nothing_out(room: VaultRoom) -> None:
    """Another amount, or another second: the windows stay as they were."""
    (at, terms), (_, other) = payouts(room)[0], payouts(room)[2]
    with room.book.transaction():
        record(room, at, terms)
        before = seen(room, terms)
        recount.take_out(room.book, room.id_of(other), other, law=room.law, at=at)
        recount.take_out(room.book, room.id_of(terms), terms, law=room.law, at=at - 1)

    # The fee and the count are alike in both, so they are found; the amounts are not.
    assert [t.withdrawn for t in before] == [t.withdrawn for t in seen(room, terms)]
