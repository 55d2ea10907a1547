"""How often does something this large happen: a histogram with an extrapolated tail.

Counts sit in buckets of equal width on a logarithmic scale (or a scale of surprise, which is a
logarithm already).  Inside the data the count speaks; above the upper twentieth part a power
law takes over whose steepness is the data's own mean excess (Hill's estimator), drawn towards
a prior while there are few points.  The answer is a *return period in decades of days*:
3.0 means "once in about 1,000 days".
"""

from __future__ import annotations

from math import log10

LN10 = 2.302585092994046
_NONE_SEEN = 0.5
_TRACE = 0.05
_REFRESH_SHARE = 32


class Tail:
    """Counts by bucket, and the return period of reaching each bucket or a higher one."""

    __slots__ = ("anchor", "counts", "decades", "excess_floor", "excess_prior", "pending", "spare", "total")

    def __init__(
        self,
        *,
        size: int,
        excess_prior: float,
        excess_floor: float,
        anchor: int = 0,
        spare: float = 1.0,
    ) -> None:
        """Start empty; the excesses are in buckets; nothing below the anchor is rare.

        What was seen no more often than `spare` times may be an accident (or a probe), so it
        does not make the like of it usual.
        """
        self.spare = spare
        self.anchor = anchor
        self.counts = [0.0] * size
        self.decades = [0.0] * size
        self.excess_prior = excess_prior
        self.excess_floor = excess_floor
        self.pending = 1
        self.total = 0.0

    def add(self, bucket: int) -> None:
        """Count one more in a bucket."""
        self.counts[bucket] += 1.0
        self.total += 1.0
        self.pending += 1

    def move(self, old: int, new: int) -> None:
        """Let what was counted in one bucket be counted in another."""
        self.counts[old] = max(0.0, self.counts[old] - 1.0)
        self.counts[new] += 1.0
        self.pending += 1

    def take(self, bucket: int) -> None:
        """Forget one that was counted in a bucket."""
        self.counts[bucket] = max(0.0, self.counts[bucket] - 1.0)
        self.total = max(0.0, self.total - 1.0)
        self.pending += 1

    def is_stale(self) -> bool:
        """Say whether enough has changed for the answers to differ."""
        return self.pending * _REFRESH_SHARE > self.total

    def fade(self, weight: float) -> None:
        """Let the past keep only a part of its weight."""
        self.counts = [count * weight for count in self.counts]
        self.total *= weight
        self.pending = int(self.total) + 1

    def refresh(self, days: float) -> None:
        """Work out the return periods anew, for a past of so many days."""
        counts = self.counts
        decades = self.decades
        past = log10(max(days, 1e-6))
        threshold, above, excess = self.shoulder()
        fall = 1.0 / (excess * LN10)
        top = log10(max(above, _NONE_SEEN))
        seen = 0.0
        spare = self.spare + _TRACE
        for bucket in range(len(counts) - 1, -1, -1):
            seen += counts[bucket]
            expected = top - (bucket - threshold) * fall if bucket > threshold else top
            if seen > spare:
                expected = max(expected, log10(seen - self.spare))
            decades[bucket] = past - expected
        self.pending = 0

    def shoulder(self) -> tuple[int, float, float]:
        """Return where the tail begins, how many reach it, and their mean excess in buckets."""
        counts = self.counts
        wanted = min(max(4.0, self.total * 0.05), 32.0)
        above = reach = 0.0
        bucket = len(counts) - 1
        while bucket > 0:
            count = counts[bucket]
            if count:
                above += count
                reach += count * bucket
                if above >= wanted:
                    break
            bucket -= 1
        lowest = bucket
        if above < wanted:
            lowest = next((b for b, count in enumerate(counts) if count), self.anchor)
            lowest = max(lowest, self.anchor)
        mean = reach / above - lowest + 0.5 if above else 0.0
        weight = above + 4.0
        excess = (above * mean + 4.0 * self.excess_prior) / weight
        return lowest, above, max(excess, self.excess_floor)

    def state(self) -> list[float]:
        """Return what is needed to go on elsewhere: counts only."""
        return list(self.counts)

    def restore(self, state: list[float]) -> None:
        """Take over the counts of a former run."""
        self.counts = [float(count) for count in state]
        self.total = sum(self.counts)
        self.pending = int(self.total) + 1


def surprise(probability: float) -> float:
    """Return decades of improbability: 2.0 for one in a hundred."""
    return -log10(max(probability, 1e-12))
