"""The simulator tells when a look passes over a chain that took back what was final."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation.dice import Dice
from tests.simulation.finality import Finality
from tests.simulation.judge import Violation
from tests.simulation.world import SimulatedWorld, world_of
from treasury.stations import observe


@pytest.fixture
def world() -> Iterator[SimulatedWorld]:
    """Lend a world without weather whose chain has been looked at."""
    dice = Dice(0)
    dice.calm = True
    with world_of(dice) as lent:
        lent.sea.mine(6)
        lent.watch()
        yield lent


def test_a_look_that_halts_is_content(world: SimulatedWorld) -> None:
    """Exposure is halted by the look that finds another block in the place of a final one."""
    finality = Finality(world)
    finality.break_it(4, keep=True)
    with finality.watched():
        world.watch()

    assert world.is_halted()
    assert 1 == world.dice.seen["finality_broke"]


def test_a_look_that_goes_on_is_a_violation(
    world: SimulatedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A treasury that does not compare is told apart from one that does."""
    monkeypatch.setattr(observe, "_broken", lambda *_: ())
    finality = Finality(world)
    finality.break_it(4, keep=True)
    with pytest.raises(Violation, match="nothing halted or rang"), finality.watched():
        world.watch()
