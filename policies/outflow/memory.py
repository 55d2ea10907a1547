"""What has been learned about one wallet, and its upkeep as time goes by.

Everything is bounded: histograms of fixed size, at most `young_max` open files on recipients,
a fixed table of known ones, at most `assets_max` assets.  A typical wallet takes some ten to
fifty kilobytes, the busiest about four hundred.
"""

from __future__ import annotations

from math import exp, log10

from policies.outflow.case import (
    HALF,
    HEATS,
    NEARS,
    PER_OCTAVE,
    SCORES,
    SHARES,
    SIZES,
    UNIT,
    Case,
)
from policies.outflow.follow import Follow
from policies.outflow.known import KnownRecipients
from policies.outflow.pairs import Pairs
from policies.outflow.rhythm import Rhythm
from policies.outflow.scale import Scale
from policies.outflow.sensitivity import DEFAULT, HOUR_S, Sensitivity
from policies.outflow.tail import StraightTail, Tail, total
from policies.outflow.windows import ACCEPTED_MORE, DAY_S, Flow, Window

CURRENCY = "\0value"
"""The name under which sizes by value are learned; no asset can have it."""
FOUNDERS_WEIGHT = 0.1
MEMORY_DAYS = 180.0
MEMORY_RECIPIENTS = 2_000.0
EXPERIENCE_DAYS = 3.0
EXPERIENCE_EVENTS = 1_000
OFTEN_JUMPED = 12
"""Half octaves that a second payment may be above the first, while little was seen."""
STORM_S = 600
SURPRISE_FREE = 0.5
"""Decades of surprise that every payment has for free."""
LOOK_AT = 1.0
"""Decades from which on a signal is looked at closely."""


class Memory:
    """The learned state of one wallet."""

    __slots__ = (
        "again", "all", "apart", "assets", "crowd", "day_end", "days", "drained", "drains",
        "entries", "entry", "events", "every", "first", "firsts", "flows", "follow", "founded",
        "fresh", "heat", "holds", "hours", "is_stale", "is_unpaired", "jump", "known", "large",
        "last", "next_roll", "offset", "pair", "pairs", "rare", "rhythm", "salt", "score",
        "sensitivity", "storm", "tails", "times", "total", "unread", "usual", "usual_bucket",
        "young",
    )  # fmt: skip

    def __init__(
        self, sensitivity: Sensitivity = DEFAULT, *, salt: int = 0x9E3779B97F4A7C15
    ) -> None:
        """Start knowing nothing; the salt should be drawn once per deployment and kept."""
        self.sensitivity = sensitivity
        self.salt = salt | 1
        self.assets: dict[str, Scale] = {}
        self.young: dict[int, Case] = {}
        self.known = KnownRecipients()
        self.rhythm = Rhythm()
        self.follow = Follow()
        self.every, self.entry, self.total = _sizes(), _sizes(), _sizes()
        self.score = StraightTail(size=SCORES, excess_prior=2.6, excess_floor=1.4)
        self.heat = Tail(size=HEATS, excess_prior=3.0, excess_floor=1.5, anchor=4, is_firm=True)
        self.times = Tail(size=HEATS, excess_prior=3.0, excess_floor=1.5, anchor=6, is_firm=True)
        self.drained = Tail(
            size=SHARES, excess_prior=2.5, excess_floor=1.0, anchor=HALF, is_firm=True
        )
        self.jump = Tail(size=SIZES, excess_prior=4.0, excess_floor=2.0, anchor=OFTEN_JUMPED)
        self.pairs = Pairs()
        self.pair = Tail(size=NEARS, excess_prior=2.6, excess_floor=1.4, anchor=10)
        self.again = Tail(size=NEARS, excess_prior=2.6, excess_floor=1.4, anchor=10)
        self.tails = (
            self.jump, self.pair, self.again,
            self.entry, self.total, self.score, self.heat, self.times, self.drained,
        )  # fmt: skip
        self.fresh = _flow("fresh", (6, 24, 72), 1.4)
        self.hours = _flow("hours", (3,), 1.5)
        self.all = _flow("all", (24,), 2.2)
        self.rare = _flow("rare", (1,), 1.2)
        self.large = _flow("large", (1, 6), 1.5)
        self.storm = _flow("storm", (STORM_S / HOUR_S,), 1.2, is_surprise=True)
        self.crowd = _flow("crowd", (1, 24), 3.0, again=100.0, rest_s=DAY_S)
        self.flows = (
            self.fresh, self.hours, self.all, self.rare, self.large, self.storm, self.crowd,
        )  # fmt: skip
        self.events = self.unread = self.firsts = 0
        self.first = self.last = self.next_roll = self.day_end = 0
        self.days = self.offset = self.entries = self.usual = self.drains = self.apart = 0.0
        self.founded = False
        self.usual_bucket = 0
        self.is_stale = self.is_unpaired = False
        self.holds: list[int] = []

    def end_day(self, time: int) -> None:
        """Close the day: rank the assets, learn the windows' peaks, let the old past fade."""
        self.day_end = time - time % DAY_S + DAY_S
        self._rank_assets()
        prior = self.every.shoulder()[2]
        self.entry.excess_prior = self.total.excess_prior = prior
        self.usual_bucket = self.every.middle()
        self.usual = exp((self.usual_bucket - UNIT) / PER_OCTAVE)
        if self.days > MEMORY_DAYS and self.entries > MEMORY_RECIPIENTS:
            self._fade(0.5)
        if self.founded:
            for flow in self.flows:
                flow.learn_day(self.days + 1.0, look_at=LOOK_AT, hold_at=self.sensitivity.hold)
        elif time - self.first >= self.sensitivity.young_s + DAY_S:
            # In the first days everybody is new, which says nothing about later days.
            self._fade(FOUNDERS_WEIGHT)
            self.founded = True
            for flow in self.flows:
                flow.forget_peaks()

    def _fade(self, weight: float) -> None:
        """Let the past keep only a part of its weight, counts and days alike."""
        self.count_firsts()
        for tail in self.tails:
            tail.fade(weight)
        self.every.fade(0.5)
        self.follow.fade(weight)
        self.entries *= weight
        self.days *= weight

    def _rank_assets(self) -> None:
        """Work out how rare it is to send an asset that is sent as seldom as this one."""
        scales = sorted(
            (scale for name, scale in self.assets.items() if name != CURRENCY),
            key=lambda scale: scale.count,
        )
        whole = sum(scale.count for scale in scales) + 1.0
        below = 0.0
        for scale in scales:
            below += scale.count
            scale.rarity = max(0.0, log10(whole / (below + 1.0)))

    def look_again(self) -> None:
        """Work the return periods out anew if more than a trifle has been learned since."""
        if self.unread * 24 > self.entries:
            self.refresh()

    def refresh(self) -> None:
        """Work out every return period and cost anew."""
        self.count_firsts()
        days = self.experienced()
        self.entry.refresh(days)
        self.total.refresh(days)
        self.drained.refresh(days)
        self.entries = total(self.entry)
        self.offset = log10(self.entries + 1.0) - log10(days)
        # Decades of storm windows from one payment this large to the next.
        self.apart = SURPRISE_FREE - self.offset + log10(DAY_S / STORM_S)
        self.drains = log10(total(self.drained) + 1.0) - log10(days)
        self.unread = 0
        self.is_stale = self.is_unpaired = True

    def experienced(self) -> float:
        """Return the days of the past; thousands of payments within hours show as much as days."""
        return max(self.days + min(EXPERIENCE_DAYS, self.events / EXPERIENCE_EVENTS), 1e-3)

    def refresh_repeats(self) -> None:
        """Work out what only repeated payments ask for, unless it is as new as the rest."""
        if not self.is_stale:
            return
        days = self.experienced()
        for tail in (self.score, self.heat, self.times, self.jump):
            tail.refresh(days)
        self.follow.refresh()
        self.is_stale = False

    def count_firsts(self) -> None:
        """Write down the recipients that were paid once since the last time."""
        if self.firsts:
            self.heat.counts[0] += self.firsts
            self.times.counts[0] += self.firsts
            self.follow.payments += self.firsts
            self.firsts = 0

    def meet(self, name: str) -> Scale:
        """Start to learn about an asset that this wallet never sent before."""
        if len(self.assets) >= self.sensitivity.assets_max:
            by_use = sorted(self.assets, key=lambda one: self.assets[one].count)
            for seldom in by_use[: len(by_use) // 4]:
                del self.assets[seldom]
        scale = self.assets[name] = Scale()
        scale.rarity = max(0.0, log10((self.events + 2.0) / (len(self.assets) + 1.0)))
        return scale


def _sizes() -> Tail:
    return Tail(size=SIZES, excess_prior=2.9, excess_floor=1.2, anchor=UNIT)


def _flow(
    name: str,
    hours: tuple[float, ...],
    margin: float,
    *,
    again: float = ACCEPTED_MORE,
    rest_s: int = 0,
    is_surprise: bool = False,
) -> Flow:
    windows = (Window(int(hour * HOUR_S), margin=margin, is_surprise=is_surprise) for hour in hours)
    return Flow(name, tuple(windows), again=again, rest_s=rest_s)
