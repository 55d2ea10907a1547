"""The figure of a stolen key, against a thief on the belt who strikes at any moment."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from policies.exposure import Threat, exposures
from policies.lifecycles import WalletState
from tests.fakes.belt import Belt
from tests.laws import ETH, address_of, make_law
from treasury.briefing.exposure import by_law_alone, gather
from treasury.ledger.queries import standings

pytestmark = pytest.mark.usefixtures("quiet")


def figure(belt: Belt) -> int:
    """Return what `exposure` says that the key of hot-a could cost now, in wei."""
    with belt.ledger.read() as session:
        facts = gather(session, belt.law, {})
    wanted = (Threat.STOLEN_KEY, "hot-a", "ETH")
    return next(f.at_most for f in exposures(facts) if (f.threat, f.name, f.symbol) == wanted)


def live_a_little(belt: Belt, dice: random.Random) -> None:
    """Pay, propose, approve, deposit: whatever a day brings."""
    for number in range(dice.randrange(2, 12)):
        chance = dice.random()
        if chance < 0.3:
            belt.ask_withdrawal(dice.randrange(1, 3) * ETH, "customer", key=f"k{number}")
        elif chance < 0.5:
            belt.chain.fund(address_of("hot-a"), dice.randrange(1, 30) * ETH)
        for refill in belt.open_refills():
            if not belt.approvers(refill) and dice.random() < 0.6:
                belt.approve(refill, "alice", "bob")
        belt.run(1)


def rob(belt: Belt) -> int:
    """Take all that hot-a has in every block until it is isolated and empty; return the loot."""
    before = belt.chain.balance(address_of("thief"))
    for _ in range(12):
        held = belt.chain.balance(address_of("hot-a"))
        if held:
            belt.chain.spend(address_of("hot-a"), address_of("thief"), held)
        belt.run(1)
    with belt.ledger.read() as session:
        wallet = standings.wallet(session, "hot-a")
    assert wallet is not None
    assert WalletState.ISOLATED is wallet.state
    return belt.chain.balance(address_of("thief")) - before


@pytest.mark.parametrize("seed", range(4))
def test_no_moment_of_theft_costs_more_than_the_figure(directory: Path, seed: int) -> None:
    """R2.14: struck at any moment, with refills in any state, the figure holds."""
    dice = random.Random(seed)
    belt = Belt(directory, hot=dice.choice([5, 10, 60]) * ETH)
    belt.run(2)
    live_a_little(belt, dice)
    most = figure(belt)
    took = rob(belt)

    assert 0 < took <= most


def test_a_deposit_is_no_fault_of_the_law(directory: Path) -> None:
    """Whoever sends coins above the cap raises the figure, and not the one that halts."""
    belt = Belt(directory, hot=60 * ETH, law=make_law().law)
    belt.chain.fund(address_of("hot-b"), 500 * ETH)
    belt.run(1)
    with belt.ledger.read() as session:
        facts = gather(session, belt.law, {})
    found = {
        name: next(f.at_most for f in exposures(given) if f.name == "hot-b" and f.symbol == "ETH")
        for name, given in (("now", facts), ("by law", by_law_alone(facts)))
    }

    seen = facts.balances["hot-b", "ETH"]
    assert seen is not None
    assert {"now": seen, "by law": 100 * ETH} == found
    assert seen >= 500 * ETH
