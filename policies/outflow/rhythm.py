"""How busy the wallet is at each hour of the week, so that a busy night stands out.

An hour's usual number of payments moves an eighth of the way each week.  A size paid in an hour
that is usually quiet weighs more, in a usually busy one less; before two weeks are known every
hour weighs the same.
"""

from __future__ import annotations

from math import sqrt

HOURS = 168
HOUR_S = 3_600
_LEARNS = 0.125
_WEEKS_MIN = 2
_HEAVIEST = 3.0
_LIGHTEST = 0.6


class Rhythm:
    """The usual number of payments by hour of the week, and the weight of the present hour."""

    __slots__ = ("count", "hour", "hours_seen", "usual", "weight")

    def __init__(self) -> None:
        """Start knowing nothing."""
        self.usual = [0.0] * HOURS
        self.hour = 0
        self.hours_seen = 0
        self.count = 0
        self.weight = 1.0

    def advance(self, time: int) -> None:
        """Close the hours that ended and weigh the one that begins."""
        hour = time // HOUR_S
        if hour <= self.hour:
            return
        if self.hour:
            passed = min(hour - self.hour, HOURS)
            for step in range(passed):
                self._close(self.hour + step, self.count if step == 0 else 0)
        self.hour, self.count = hour, 0
        self.weight = self._weigh(hour)

    def _close(self, hour: int, count: int) -> None:
        slot = hour % HOURS
        first = self.hours_seen < HOURS
        self.usual[slot] += (count - self.usual[slot]) * (1.0 if first else _LEARNS)
        self.hours_seen += 1

    def _weigh(self, hour: int) -> float:
        if self.hours_seen < _WEEKS_MIN * HOURS:
            return 1.0
        slot = hour % HOURS
        near = (self.usual[slot - 1] + self.usual[slot] + self.usual[(slot + 1) % HOURS]) / 3.0
        mean = sum(self.usual) / HOURS
        ratio = (mean + 0.05) / (near + 0.05)
        return min(max(sqrt(ratio), _LIGHTEST), _HEAVIEST)
