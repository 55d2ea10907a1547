"""The files on young recipients: opened, counted in what is normal, taken out again, closed."""

from __future__ import annotations

from policies.outflow.case import Case, heat_slot, size_slot
from policies.outflow.memory import Memory
from policies.outflow.windows import DAY_S

GRAIN_S = 600
SECOND_CHANCES = 6
CROWD = 10.0
"""So many newcomers within an hour are a crowd."""


class Files(Memory):
    """A memory that follows recipients through their youth."""

    __slots__ = ()

    def advance(self, time: int) -> None:
        """Move on to the present grain of ten minutes: windows, youth, and the day's end."""
        if not self.first:
            self.first = self.last = time
            self.day_end = time - time % DAY_S + DAY_S
        self.days += max(0, time - self.last) / DAY_S
        self.last = max(time, self.last)
        self.next_roll = time - time % GRAIN_S + GRAIN_S
        self.rhythm.advance(time)
        if time >= self.day_end:
            self.end_day(time)
        for flow in self.flows:
            flow.roll(time)
        limit = time - self.sensitivity.young_s
        young = self.young
        while young:
            key = next(iter(young))
            if young[key].first > limit:
                break
            self.close(key)

    def open(self, key: int, time: int) -> Case:
        """Open a file on a recipient; beyond the bound an old one is closed.

        A recipient that was paid more than once gets a few more rounds.
        """
        self.crowd.total += 1.0
        young = self.young
        case = young[key] = Case(key, time)
        if len(young) > self.sensitivity.young_max:
            for _ in range(SECOND_CHANCES):
                oldest = next(iter(young))
                if young[oldest].count == 1:
                    break
                young[oldest] = young.pop(oldest)
            self.close(next(iter(young)))
        return case

    def close(self, key: int) -> None:
        """End a recipient's youth: it is known with the largest payment it got.

        One that was held and that nobody objected to for days is counted only now: a person let
        it pass, so it is a thing that happens.
        """
        case = self.young.pop(key)
        self.known.remember(key, case.level)
        if not case.held_at:
            return
        self.entry.add(case.level)
        self.total.add(size_slot(case.total))
        self.score.add(case.score_top)
        self.heat.add(case.heat_top)
        self.times.add(heat_slot(float(case.count)))
        self.follow.payments += 1.0
        if case.pair_top:
            self.pair.add(case.pair_top)
        if case.again_top:
            self.again.add(case.again_top)
        if case.jump_top:
            self.jump.add(case.jump_top)
        if case.count > 1:
            self.follow.gaps[case.gap_least] += 1.0

    def learn_again(
        self, case: Case, slots: tuple[int, int, int, int], *, gap_s: int, is_change: bool
    ) -> None:
        """Count a recipient that was paid before where it now stands."""
        self.count_firsts()
        total_slot, scored, heated, times = slots
        follow = self.follow
        follow.payments += 1.0
        follow.gaps[follow.slot(gap_s)] += 1.0
        follow.changes += is_change
        heated = max(heated, case.heat_slot)
        self.total.move(case.total_slot, total_slot)
        self.score.move(case.score_slot, scored)
        self.heat.move(case.heat_slot, heated)
        self.times.move(case.times_slot, times)
        case.total_slot, case.score_slot = total_slot, scored
        case.heat_slot, case.times_slot = heated, times

    def quarantine(self, case: Case, rank: float) -> None:
        """Take a held recipient out of what is normal, and ask again only for much worse."""
        if case.total_slot >= 0:
            self.count_firsts()
            self.total.take(case.total_slot)
            self.score.take(case.score_slot)
            self.heat.take(case.heat_slot)
            self.times.take(case.times_slot)
            case.total_slot = case.score_slot = case.heat_slot = case.times_slot = -1
        case.held_at = rank

    def accept(self) -> None:
        """Ask about the present windows no more until they have grown fivefold.

        A crowd is one campaign: it is asked about once a day.
        """
        hour = self.crowd.windows[0]
        is_crowd = self.crowd.total - hour.base > CROWD
        for flow in self.flows:
            flow.accept(self.last, is_crowd=is_crowd)
