"""Rolling sums over several spans, and the record of what their daily peaks used to be.

A flow keeps one running total.  Each window remembers the total at the edges of its grains
(a twelfth of its span), so a sum costs one subtraction, adding costs one addition whatever the
number of windows, and a window is right to a twelfth of its span.
Peaks of active days are summarised in log space by a Gumbel law: block maxima of nearly
anything follow one, and two numbers are enough to say how rare a sum is.
"""

from __future__ import annotations

from math import log, log10, sqrt

from policies.outflow.tail import LN10

GRAINS = 12
DAY_S = 86_400
_EULER = 0.5772
_GUMBEL = 0.7797
_DAYS_KEPT = 60.0
_PRIOR_DAYS = 4.0
_SPEAKS_AFTER_DAYS = 5
ACCEPTED_MORE = 2.0
_NEVER = float("inf")


class Window:
    """One span of one flow: its sum now, and what its peaks were on former active days."""

    __slots__ = (
        "accepted", "accepted_until", "bar", "base", "days", "grain_end", "grain_s", "marks",
        "mean", "peak", "record", "slot", "span_s", "spread", "spread_floor", "spread_prior",
    )  # fmt: skip

    def __init__(self, span_s: int, *, spread_prior: float, spread_floor: float) -> None:
        """Start empty; the spreads are standard deviations of the log of a daily peak."""
        self.span_s = span_s
        self.grain_s = span_s // GRAINS
        self.spread_prior = spread_prior
        self.spread_floor = spread_floor
        self.marks = [0.0] * GRAINS
        self.slot = 0
        self.grain_end = 0
        self.base = 0.0
        self.peak = 0.0
        self.days = 0
        self.mean = self.spread = self.record = 0.0
        self.bar = _NEVER
        self.accepted = 0.0
        self.accepted_until = 0

    def roll(self, time: int, total: float) -> None:
        """Close the grains that ended; the running total has not grown since the last event."""
        self.peak = max(self.peak, total - self.base)
        steps = (time - self.grain_end) // self.grain_s + 1
        slot = self.slot
        for _ in range(min(steps, GRAINS)):
            self.marks[slot] = total
            slot = (slot + 1) % GRAINS
        self.slot = slot
        self.base = self.marks[slot]
        self.grain_end += steps * self.grain_s
        if time > self.accepted_until:
            self.accepted = 0.0

    def learn_day(self, total: float, active_share: float, hold_at: float) -> None:
        """Take the peak of the day that ended into the record; a peak beyond bounds is cut."""
        peak = max(self.peak, total - self.base)
        self.peak = 0.0
        if peak <= 0.0:
            return
        if self.days >= _SPEAKS_AFTER_DAYS:
            # Nobody may teach a new normal in one day.
            peak = min(peak, self.level(hold_at, active_share))
        self.record = max(self.record * 0.995, peak)
        self.days += 1
        weight = 1.0 / min(self.days, _DAYS_KEPT)
        gap = log(peak) - self.mean
        self.mean += weight * gap
        self.spread += weight * ((1.0 - weight) * gap * gap - self.spread)

    def _scale(self) -> float:
        """Return the Gumbel scale, wider while few days are known."""
        days = min(self.days, _DAYS_KEPT)
        prior = self.spread_prior * self.spread_prior
        pooled = sqrt((days * self.spread + _PRIOR_DAYS * prior) / (days + _PRIOR_DAYS))
        return _GUMBEL * max(pooled, self.spread_floor) * (1.0 + 2.0 / days)

    def level(self, decades: float, active_share: float) -> float:
        """Return the sum whose return period is so many decades of days."""
        if self.days < _SPEAKS_AFTER_DAYS:
            return _NEVER
        scale = self._scale()
        middle = self.mean - _EULER * scale
        reach = middle + scale * LN10 * (decades + log10(active_share))
        return max(2.718281828 ** min(reach, 600.0), self.record * 1.1)

    def decades(self, sum_: float, active_share: float) -> float:
        """Return the return period of a sum in decades of days; 0 while too little is known."""
        if self.days < _SPEAKS_AFTER_DAYS or sum_ <= self.record * 1.1:
            return 0.0
        scale = self._scale()
        middle = self.mean - _EULER * scale
        return (log(sum_) - middle) / (scale * LN10) - log10(active_share)


class Flow:
    """One running total with its windows; `bar` is the total at which one has to look closer."""

    __slots__ = ("bar", "name", "total", "windows")

    def __init__(self, name: str, windows: tuple[Window, ...]) -> None:
        """Start empty."""
        self.name = name
        self.windows = windows
        self.total = 0.0
        self.bar = _NEVER

    def roll(self, time: int) -> None:
        """Move every window on to the present."""
        for window in self.windows:
            if time >= window.grain_end:
                window.roll(time, self.total)
        self.set_bar()

    def set_bar(self) -> None:
        """Work out the running total below which every window is calm."""
        self.bar = min(
            window.base + max(window.bar, window.accepted) for window in self.windows
        )

    def learn_day(self, active_share: float, *, look_at: float, hold_at: float) -> None:
        """Close an active day in every window."""
        for window in self.windows:
            window.learn_day(self.total, active_share, hold_at)
            window.bar = window.level(look_at, active_share)
        self.set_bar()

    def accept(self, time: int) -> None:
        """A person has been asked about the present sums: ask again only well above them."""
        for window in self.windows:
            window.accepted = (self.total - window.base) * ACCEPTED_MORE
            window.accepted_until = time + window.span_s
        self.set_bar()
