"""The learned judgement of one wallet: how far is this transfer from what is normal for it.

One event costs some microseconds, so the common roads (an established recipient, an ordinary
first payment) are short, and sentences are made only when something is to be said.
"""

from __future__ import annotations

from math import exp, log

from policies.outflow.case import (
    HALF,
    PER_OCTAVE,
    SCORES_PER_DECADE,
    SIZES,
    UNIT,
    Case,
    heat_slot,
    score_slot,
    share_slot,
    size_slot,
)
from policies.outflow.event import Outflow
from policies.outflow.known import key_of
from policies.outflow.ladder import Ladder
from policies.outflow.memory import CURRENCY, LOOK_AT, SURPRISE_FREE
from policies.outflow.pairing import CRUMB, REPEATED
from policies.outflow.scale import Scale
from policies.outflow.sensitivity import HOUR_S
from policies.outflow.signals import Signal
from policies.outflow.verdict import CALM, Judgement, Verdict
from policies.outflow.windows import DAY_S

TRUST_BUCKETS = 6
"""A known recipient may get eight times the largest payment that it is known for."""
CAPPED = 3.0
"""The largest size that counts in windows: single giants are judged on their own."""
SCORE_FADES_S = 3 * HOUR_S
STORM_LEAST = 0.5
NO_SHARE = -1


class WalletWatch(Ladder):
    """Judges the transfers of one wallet in the order of time, and learns from them."""

    __slots__ = ()

    def judge(self, event: Outflow) -> Judgement:
        """Judge one transfer by the past alone, then let it become a part of the past.

        Events come in the order of time; one that is earlier than the last counts as now.
        What was held is not learned as normal until its recipient has been quiet for days.
        """
        time, recipient, name, amount, value, balance = event
        if time >= self.next_roll:
            self.advance(time)
        if amount <= 0.0:
            return CALM
        self.events += 1
        scale = self.assets.get(name) or self.meet(name)
        x = log(amount)
        size_log = self._size_by_value(value) if value else scale.size(x)
        bucket = int(size_log * PER_OCTAVE + UNIT + 0.5)
        if not 0 <= bucket < 128:
            bucket = 0 if bucket < 0 else 127
        key = key_of(recipient, self.salt)
        level = self.known.level(key)
        if level >= 0 and bucket <= level + TRUST_BUCKETS:
            # Of a campaign only the beginning says what is usual.
            self.every.counts[bucket] += scale.learn(x, time // HOUR_S)
            flow = self.all
            flow.total += exp(size_log) if size_log < 1.0 else CAPPED
            return self._crowded(event) if flow.total > flow.bar else CALM
        self.unread += 1
        self.rhythm.count += 1
        if self.unread * 16 > self.entries:
            self.refresh()
        share = NO_SHARE
        if balance is not None and balance >= amount and bucket >= self.usual_bucket - 2:
            share = share_slot(amount, balance)
        case = self.young.get(key)
        if case is None:
            case = self.open(key, time)
            # Who is met on the first day was mostly there long before.
            case.level = max(level, 0)
            case.is_old = level >= 0 or time < self.first + DAY_S
            return self._first(event, scale, case, (x, size_log, bucket, share))
        return self._again(event, scale, case, (x, size_log, bucket, share))

    def _size_by_value(self, value: float) -> float:
        """Return the log of the size of a payment whose price-weighted amount is known."""
        scale = self.assets.get(CURRENCY) or self.meet(CURRENCY)
        x = log(value)
        size_log = scale.size(x)
        scale.learn(x, self.last // HOUR_S)
        return size_log

    def _first(
        self, event: Outflow, scale: Scale, case: Case, sized: tuple[float, float, int, int]
    ) -> Judgement:
        """Judge the first payment to a recipient, or the first far beyond its past."""
        x, size_log, bucket, share = sized
        size = exp(size_log) if size_log < 40.0 else 1e17
        rarity = scale.rarity
        gain = self.entry.decades[bucket] + self.offset - SURPRISE_FREE
        score = max(0.0, gain) + rarity
        news = self._news(case, bucket)
        if case.level:
            gain = min(gain, news)
        drained = self.drained.decades[share] if share >= HALF else 0.0
        if drained:
            score += max(0.0, drained + self.drains - SURPRISE_FREE)
        crowded = self._flow_out(event.time, scale, size, gain, rarity)
        judgement = CALM
        paired = self.pair_up(event, case, size, news, rarity)
        rarest = max(self.entry.decades[bucket], self.total.decades[bucket], drained)
        if max(rarest, self.pair_decades(paired)) >= LOOK_AT:
            self.look_again()
            judgement = self.weigh(event, case, self._first_signals(sized, size, paired))
        elif crowded:
            judgement = self.weigh(event, case, self._first_signals(sized, size, paired))
        case.count = 1
        case.last = event.time
        case.assets = (event.asset,)
        case.total, case.score, case.heat, case.level = size, score, 1.0, bucket
        case.score_top = slot = score_slot(score)
        if judgement.verdict >= Verdict.HOLD:
            self.quarantine(case, judgement.score)
            self.accept_pair(case, event.time, paired)
            return judgement
        self.every.counts[bucket] += scale.learn(x, event.time // HOUR_S)
        if share >= 0:
            self.drained.counts[share] += 1.0
        self._learn_first(case, bucket, slot, paired)
        return judgement

    def _news(self, case: Case, bucket: int) -> float:
        """Return the decades of a size; of an acquaintance's only what is beyond its trust."""
        decades = self.entry.decades[bucket]
        if not case.level:
            return decades
        return decades - max(0.0, self.entry.decades[min(case.level + TRUST_BUCKETS, SIZES - 1)])

    def _learn_first(self, case: Case, bucket: int, slot: int, paired: int) -> None:
        """Count a first payment in what is normal."""
        self.entry.counts[bucket] += 1.0
        if paired:
            self.pair.counts[paired] += 1.0
        if case.first < self.first + DAY_S:
            return
        self.total.counts[bucket] += 1.0
        self.score.counts[slot] += 1.0
        self.firsts += 1
        case.total_slot, case.score_slot, case.heat_slot, case.times_slot = bucket, slot, 0, 0

    def _first_signals(
        self, sized: tuple[float, float, int, int], size: float, paired: int
    ) -> list[Signal]:
        _, _, bucket, share = sized
        signals = [
            Signal("first_payment", self.entry.decades[bucket], size, 0),
            Signal("recipient_total", self.total.decades[bucket], size, 0),
        ]
        if share >= HALF:
            signals.append(Signal("drain", self.drained.decades[share], float(share), 0))
        if paired:
            seen = paired / SCORES_PER_DECADE
            signals.append(Signal("pair", self.pair_decades(paired), seen, 0))
        return signals

    def _again(
        self, event: Outflow, scale: Scale, case: Case, sized: tuple[float, float, int, int]
    ) -> Judgement:
        """Judge one more payment to a young recipient: its file as a whole."""
        x, size_log, bucket, share = sized
        time = event.time
        self.refresh_repeats()
        size = exp(min(size_log, 40.0))
        is_change = event.asset not in case.assets
        gap_s = max(0, time - case.last)
        gain = max(0.0, self.entry.decades[bucket] + self.offset - SURPRISE_FREE)
        rarity = scale.rarity if is_change else 0.0
        score = self._surprise(case, gap_s, is_change=is_change, gain=gain) + rarity
        drained = self.drained.decades[share] if share >= HALF else 0.0
        score += max(0.0, drained + self.drains - SURPRISE_FREE) if drained else 0.0
        total, heat, count = case.total + size, case.heat_now(time), case.count + 1
        soon = self.follow_up(case, bucket, size, gap_s, rarity if is_change else None)
        slots = (size_slot(total), score_slot(score), heat_slot(heat), heat_slot(float(count)))
        crowded = self._flow_out(time, scale, size, gain, rarity)
        beyond = bucket if bucket > case.level else -1
        is_founder = case.first < self.first + DAY_S
        marks = (beyond, share, beyond - case.level, soon)
        decades = self._again_decades(slots, marks, is_founder=is_founder)
        judgement = CALM
        if max(decades) >= LOOK_AT:
            self.look_again()
            self.refresh_repeats()
            decades = self._again_decades(slots, marks, is_founder=is_founder)
        if crowded or max(decades) >= LOOK_AT:
            seen = (size, total, score, heat, count, share, marks[2], soon / SCORES_PER_DECADE)
            rules = zip(_AGAIN_RULES, decades, map(float, seen), strict=True)
            judgement = self.weigh(event, case, [Signal(*rule, 0) for rule in rules])
        case.gap_least = min(case.gap_least, self.follow.slot(gap_s))
        case.score_top, case.heat_top = max(case.score_top, slots[1]), max(case.heat_top, slots[2])
        case.total, case.score, case.heat, case.count = total, score, heat, count
        case.last, case.level = time, max(case.level, bucket)
        case.remember_asset(event.asset)
        if judgement.verdict >= Verdict.HOLD:
            self.quarantine(case, judgement.score)
            case.again_top = max(case.again_top, soon)
            case.jump_top = max(case.jump_top, marks[2])
        elif not case.held_at:
            self.again.counts[soon] += bool(soon)
            self.every.counts[bucket] += scale.learn(x, time // HOUR_S)
            if beyond >= 0:
                self.entry.counts[beyond] += 1.0
                self.jump.counts[marks[2]] += 1.0
            if share >= 0:
                self.drained.counts[share] += 1.0
            if not is_founder:
                self.learn_again(case, slots, gap_s=gap_s, is_change=is_change)
        return judgement

    def _surprise(self, case: Case, gap_s: int, *, is_change: bool, gain: float) -> float:
        """Return the recipient's sum of surprise with this payment."""
        follow = self.follow
        cost = 0.0
        if not case.is_old:
            # Only for a stranger is it odd to be paid again so soon, or in another asset.
            cost = follow.costs[follow.slot(gap_s)] + (follow.turn if is_change else 0.0)
        before = max(0.0, self.entry.decades[case.level] + self.offset - SURPRISE_FREE)
        # Who gets much gets much again: little of it is news.
        gain = REPEATED * gain + max(0.0, gain - before) * (1.0 - REPEATED)
        return case.score * exp(-gap_s / SCORE_FADES_S) + gain + cost

    def _again_decades(
        self,
        slots: tuple[int, int, int, int],
        marks: tuple[int, int, int, int],
        *,
        is_founder: bool,
    ) -> tuple[float, ...]:
        beyond, share, jump, soon = marks
        largest = self.entry.decades[beyond] if beyond >= 0 else 0.0
        drained = self.drained.decades[share] if share >= HALF else 0.0
        if is_founder:
            return (largest, 0.0, 0.0, 0.0, 0.0, drained, 0.0, 0.0)
        return (
            largest,
            self.total.decades[slots[0]],
            self.score.decades[slots[1]],
            self.heat.decades[slots[2]],
            self.times.decades[slots[3]],
            drained,
            self.jump.decades[jump] if jump > 0 else 0.0,
            self.again_decades(soon),
        )

    def _flow_out(self, time: int, scale: Scale, size: float, gain: float, rarity: float) -> bool:
        """Add a payment to a young recipient to the windows; say whether it fills any."""
        capped = min(CAPPED, size)
        every, large = self.all, self.large
        every.total += capped
        is_full = every.total > every.bar or self.crowd.total > self.crowd.bar
        if size >= self.usual * CRUMB:  # campaigns pay many newcomers little
            is_full |= self._fill(time, capped, gain)
        if gain > SURPRISE_FREE:
            large.total += gain - SURPRISE_FREE
            is_full |= large.total > large.bar
        if rarity and time > scale.last + HOUR_S:
            # A coin that everybody wants today is one oddity and not a hundred.
            self.rare.total += rarity
            scale.last = time
            is_full |= self.rare.total > self.rare.bar
        return is_full

    def _fill(self, time: int, capped: float, gain: float) -> bool:
        """Add a payment that matters to the windows of newcomers; say whether it fills any."""
        fresh, hours, storm = self.fresh, self.hours, self.storm
        fresh.total += capped
        hours.total += capped * self.rhythm.weight
        apart = gain + self.apart
        if apart > STORM_LEAST:
            # This window is finer than the grain in which time advances.
            storm.roll(time)
            storm.total += apart
        return fresh.total > fresh.bar or hours.total > hours.bar or storm.total > storm.bar

    def _crowded(self, event: Outflow) -> Judgement:
        """Judge a payment to an established recipient while the windows are full."""
        judgement = self.weigh(event, None, [])
        if judgement.verdict >= Verdict.HOLD:
            self.accept()
        return judgement


_AGAIN_RULES = (
    "first_payment", "recipient_total", "recipient_surprise", "recipient_pace", "recipient_count",
    "drain", "jump", "again",
)  # fmt: skip
