"""The file that is kept on a recipient while it is young, and the buckets of what it counts."""

from __future__ import annotations

from math import exp, log, log2
from typing import Any

HOUR_S = 3_600.0
UNIT = 64
"""The bucket of size 1."""
SIZES = 128
PER_OCTAVE = 2.0 / log(2.0)
"""Size buckets are half octaves."""
SCORES = 160
SCORES_PER_DECADE = 4.0
NEARS = 64
HEATS = 64
_PER_HEAT = 4.0 / log(2.0)
_ASSETS_MAX = 64
_NO_GAP = 15
_LEAST_LEFT = 2.0**-11
SHARES = 24
HALF = 2
"""The bucket of a payment that leaves half of the balance."""


class Case:
    """What a recipient got since it was first seen, and how surprising that was in sum.

    `score` adds up decades of surprise, `total` sizes; `heat` counts payments that fade within
    an hour.  The slots say where the recipient is counted, -1 for nowhere.
    """

    __slots__ = (
        "again_top", "alone", "assets", "count", "first", "gap_least", "heat", "heat_slot",
        "heat_top", "held_at", "is_old", "jump_top", "key", "last", "level", "pair_top", "score",
        "score_slot", "score_top", "times_slot", "total", "total_slot",
    )  # fmt: skip

    def __init__(self, key: int, time: int) -> None:
        """Open the file before the first payment."""
        self.key = key
        self.first = self.last = time
        self.count = self.level = 0
        self.score = self.total = self.heat = self.held_at = 0.0
        self.assets: tuple[str, ...] = ()
        self.score_slot = self.total_slot = self.heat_slot = self.times_slot = -1
        self.alone = 0.0
        self.score_top = self.heat_top = 0
        self.again_top = self.jump_top = self.pair_top = 0
        self.gap_least = _NO_GAP
        self.is_old = False

    def heat_now(self, time: int) -> float:
        """Return the heat with one more payment now."""
        past = time - self.last
        return self.heat * exp(-past / HOUR_S) + 1.0 if past > 0 else self.heat + 1.0

    def remember_asset(self, name: str) -> None:
        """Note an asset that the recipient got."""
        if name not in self.assets and len(self.assets) < _ASSETS_MAX:
            self.assets = (*self.assets, name)

    def state(self) -> list[object]:
        """Return the file as JSON values."""
        values = [getattr(self, name) for name in self.__slots__]
        return [list(value) if isinstance(value, tuple) else value for value in values]

    @classmethod
    def restored(cls, state: list[Any]) -> Case:
        """Return the file that a former run kept."""
        case = cls(0, 0)
        for name, value in zip(cls.__slots__, state, strict=True):
            setattr(case, name, tuple(value) if isinstance(value, list) else value)
        return case


def score_slot(score: float) -> int:
    """Return the bucket of a sum of surprise."""
    slot = int(score * SCORES_PER_DECADE)
    return slot if slot < SCORES else SCORES - 1


def near_slot(score: float) -> int:
    """Return the bucket of the rarity of payments that come close together."""
    slot = int(score * SCORES_PER_DECADE)
    return slot if slot < NEARS else NEARS - 1


def heat_slot(heat: float) -> int:
    """Return the bucket of a heat, or of a count, of one or more."""
    slot = int(log(heat) * _PER_HEAT + 0.25)
    return slot if slot < HEATS else HEATS - 1


def share_slot(amount: float, balance: float) -> int:
    """Return the bucket of a share of the balance: half octaves of what is left."""
    left = 1.0 - amount / balance
    return int(-2.0 * log2(left)) if left > _LEAST_LEFT else SHARES - 1


def size_slot(size: float) -> int:
    """Return the bucket of a size."""
    slot = int(log(size) * PER_OCTAVE + UNIT + 0.5)
    return 0 if slot < 0 else min(slot, SIZES - 1)
