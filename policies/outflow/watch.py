"""The learned judgement of one wallet: what is normal for it, and how far this is from it.

See the package's docstring for the idea.  One event costs a few microseconds, so the common
road (an established recipient, an ordinary size) is short and the sentences are made only when
something is to be said.
"""

from __future__ import annotations

from math import exp, log, log10

from policies.outflow.case import PER_OCTAVE, UNIT, Case, heat_slot, score_slot, size_slot
from policies.outflow.event import Outflow
from policies.outflow.explain import Signal, explain
from policies.outflow.follow import Follow
from policies.outflow.known import KnownRecipients, key_of
from policies.outflow.scale import Scale
from policies.outflow.sensitivity import DEFAULT, HOUR_S, Sensitivity
from policies.outflow.tail import Tail
from policies.outflow.verdict import CALM, Judgement, Verdict
from policies.outflow.windows import DAY_S, Flow, Window

GRAIN_S = 300
SURPRISE_FREE = 0.5
TRUST_BUCKETS = 6
CAPPED = 3.0
CURRENCY = "\0value"
MEMORY_EVENTS = 2_000.0
MEMORY_DAYS = 180.0
FOUNDERS_WEIGHT = 0.1
EXPERIENCE_DAYS = 3.0
EXPERIENCE_EVENTS = 1_000
SCORE_FADES_S = 3 * HOUR_S
SLOW_DECADES = 1.7
ASK_AGAIN = 1.5
AGREEMENT = 0.3
ODD_ASSET = 1e9


class WalletWatch:
    """Judges the transfers of one wallet in the order of time, and learns from them."""

    __slots__ = (
        "active_days", "all", "assets", "canaries", "day_end", "day_events", "days", "entry",
        "events", "every", "first", "flows", "follow", "fresh", "heat", "holds", "known", "large", "last",  "next_roll", "offset",
        "rare", "rarities", "repeats", "salt", "score", "sensitivity", "tails", "times", "total", "unread", "young", "crowd",
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
        self.entry = Tail(size=128, excess_prior=2.9, excess_floor=1.2, anchor=UNIT)
        self.every = Tail(size=128, excess_prior=2.9, excess_floor=1.2)
        self.total = Tail(size=128, excess_prior=2.9, excess_floor=1.2, anchor=UNIT)
        self.score = Tail(size=160, excess_prior=2.6, excess_floor=1.4)
        self.heat = Tail(size=64, excess_prior=3.0, excess_floor=1.5)
        self.times = Tail(size=64, excess_prior=3.0, excess_floor=1.5)
        self.tails = (self.entry, self.total, self.score, self.heat, self.times)
        self.fresh = _flow("fresh", (1, 6, 24, 72), 1.4)
        self.all = _flow("all", (1, 24), 2.2)
        self.rare = _flow("rare", (1,), 1.2)
        self.large = _flow("large", (1, 6), 1.2)
        self.crowd = _flow("crowd", (1, 24), 1.2)
        self.flows = (self.fresh, self.all, self.rare, self.large, self.crowd)
        self.events = self.active_days = self.day_events = self.unread = self.rarities = 0
        self.first = self.last = self.next_roll = self.day_end = 0
        self.days = self.offset = 0.0
        self.canaries = self.repeats = 0
        self.follow = Follow()
        self.holds: list[int] = []

    def judge(self, event: Outflow) -> Judgement:
        """Judge one transfer by the past alone, then let it become a part of the past.

        Events come in the order of time; one that is earlier than the last counts as now.
        What was held is not learned as normal until its recipient has been quiet for days.
        """
        time, recipient, name, amount, value = event
        if time >= self.next_roll:
            self._roll(time)
        if amount <= 0.0:
            return CALM
        self.events += 1
        scale = self.assets.get(name) or self._meet(name)
        x = log(amount)
        size_log = self._size_by_value(value) if value else scale.size(x)
        bucket = int(size_log * PER_OCTAVE + UNIT + 0.5)
        bucket = 0 if bucket < 0 else 127 if bucket > 127 else bucket
        self.every.counts[bucket] += 1.0
        key = key_of(recipient, self.salt)
        level = self.known.level(key)
        if level >= 0 and bucket <= level + TRUST_BUCKETS:
            scale.learn(x, time // HOUR_S)
            flow = self.all
            flow.total += exp(size_log) if size_log < 1.0 else CAPPED
            return self._crowded(event) if flow.total > flow.bar else CALM
        case = self.young.get(key) or self._open(key, time)
        return self._young(event, scale, case, (x, size_log, bucket))

    def _young(
        self, event: Outflow, scale: Scale, case: Case, sized: tuple[float, float, int]
    ) -> Judgement:
        """Judge a payment to a recipient that is not established, or far beyond its past."""
        x, size_log, bucket = sized
        time = event.time
        self.unread += 1
        if self.unread * 32 > self.entry.total:
            self._refresh()
        size = exp(min(size_log, 40.0))
        rarity = 0.0 if event.asset in case.assets else scale.rarity
        gain = max(0.0, self.entry.decades[bucket] + self.offset - SURPRISE_FREE)
        score = self._surprise(case, event, gain, bucket) + rarity
        total = case.total + size
        heat = case.heat_now(time)
        slots = (size_slot(total), score_slot(score), heat_slot(heat), heat_slot(case.count + 1.0))
        capped = min(size, CAPPED)
        self.fresh.total += capped
        self.all.total += capped
        if rarity and time > scale.last + HOUR_S:
            # A coin that everybody wants today is one oddity and not a hundred.
            self.rare.total += rarity
            scale.last = time
        self.large.total += max(0.0, gain - SURPRISE_FREE)
        beyond = bucket > case.level
        decades = self._case_decades(slots, bucket if beyond else -1)
        if max(decades) >= 1.0:
            self._refresh()
            decades = self._case_decades(slots, bucket if beyond else -1)
        judgement = CALM
        if max(decades) >= 1.0 or self._is_crowded():
            judgement = self._weigh(event, case, decades, (total, score, heat, size))
        gap = (time - case.last if case.count else -1, event.asset not in case.assets)
        self._note(case, event, (size, total, score, heat, bucket))
        if judgement.verdict >= Verdict.HOLD:
            self._quarantine(case, judgement.score)
        elif not case.held_at:
            scale.learn(x, event.time // HOUR_S)
            self._learn(case, slots, bucket if beyond else -1, gap)
        return judgement

    def _surprise(self, case: Case, event: Outflow, gain: float, bucket: int) -> float:
        """Return the recipient's sum of surprise with this payment."""
        if not case.count:
            return gain
        follow = self.follow
        gap_s = max(0, event.time - case.last)
        cost = follow.costs[follow.slot(gap_s)]
        if event.asset not in case.assets:
            cost += follow.turn
        if bucket <= case.level:
            # Who gets much gets much again: only half of it is news.
            gain *= 0.5
        return case.score * exp(-gap_s / SCORE_FADES_S) + gain + cost

    def _case_decades(
        self, slots: tuple[int, int, int, int], entry: int
    ) -> tuple[float, ...]:
        return (
            self.entry.decades[entry] if entry >= 0 else 0.0,
            self.total.decades[slots[0]],
            self.score.decades[slots[1]],
            self.heat.decades[slots[2]],
            self.times.decades[slots[3]],
        )

    def _is_crowded(self) -> bool:
        return (
            self.fresh.total > self.fresh.bar
            or self.all.total > self.all.bar
            or self.rare.total > self.rare.bar
            or self.large.total > self.large.bar
            or self.crowd.total > self.crowd.bar
        )

    def _weigh(
        self,
        event: Outflow,
        case: Case,
        decades: tuple[float, ...],
        seen: tuple[float, float, float, float],
    ) -> Judgement:
        """Combine every signal into a verdict with reasons."""
        settings = self.sensitivity
        if self.events < settings.events_min:
            return CALM
        total, score, heat, size = seen
        # The sum of surprise of a single payment is its size again, unless its asset is odd.
        odd = decades[2] if case.count or score > ODD_ASSET + decades[0] else 0.0
        signals = [
            Signal("first_payment", decades[0], size, 0),
            Signal("recipient_total", decades[1], total, 0),
            Signal("recipient_surprise", odd, score, 0),
            Signal("recipient_pace", decades[3], heat, 0),
            Signal("recipient_count", decades[4], case.count + 1.0, 0),
            *self._flow_signals(),
        ]
        return self._decide(event, case, signals)

    def _decide(self, event: Outflow, case: Case | None, signals: list[Signal]) -> Judgement:
        settings = self.sensitivity
        rank = _rank(signals)
        verdict = self._rung(rank)
        if verdict >= Verdict.HOLD and case is not None and rank < case.held_at + ASK_AGAIN:
            verdict = Verdict.THROTTLE
        if verdict is Verdict.CALM:
            return CALM
        if verdict >= Verdict.HOLD:
            verdict = self._escalate(event.time, verdict)
        spoken = [s for s in signals if s.decades >= min(settings.alert, rank - 0.5)]
        return Judgement(verdict, round(rank, 2), explain(event, self, case, spoken))

    def _rung(self, rank: float) -> Verdict:
        settings = self.sensitivity
        if rank >= settings.hold and rank < settings.hold + self._slow_margin():
            return Verdict.THROTTLE
        if rank < settings.alert:
            return Verdict.CALM
        if rank < settings.throttle:
            return Verdict.ALERT
        if rank < settings.hold:
            return Verdict.THROTTLE
        if rank < settings.freeze:
            return Verdict.HOLD
        return Verdict.FREEZE if rank < settings.isolate else Verdict.ISOLATE

    def _escalate(self, time: int, verdict: Verdict) -> Verdict:
        """Turn several holds within an hour into a freeze, many into isolation."""
        self.holds = [held for held in self.holds if held > time - HOUR_S][-15:]
        self.holds.append(time)
        if len(self.holds) >= self.sensitivity.isolate_after_holds:
            return Verdict.ISOLATE
        if len(self.holds) >= self.sensitivity.freeze_after_holds:
            return max(verdict, Verdict.FREEZE)
        return verdict

    def _flow_signals(self) -> list[Signal]:
        signals = []
        for flow in self.flows:
            if flow.total <= flow.bar:
                continue
            for window in flow.windows:
                sum_ = flow.total - window.base
                if sum_ > window.accepted:
                    decades = window.decades(sum_)
                    if flow is self.crowd:
                        # Many new recipients alone may be a campaign: never more than a throttle.
                        decades = min(decades, self.sensitivity.throttle)
                    signals.append(Signal(flow.name, decades, sum_, window.span_s))
        return signals

    def _crowded(self, event: Outflow) -> Judgement:
        """Judge a payment to an established recipient while the windows are full."""
        if self.events < self.sensitivity.events_min:
            return CALM
        judgement = self._decide(event, None, self._flow_signals())
        if judgement.verdict >= Verdict.HOLD:
            self._accept()
        return judgement

    def _accept(self) -> None:
        for flow in self.flows:
            flow.accept(self.last)

    def _quarantine(self, case: Case, rank: float) -> None:
        """Take a held recipient out of what is normal, and ask again only for worse."""
        if case.total_slot >= 0:
            self.total.take(case.total_slot)
            self.score.take(case.score_slot)
            self.heat.take(case.heat_slot)
            self.times.take(case.times_slot)
            case.total_slot = case.score_slot = case.heat_slot = -1
        case.held_at = rank
        if self._is_crowded():
            self._accept()

    def _note(
        self, case: Case, event: Outflow, seen: tuple[float, float, float, float, int]
    ) -> None:
        size, total, score, heat, bucket = seen
        case.score_top = max(case.score_top, score_slot(score))
        case.heat_top = max(case.heat_top, heat_slot(heat))
        if case.count:
            gap_s = max(0, event.time - case.last)
            case.gap_least = min(case.gap_least, self.follow.slot(gap_s))
        case.count += 1
        case.last = event.time
        case.total, case.score, case.heat = total, score, heat
        case.level = max(case.level, bucket)
        if case.count == 1:
            case.first_size = size
        if event.asset not in case.assets and len(case.assets) < 64:
            case.assets = (*case.assets, event.asset)

    def _learn(
        self, case: Case, slots: tuple[int, int, int, int], entry: int, gap: tuple[int, int]
    ) -> None:
        """Count the recipient where it now stands."""
        follow = self.follow
        follow.payments += 1.0
        if gap[0] >= 0:
            follow.gaps[follow.slot(gap[0])] += 1.0
            follow.changes += gap[1]
        if entry >= 0:
            self.entry.add(entry)
            if self.days > MEMORY_DAYS and self.entry.total > MEMORY_EVENTS:
                self._halve()
        if case.total_slot < 0:
            self.total.add(slots[0])
            self.score.add(slots[1])
            self.heat.add(slots[2])
            self.times.add(slots[3])
        else:
            self.total.move(case.total_slot, slots[0])
            self.score.move(case.score_slot, slots[1])
            if slots[2] > case.heat_slot:
                self.heat.move(case.heat_slot, slots[2])
            self.times.move(case.times_slot, slots[3])
        case.total_slot, case.score_slot, case.times_slot = slots[0], slots[1], slots[3]
        case.heat_slot = max(case.heat_slot, slots[2])

    def _halve(self) -> None:
        for tail in self.tails:
            tail.fade(0.5)
        self.follow.fade(0.5)
        self.days *= 0.5

    def _open(self, key: int, time: int) -> Case:
        self.crowd.total += 1.0
        case = self.young[key] = Case(key, time)
        if len(self.young) > self.sensitivity.young_max:
            self._close(next(iter(self.young)))
        return case

    def _close(self, key: int) -> None:
        """End a recipient's youth: it is established with the largest payment it got."""
        case = self.young.pop(key)
        self.known.remember(key, case.level)
        if not case.held_at:
            return
        # Nobody objected for days: a person let it pass, so it counts as a thing that happens.
        self.entry.add(case.level)
        self.total.add(size_slot(case.total))
        self.score.add(case.score_top)
        self.heat.add(case.heat_top)
        self.times.add(heat_slot(float(case.count)))
        self.follow.payments += 1.0
        if case.count > 1:
            self.follow.gaps[case.gap_least] += 1.0

    def _meet(self, name: str) -> Scale:
        """Start to learn about an asset that this wallet never sent before."""
        if len(self.assets) >= self.sensitivity.assets_max:
            rarest = min(self.assets, key=lambda known: self.assets[known].count)
            del self.assets[rarest]
        scale = self.assets[name] = Scale()
        scale.rarity = max(0.0, log10((self.events + 2.0) / (len(self.assets) + 1.0)))
        return scale

    def _size_by_value(self, value: float) -> float:
        """Return the log of the size of a payment whose price-weighted amount is known."""
        scale = self.assets.get(CURRENCY) or self._meet(CURRENCY)
        x = log(value) if value > 0.0 else 0.0
        size_log = scale.size(x)
        scale.learn(x, self.last // HOUR_S)
        return size_log

    def _slow_margin(self) -> float:
        """Return how much more it takes to hold a payment of a wallet that pays seldom.

        Its treasurers are asked less often per year, and its few payments differ more.
        """
        daily = self.events / max(self.days, 1.0)
        share = 1.0 - log10(max(daily, 1.0)) / SLOW_DECADES
        return self.sensitivity.slow_margin * max(0.0, share)

    def _refresh(self) -> None:
        # A few thousand payments within hours show as much variety as some days do.
        days = max(self.days + min(EXPERIENCE_DAYS, self.events / EXPERIENCE_EVENTS), 1e-3)
        for tail in self.tails:
            if tail.pending:
                tail.refresh(days)
        self.offset = log10(self.entry.total + 1.0) - log10(days)
        self.follow.refresh()
        self.unread = 0

    def _roll(self, time: int) -> None:
        """Move on to the present grain of five minutes: windows, youth, and the day's end."""
        if not self.first:
            self.first = self.last = time
            self.day_end = time - time % DAY_S + DAY_S
        self.days += max(0, time - self.last) / DAY_S
        self.last = time
        self.next_roll = time - time % GRAIN_S + GRAIN_S
        if time >= self.day_end:
            self._end_day(time)
        for flow in self.flows:
            flow.roll(time)
        limit = time - self.sensitivity.young_s
        young = self.young
        while young:
            key = next(iter(young))
            if young[key].first > limit:
                break
            self._close(key)

    def _end_day(self, time: int) -> None:
        self.day_end = time - time % DAY_S + DAY_S
        self._rank_assets()
        self.every.total = sum(self.every.counts)
        excess = self.every.shoulder()[2]
        self.entry.excess_prior = self.total.excess_prior = excess
        if time - self.first < self.sensitivity.young_s + DAY_S:
            # At first everybody is new, which says nothing about later days.
            return
        if not self.active_days:
            self._weigh_founders()
        self.active_days += 1
        days = self.days + 1.0
        for flow in self.flows:
            flow.learn_day(days, look_at=1.0, hold_at=self.sensitivity.hold)

    def _weigh_founders(self) -> None:
        """Let the first days weigh little: who is met then was mostly there long before."""
        for tail in self.tails:
            tail.fade(FOUNDERS_WEIGHT)
        self.follow.fade(FOUNDERS_WEIGHT)
        self.days *= FOUNDERS_WEIGHT

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


def _flow(name: str, hours: tuple[int, ...], margin: float) -> Flow:
    windows = (Window(h * HOUR_S, margin=margin) for h in hours)
    return Flow(name, tuple(windows))


SIZE_RULES = ("first_payment", "recipient_total", "fresh", "all", "large")


def _rank(signals: list[Signal]) -> float:
    """Return one return period for all signals.

    Signals of one kind (how much, how fast, how odd) see the same thing, so only the strongest
    of each kind counts, and the second kind for a part of what exceeds one decade.
    """
    much = max((s.decades for s in signals if s.rule in SIZE_RULES), default=0.0)
    odd = max((s.decades for s in signals if s.rule not in SIZE_RULES), default=0.0)
    low, high = min(much, odd), max(much, odd)
    return high + AGREEMENT * max(0.0, low - 1.0)
