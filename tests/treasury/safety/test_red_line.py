"""The red line: a law that accepts less than it lets go halts; a stranger's deposit does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.belt import Belt
from tests.laws import ETH, make_law
from treasury.ledger.queries import standings
from treasury.safety.red_line import RedLine

TIGHT = make_law(**{"chains.devnet.max_loss": {"ETH": "10 ETH", "USDC": "300000 USDC"}}).law


def red_line(belt: Belt) -> RedLine:
    """Return the look of a belt."""
    chains = {"devnet": belt.world.settings}
    return RedLine(ledger=belt.ledger, chains=chains, clock=belt.clock)


@pytest.mark.usefixtures("quiet")
def test_a_law_above_its_own_max_loss_halts(directory: Path) -> None:
    """R2.14: not only at the start: a law that comes into force while the daemon runs, too."""
    belt = Belt(directory, law=TIGHT, hot=5 * ETH)
    belt.run(2)
    before = belt.is_halted()
    halted = red_line(belt).look()
    with belt.ledger.read() as session:
        exposure = standings.exposure(session)

    assert (False, True, True) == (before, halted, belt.is_halted())
    assert exposure is not None
    assert "the law lets more ETH go than max_loss" in exposure.why
    assert not red_line(belt).look()


@pytest.mark.usefixtures("quiet")
def test_a_deposit_above_the_cap_halts_nobody(directory: Path) -> None:
    """Whoever sends us more than we want to hold must not thereby stop us."""
    belt = Belt(directory, hot=60 * ETH)
    belt.fund("hot-a", 5_000 * ETH)
    belt.run(3)

    assert (False, False) == (red_line(belt).look(), belt.is_halted())
