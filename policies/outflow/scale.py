"""What a large payment of an asset is for this wallet, learned without any price.

The log of the amounts has a middle and a mean absolute deviation, both moved by clipped steps
(so that no single payment moves them far).  A size is an amount divided by the amount that
about nine in ten payments stay below: sizes of different assets can then be added, because
people pay out similar values whatever the coin.
"""

from __future__ import annotations

from math import sqrt

_PRIOR_DEVIATION = 1.2
_PRIOR_WEIGHT = 3.0
_LEAST_DEVIATION = 0.1
_KEPT = 2_000.0
FLOOD = 16
SETTLED = 256.0
SELDOM = 1
"""A settled scale learns from every second payment only, to be quick."""
EASES_PER_HOUR = 0.003
BELIEVED = 0.5
"""A size's log may be this much for each hour with amounts so far: one burst is no measure."""
HIGH = 1.6
"""Mean absolute deviations from the middle up to the ninth decile (normal in log space)."""


class Scale:
    """The learned middle and spread of one asset's log amounts."""

    __slots__ = (
        "count",
        "deviation",
        "ease",
        "flood",
        "high",
        "hour",
        "hours",
        "last",
        "middle",
        "rarity",
        "stretch",
    )

    def __init__(self) -> None:
        """Start knowing nothing."""
        self.count = 0.0
        self.middle = 0.0
        self.deviation = _PRIOR_DEVIATION
        self.high = 0.0
        self.stretch = 0.0
        self.rarity = 0.0
        self.last = 0
        self.ease = 0.0
        self.hour = self.hours = self.flood = 0

    def size(self, x: float) -> float:
        """Return the log of the size of an amount, given its log.

        While few amounts were seen the distance is shrunk as far as the middle is uncertain;
        the very first amount of an asset is ordinary by definition.
        """
        count = self.count
        if count >= 16.0:
            return x - self.high
        if not count:
            return -HIGH * self.deviation
        size = (x - self.middle) * self.stretch - HIGH * self.deviation
        return min(BELIEVED * min(count, self.hours), size)

    def learn(self, x: float, hour: int) -> bool:
        """Take one more log amount into account unless it is one of a flood; say whether.

        Of a flood only every doubling counts, and it ebbs by half an hour. An earlier hour than
        the last counts as that one: a clock may be set back.
        """
        if hour > self.hour:
            passed = min(hour - self.hour, 24)
            self.ease = EASES_PER_HOUR * passed
            self.hour, self.flood = hour, self.flood >> passed
            self.hours += 1
        self.flood = flood = self.flood + 1
        count = self.count
        if flood & (flood - 1 if flood > FLOOD else SELDOM if count > SETTLED else 0):
            return False
        if not count:
            self.middle = x
        self.count = count + 1.0
        weight = 1.0 / (count + 1.0 if count < _KEPT else _KEPT)
        gap = x - self.middle
        bound = 4.0 * self.deviation
        clipped = min(max(gap, -bound), bound)
        self.middle += weight * clipped
        weight = 1.0 / (min(count, _KEPT) + 1.0 + _PRIOR_WEIGHT)
        moved = self.deviation + weight * (abs(clipped) - self.deviation)
        self.deviation = max(moved, _LEAST_DEVIATION)
        high = self.middle + HIGH * self.deviation
        if high < self.high - self.ease and count >= 16.0:
            # A flood of crumbs does not make yesterday's ordinary payment a giant.
            high = self.high - self.ease
        if self.ease:
            self.ease = 0.0
        self.high = high
        if count < 20.0:
            self.stretch = 1.0 / sqrt(1.0 + 1.5 / (count + 1.0))
        return True
