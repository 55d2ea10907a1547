"""What the judgement is measured against: a rule of two lines, and a forest of half-space trees.

Both take the same events and answer the same ladder, so the score table can be made of them.
"""

from __future__ import annotations

import copy
from collections import deque
from math import log
from typing import Any

from policies.outflow.event import Outflow
from policies.outflow.verdict import CALM, Judgement, Verdict

HOUR_S = 3_600
TIMES_RECORD = 3.0
_HELD = Judgement(Verdict.HOLD, 3.0, ())


class TwoLines:
    """Hold a new recipient with a record amount, and three times the record hourly outflow."""

    def __init__(self) -> None:
        """Start with empty records."""
        self.seen: set[str] = set()
        self.records: dict[str, float] = {}
        self.hours: dict[str, float] = {}
        self.within: dict[str, deque[tuple[int, float]]] = {}
        self.sums: dict[str, float] = {}

    def judge(self, event: Outflow) -> Judgement:
        """Judge one transfer by the records of its asset, then take it into them."""
        name, amount = event.asset, event.amount
        within = self.within.setdefault(name, deque())
        while within and within[0][0] <= event.time - HOUR_S:
            self.sums[name] -= within.popleft()[1]
        within.append((event.time, amount))
        hour = self.sums[name] = self.sums.get(name, 0.0) + amount
        is_new = event.recipient not in self.seen
        held = (is_new and amount > self.records.get(name, 0.0)) or (
            hour > TIMES_RECORD * self.hours.get(name, amount)
        )
        self.seen.add(event.recipient)
        self.records[name] = max(amount, self.records.get(name, 0.0))
        self.hours[name] = max(hour, self.hours.get(name, 0.0))
        return _HELD if held else CALM


class Forest:
    """Half-space trees of the library `river` over what one transfer shows by itself."""

    def __init__(self, trees: Any, *, hold_at: float) -> None:  # noqa: ANN401 (no types there)
        """Use a forest that was made by the caller; hold what scores above a limit."""
        self.trees, self.hold_at = trees, hold_at
        self.seen: dict[str, int] = {}
        self.last = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> Forest:
        """Return a twin: the library's trees copy like any object."""
        twin = Forest(copy.deepcopy(self.trees, memo), hold_at=self.hold_at)
        twin.seen, twin.last = dict(self.seen), self.last
        return twin

    def judge(self, event: Outflow) -> Judgement:
        """Score the transfer, then learn it."""
        times = self.seen.get(event.recipient, 0)
        features = {
            "size": log(event.amount) if event.amount > 0.0 else 0.0,
            "newness": 1.0 / (1.0 + times),
            "gap": log(1.0 + max(0, event.time - self.last)),
            "hour": float(event.time // HOUR_S % 24),
        }
        self.seen[event.recipient] = times + 1
        self.last = event.time
        score = self.trees.score_one(features)
        self.trees.learn_one(features)
        return _HELD if score > self.hold_at else CALM
