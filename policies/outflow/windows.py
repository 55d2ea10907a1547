"""Rolling sums over several spans, and how often a day's peak was as high as this.

A flow keeps one running total.  Each window remembers the total at the edges of its grains
(a sixth of its span), so a sum costs one subtraction, adding costs one addition whatever the
number of windows, and a window is right to a sixth of its span.
The peaks of former days stand in a `Tail`: days, not payments, are what a return period counts.
"""

from __future__ import annotations

from math import exp, log

from policies.outflow.tail import Tail

GRAINS = 6
DAY_S = 86_400
ACCEPTED_MORE = 5.0
"""An accepted sum has to grow so many times to be asked about again."""
PER_OCTAVE = 4.0
_UNIT = 48
_PER_DECADE = 4.0
_SIZE = 128
_LOG_STEP = log(2.0) / PER_OCTAVE
_SPEAKS_AFTER_DAYS = 5
_EXCESS_PRIOR = 2.0
_EXCESS_FLOOR = 1.0
_NEVER = float("inf")


def slot_of(sum_: float, *, is_surprise: bool = False) -> int:
    """Return the bucket of a sum: quarter octaves, one unit in the middle.

    A sum of surprise is a logarithm already and has buckets of a quarter of a decade.
    """
    slot = sum_ * _PER_DECADE if is_surprise else log(sum_) / _LOG_STEP + _UNIT
    return max(0, min(_SIZE - 1, int(slot + 0.5)))


def sum_of(slot: int, *, is_surprise: bool = False) -> float:
    """Return the sum in the middle of a bucket."""
    return slot / _PER_DECADE if is_surprise else exp((slot - _UNIT) * _LOG_STEP)


class Window:
    """One span of one flow: its sum now, and what its peaks were on former active days."""

    __slots__ = (
        "accepted",
        "accepted_until",
        "bar",
        "base",
        "days",
        "grain_end",
        "grain_s",
        "is_surprise",
        "margin",
        "marks",
        "past_days",
        "peak",
        "record",
        "slot",
        "span_s",
        "tail",
    )  # fmt: skip

    def __init__(self, span_s: int, *, margin: float, is_surprise: bool = False) -> None:
        """Start empty; nothing below the record times the margin is ever rare."""
        self.margin = margin
        self.is_surprise = is_surprise
        self.span_s = span_s
        self.grain_s = span_s // GRAINS
        self.tail = Tail(
            size=_SIZE, excess_prior=_EXCESS_PRIOR, excess_floor=_EXCESS_FLOOR, spare=0.0
        )
        self.marks = [0.0] * GRAINS
        self.slot = 0
        self.grain_end = 0
        self.base = self.peak = self.record = self.accepted = 0.0
        self.days = 0
        self.past_days = 0.0
        self.bar = _NEVER
        self.accepted_until = 0

    def roll(self, time: int, total: float) -> None:
        """Close the grains that ended; the running total has not grown since the last event."""
        self.peak = max(self.peak, total - self.base)
        steps = (time - self.grain_end) // self.grain_s + 1
        slot = self.slot
        for _ in range(min(GRAINS, steps)):
            self.marks[slot] = total
            slot = slot + 1 if slot < GRAINS - 1 else 0
        self.slot = slot
        self.base = self.marks[slot]
        self.grain_end += steps * self.grain_s
        if time > self.accepted_until:
            self.accepted = 0.0

    def learn_day(self, total: float, days: float, look_at: float, hold_at: float) -> None:
        """Take the peak of the day that ended into the record; a peak beyond bounds is cut."""
        peak = max(self.peak, total - self.base)
        self.peak = 0.0
        if peak <= 1e-9:
            # A day without any teaches nothing, and rarity waits for the next one that has.
            return
        # Nobody may teach a new normal in one day.
        peak = min(peak, self.level(hold_at))
        self.record = max(self.record * 0.998, peak)
        self.days += 1
        self.tail.add(slot_of(peak, is_surprise=self.is_surprise))
        self.past_days = days
        self.tail.refresh(days)
        self.bar = self.level(look_at)

    def level(self, decades: float) -> float:
        """Return the sum whose return period is so many decades of days; at least the record."""
        if self.days < _SPEAKS_AFTER_DAYS:
            return _NEVER
        table = self.tail.decades
        slot = _SIZE - 1
        while slot > 0 and table[slot - 1] >= decades:
            slot -= 1
        return max(sum_of(slot, is_surprise=self.is_surprise), self.record * self.margin)

    def decades(self, sum_: float) -> float:
        """Return the return period of a sum in decades of days; 0 while too little is known."""
        if self.days < _SPEAKS_AFTER_DAYS or sum_ <= self.record * self.margin:
            return 0.0
        return self.tail.decades[slot_of(sum_, is_surprise=self.is_surprise)]


class Flow:
    """One running total with its windows; `bar` is the total at which one has to look closer."""

    __slots__ = ("again", "bar", "name", "rest_s", "total", "windows")

    def __init__(
        self,
        name: str,
        windows: tuple[Window, ...],
        *,
        again: float = ACCEPTED_MORE,
        rest_s: int = 0,
    ) -> None:
        """Start empty; `again` is how many times an accepted sum has to grow to be asked about.

        It is accepted for a window's span, and for `rest_s` at least.
        """
        self.name = name
        self.again = again
        self.rest_s = rest_s
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
        lowest = _NEVER
        for window in self.windows:
            bar = window.base + (max(window.accepted, window.bar))
            if bar < lowest:  # noqa: PLR1730 (min() costs twice as much)
                lowest = bar
        self.bar = lowest

    def learn_day(self, days: float, *, look_at: float, hold_at: float) -> None:
        """Close an active day in every window."""
        for window in self.windows:
            window.learn_day(self.total, days, look_at, hold_at)
        self.set_bar()

    def forget_peaks(self) -> None:
        """Begin the record of peaks at the present."""
        for window in self.windows:
            window.peak = 0.0

    def accept(self, time: int, *, is_crowd: bool = False) -> None:
        """Ask about the present sums no more: somebody was asked, until they have grown much."""
        for window in self.windows:
            again, rest_s = (100.0, DAY_S) if is_crowd else (self.again, self.rest_s)
            window.accepted = (self.total - window.base) * again
            window.accepted_until = time + max(window.span_s, rest_s)
        self.set_bar()
