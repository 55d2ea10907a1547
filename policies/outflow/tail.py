"""How often does something this large happen: a histogram with an extrapolated tail.

Counts sit in buckets of equal width on a logarithmic scale (or a scale of surprise, which is a
logarithm already).  Inside the data the count speaks; in the upper twentieth a power law takes
over whose steepness is the data's own mean excess (Hill's estimator), drawn towards a prior
while there are few points.  The answer is a *return period in decades of days*: 3.0 means "once
in about 1,000 days".
"""

from __future__ import annotations

from math import log10

LN10 = 2.302585092994046
_NONE_SEEN = 0.5
_TRACE = 0.05
_TOP_SHARE = 0.05
_TOP_LEAST = 4.0
_TOP_MOST = 32.0
_PRIOR_WEIGHT = 4.0
_BEND_LEAST = 12.0
_BEND_PRIOR = 24.0
_BEND_MOST = 0.3
_GRAIN = 1.0 / 12.0
_END = 0.05
_NEVER = float("inf")
_STEEPEST = 0.35


class Tail:
    """Counts by bucket, and the return period of reaching each bucket or a higher one."""

    __slots__ = ("anchor", "counts", "decades", "excess_floor", "excess_prior", "is_firm", "spare")

    def __init__(
        self,
        *,
        size: int,
        excess_prior: float,
        excess_floor: float,
        anchor: int = 0,
        is_firm: bool = False,
        spare: float = 1.0,
    ) -> None:
        """Start empty; the excesses are in buckets.

        While little was seen nothing below the anchor is rare; if it is firm, never.

        What was seen no more often than `spare` times may be an accident (or a probe), so it
        does not make the like of it usual.
        """
        self.counts = [0.0] * size
        self.decades = [0.0] * size
        self.excess_prior = excess_prior
        self.excess_floor = excess_floor
        self.anchor = anchor
        self.is_firm = is_firm
        self.spare = spare

    def add(self, bucket: int) -> None:
        """Count one more in a bucket."""
        self.counts[bucket] += 1.0

    def move(self, old: int, new: int) -> None:
        """Let what was counted in one bucket be counted in another."""
        if old != new:
            self.take(old)
            self.counts[new] += 1.0

    def take(self, bucket: int) -> None:
        """Forget one that was counted in a bucket."""
        self.counts[bucket] = max(0.0, self.counts[bucket] - 1.0)

    def fade(self, weight: float) -> None:
        """Let the past keep only a part of its weight."""
        self.counts = [count * weight for count in self.counts]

    def refresh(self, days: float) -> None:
        """Work out the return periods anew, for a past of so many days."""
        past = log10(max(days, 1e-6))
        threshold, above, excess, bend = self.shoulder()
        top = log10(max(above, _NONE_SEEN))
        counts = self.counts
        highest = len(counts) - 1
        while highest > threshold and not counts[highest]:
            highest -= 1
        law = _law(len(counts) - threshold, excess, bend, highest - threshold)
        start = past - top
        # Beyond the data the law alone speaks; this is most of the buckets.
        decades = [start] * threshold + [start + fallen for fallen in law]
        seen, spare, shown = 0.0, self.spare, self.spare + _TRACE
        counted = _NEVER
        for bucket in range(highest, -1, -1):
            count = counts[bucket]
            if count:
                seen += count
                if seen > shown:
                    counted = past - log10(seen - spare)
            decades[bucket] = min(decades[bucket], counted)
        self.decades = decades

    def middle(self) -> int:
        """Return the bucket of the median."""
        left = sum(self.counts) / 2.0
        for bucket, count in enumerate(self.counts):
            left -= count
            if left < 0.0:
                return bucket
        return self.anchor

    def shoulder(self) -> tuple[int, float, float, float]:
        """Return where the tail begins, how many reach it, their mean excess, and its bend.

        The excess is in buckets; the bend says how much faster than a power the tail falls.
        """
        counts = self.counts
        wanted = min(max(_TOP_LEAST, sum(counts) * _TOP_SHARE), _TOP_MOST)
        above = reach = square = 0.0
        bucket = len(counts) - 1
        lowest = -1
        while bucket > 0:
            count = counts[bucket]
            if count:
                above += count
                reach += count * bucket
                square += count * bucket * bucket
                lowest = bucket
                if above >= wanted:
                    break
            bucket -= 1
        if above < wanted or self.is_firm:
            lowest = max(lowest, self.anchor)
        mean = max(0.0, reach / above - lowest + 0.5) if above else 0.0
        weight = above + _PRIOR_WEIGHT
        excess = (above * mean + _PRIOR_WEIGHT * self.excess_prior) / weight
        excess = max(excess, self.excess_floor)
        return lowest, above, excess, _bend(above, reach, square, excess)


class StraightTail(Tail):
    """A tail that stays a power law: no purse ends what adds up over several payments."""

    __slots__ = ()

    def shoulder(self) -> tuple[int, float, float, float]:
        """Return the same as any tail, without a bend."""
        lowest, above, excess, _ = super().shoulder()
        return lowest, above, excess, 0.0


def _bend(above: float, reach: float, square: float, excess: float) -> float:
    """Return how far the excesses' spread is below that of a power law (method of moments).

    People's wishes are lognormal and their wallets limited: such tails end sooner than a power
    law fitted to them says.  Few points prove no end.
    """
    if above < _BEND_LEAST:
        return 0.0
    spread = max(0.0, square / above - (reach / above) ** 2) + _GRAIN
    bend = 0.5 * (excess * excess / spread - 1.0) * above / (above + _BEND_PRIOR)
    return min(max(bend, 0.0), _BEND_MOST)


def _law(size: int, excess: float, bend: float, record: int) -> list[float]:
    """Return by how many decades the tail has fallen so many buckets above its beginning.

    Beyond the record a bent tail falls at a bounded pace: whoever came close may come closer.
    """
    fall = 1.0 / (excess * LN10)
    if not bend:
        return [step * fall for step in range(size)]
    rate = bend / (excess * (1.0 + bend))
    bent = min(record, int((1.0 - _END) / rate), size - 1) + 1
    law = [-log10(1.0 - rate * step) / bend for step in range(bent)]
    pace = rate / (max(1.0 - rate * (bent + 1), _END) * bend * LN10)
    pace = min(max(pace, fall), max(fall, _STEEPEST))
    last = law[-1]
    return law + [last + pace * step for step in range(1, size - bent + 1)]


def total(tail: Tail) -> float:
    """Return how many are counted."""
    return sum(tail.counts)
