"""What must happen when the chain takes back more than the treasury waits for.

Nobody can settle such a run: what was paid for good may be gone, and only people can say which
chain is the right one. But the look that saw it must halt exposure, an alarm must ring, and every
promise that does not depend on the chain's word must hold to the end: above all, that no order is
mined twice and no nonce is given to two.

    finality = Finality(world)
    with finality.watched():
        world.watch()                 # raises `Violation` when it passed over a broken finality
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.simulation.judge import Violation
from tests.simulation.world import CHAIN_ID, SimulatedWorld
from treasury.ledger import alarms
from treasury.ledger.facts import Tick
from treasury.ledger.queries import watch

_SUBJECT = "chain:devnet"


class Finality:
    """Knows whether it ever broke in this run; see the module's text."""

    def __init__(self, world: SimulatedWorld) -> None:
        """Begin with a chain that keeps what is final."""
        self.world = world
        self.is_broken = False

    def break_it(self, depth: int, *, keep: bool) -> None:
        """Let the chain take back `depth` blocks, more than anybody waits for."""
        depth = min(depth, self.world.sea.height)
        self.is_broken = True
        self.world.sea.reorg(depth, keep=keep)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Require that a look whose final block was replaced halts and rings."""
        before = self._look()
        yield
        after = self._look()
        if before is None or before.final is None or after is None or after.id == before.id:
            return
        if self.world.sea.is_canonical(before.final):
            return
        self.world.dice.seen["finality_broke"] += 1
        with self.world.ledger.read() as session:
            rings = alarms.rings(session, "finality_broken", _SUBJECT)
        if not rings or not self.world.is_halted():
            text = f"block {before.final.number} was final and is gone, yet nothing halted or rang"
            raise Violation(f"I10: {text}")

    def _look(self) -> Tick | None:
        with self.world.ledger.read() as session:
            return watch.last_good_tick(session, CHAIN_ID)
