"""The file that is kept on a recipient while it is young."""

from __future__ import annotations

from math import exp, log

HOUR_S = 3_600.0
UNIT = 64
PER_OCTAVE = 2.0 / log(2.0)
SCORE_STEP = 0.25
SCORE_BUCKETS = 160
HEAT_BUCKETS = 64
_PER_HEAT = 4.0 / log(2.0)


class Case:
    """What a recipient got since it was first seen, and how surprising that was in sum.

    `score` adds up decades of surprise; `heat` counts payments that fade within an hour.
    """

    __slots__ = ("assets", "count", "first", "first_size", "gap_least", "heat", "heat_top", "score_top", "times_slot", "heat_slot", "held_at", "key",
                 "last", "level", "score", "score_slot", "total", "total_slot")  # fmt: skip

    def __init__(self, key: int, time: int) -> None:
        """Open the file at the first payment."""
        self.key = key
        self.first = time
        self.last = time
        self.count = 0
        self.score = 0.0
        self.total = 0.0
        self.first_size = 0.0
        self.heat = 0.0
        self.level = 0
        self.assets: tuple[str, ...] = ()
        self.score_slot = self.total_slot = self.heat_slot = self.times_slot = -1
        self.held_at = 0.0
        self.score_top = self.heat_top = 0
        self.gap_least = 15

    def heat_now(self, time: int) -> float:
        """Return the heat with one more payment now."""
        past = time - self.last
        return self.heat * exp(-past / HOUR_S) + 1.0 if past > 0 else self.heat + 1.0

    def state(self) -> list[object]:
        """Return the file as JSON values."""
        return [format(self.key, "x"), self.first, self.last, self.count, self.score, self.total,
                self.first_size, self.heat, self.level, list(self.assets), self.score_slot,
                self.total_slot, self.heat_slot, self.held_at]  # fmt: skip


def score_slot(score: float) -> int:
    """Return the bucket of a sum of surprise."""
    return min(int(score / SCORE_STEP), SCORE_BUCKETS - 1)


def heat_slot(heat: float) -> int:
    """Return the bucket of a heat of one or more."""
    return min(int(log(heat) * _PER_HEAT + 0.25), HEAT_BUCKETS - 1)


def size_slot(size: float) -> int:
    """Return the bucket of a size."""
    return max(0, min(int(log(size) * PER_OCTAVE + UNIT + 0.5), 127))
