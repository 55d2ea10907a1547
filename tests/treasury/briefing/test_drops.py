"""Drops: what fell is followed sight by sight, and comes to the same as reading it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.terms import NATIVE
from tests.fakes.belt import CHAIN_ID, Belt
from tests.laws import ETH, address_of, make_law
from treasury.briefing.drops import SLOT_S, DropsSeen

pytestmark = pytest.mark.usefixtures("quiet")
HOT, DAY_S = address_of("hot-a"), 86_400


def follow(belt: Belt, drops: DropsSeen) -> int:
    """Follow the belt's sights; return what fell in the last hour."""
    now = belt.clock.unix()
    with belt.ledger.read() as session:
        drops.follow(session, CHAIN_ID, {HOT}, now)
    return drops.since(now - 3600)[HOT, NATIVE]


def test_following_comes_to_the_same_as_reading_at_once(directory: Path) -> None:
    """Rises count for nothing, falls once each, unknown sights are skipped, others are left out."""
    belt = Belt(directory, law=make_law(**{"wallets.hot-a.custody": "shared"}).law, hot=60 * ETH)
    drops, seen = DropsSeen(DAY_S), []
    for change in (0, -3, 5, -2, -1):
        belt.fund("hot-a", change * ETH)
        belt.fund("hot-b", -ETH)
        belt.chain.unknown = {(HOT, NATIVE)} if change == 5 else set()
        belt.chain.mine()
        belt.watch()
        seen.append(follow(belt, drops) // ETH)
        belt.clock.advance(60)

    assert [0, 3, 3, 3, 4] == seen
    assert 4 * ETH == follow(belt, DropsSeen(DAY_S))


def test_what_fell_is_forgotten(directory: Path) -> None:
    """A slot counts as a whole until it is older than the span, and then no more."""
    belt = Belt(directory, hot=60 * ETH)
    belt.watch()
    belt.fund("hot-a", -ETH)
    belt.chain.mine()
    belt.watch()
    drops = DropsSeen(DAY_S)

    assert ETH == follow(belt, drops)
    belt.clock.advance(3600 + SLOT_S)
    assert 0 == follow(belt, drops)
