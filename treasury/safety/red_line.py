"""The red line: a law under which more could be lost than it accepts itself moves nothing.

The doctor draws it at the start; a law may also be adopted while the daemon runs. Only the law
counts here: what somebody deposits above a cap rings, and halts nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.settings import ChainSettings
from policies.exposure import above_max_loss, exposures
from policies.lifecycles import Owner
from policies.terms import Reason
from treasury.briefing.exposure import by_law_alone, gather
from treasury.clock import Clock, unix
from treasury.ledger import Ledger
from treasury.ledger.queries import standings
from treasury.safety.halting import halt


@dataclass(frozen=True, slots=True, kw_only=True)
class RedLine:
    """Looks whether the law in force keeps within its own `max_loss`."""

    ledger: Ledger
    chains: Mapping[str, ChainSettings]
    clock: Clock

    def look(self) -> bool:
        """Halt exposure when a figure of the law alone is above `max_loss`; say whether it did."""
        with self.ledger.read() as session:
            law = standings.law(session)
            if law is None or standings.is_halted(session):
                return False
            facts = gather(session, law, self.chains)
        above = above_max_loss(exposures(by_law_alone(facts)))
        if not above:
            return False
        why = tuple(
            Reason(
                code="above_max_loss",
                text=f"{f.threat.value} of {f.name}: the law lets more {f.symbol} go than max_loss",
            )
            for f in above
        )
        with self.ledger.write() as session:
            return halt(session, actor=Owner.DAEMON, why=why, now=unix(self.clock()))
