"""From signals to a verdict: what the windows say, how rare it all is, which rung that is."""

from __future__ import annotations

from math import log10

from policies.outflow.case import Case
from policies.outflow.event import Outflow
from policies.outflow.explain import explain
from policies.outflow.files import CROWD
from policies.outflow.pairing import Pairing
from policies.outflow.sensitivity import HOUR_S
from policies.outflow.signals import Signal, rank_of
from policies.outflow.verdict import CALM, Judgement, Verdict
from policies.outflow.windows import DAY_S

MATERIAL_SHARE = 0.15
"""What goes to newcomers is no matter below this share of the wallet's largest usual day."""
MATERIAL_RULES = frozenset({"fresh", "hours"})
SLOW_DECADES = 1.7
RARE_MOST = 2.2
"""Decades that rare assets may say at most: a listing is no theft."""
EARLY_DAYS = 3
EARLY_MARGIN = 0.8
ASK_AGAIN = 2.5
SLOW_CROWD = 0.15
HOLDS_KEPT = 15


class Ladder(Pairing):
    """A memory that can say how far to go."""

    __slots__ = ()

    def flow_signals(self) -> list[Signal]:
        """Return a signal for every window that is fuller than its bar."""
        signals = []
        ceilings = self.ceilings()
        material = MATERIAL_SHARE * self.all.windows[-1].record
        for flow in self.flows:
            if flow.total <= flow.bar:
                continue
            least = (
                material if flow.name in MATERIAL_RULES else CROWD if flow is self.crowd else 0.0
            )
            for window in flow.windows:
                sum_ = flow.total - window.base
                if sum_ > window.accepted and sum_ > least:
                    decades = window.decades(sum_)
                    decades = min(decades, ceilings.get(flow.name, decades))
                    signals.append(Signal(flow.name, decades, sum_, window.span_s))
        return signals

    def ceilings(self) -> dict[str, float]:
        """Return the most that a window may say by itself.

        Many new recipients may be a campaign, and rare assets a listing: alone they never hold.
        At a wallet that pays a few times a day a person is asked about a crowd, once.
        """
        settings = self.sensitivity
        margin = self.slow_margin()
        crowd = settings.hold + margin + 0.1 if margin >= SLOW_CROWD else settings.throttle
        return {"crowd": crowd, "rare": RARE_MOST}

    def weigh(self, event: Outflow, case: Case | None, signals: list[Signal]) -> Judgement:
        """Combine the recipient's signals and the windows' into a verdict with reasons."""
        settings = self.sensitivity
        if self.events < settings.events_min:
            return CALM
        windows = self.flow_signals()
        signals = signals + windows
        rank = rank_of(signals)
        verdict = self.rung(rank)
        if verdict >= Verdict.HOLD and case is not None and rank < _asked_at(case):
            verdict = Verdict.THROTTLE
        if verdict is Verdict.CALM:
            return CALM
        if verdict >= Verdict.HOLD:
            if case is not None and not case.count:
                # One payment waits: that is enough, however odd it is. More of them freeze.
                verdict = Verdict.HOLD
            verdict = self.escalate(event.time, verdict)
            if windows:
                self.accept()
        weakest = min(settings.alert, rank - 0.5)
        spoken = [signal for signal in signals if signal.decades >= weakest]
        return Judgement(verdict, round(rank, 2), explain(event, case, spoken))

    def rung(self, rank: float) -> Verdict:
        """Return the verdict for a return period in decades of days."""
        settings = self.sensitivity
        if rank < settings.alert:
            return Verdict.CALM
        if rank < settings.throttle:
            return Verdict.ALERT
        if rank < self.hold_rank():
            return Verdict.THROTTLE
        if rank < settings.freeze:
            return Verdict.HOLD
        return Verdict.FREEZE if rank < settings.isolate else Verdict.ISOLATE

    def hold_rank(self) -> float:
        """Return the rank from which on this wallet's payments wait for a person."""
        return self.sensitivity.hold + self.slow_margin() + self.early_margin()

    def slow_margin(self) -> float:
        """Return how much more it takes to hold a payment of a wallet that pays seldom.

        Its treasurers are asked less often per year, and its few payments differ more.
        """
        daily = self.events / max((self.last - self.first) / DAY_S, 1.0)
        share = 1.0 - log10(max(daily, 1.0)) / SLOW_DECADES
        return self.sensitivity.slow_margin * max(0.0, share)

    def early_margin(self) -> float:
        """Return how much more it takes while the past is shorter than three days."""
        left = 1.0 - (self.last - self.first) / (EARLY_DAYS * DAY_S)
        return EARLY_MARGIN * max(0.0, left)

    def escalate(self, time: int, verdict: Verdict) -> Verdict:
        """Turn several holds within an hour into a freeze, many into isolation."""
        self.holds = [held for held in self.holds if held > time - HOUR_S][-HOLDS_KEPT:]
        self.holds.append(time)
        if len(self.holds) >= self.sensitivity.isolate_after_holds:
            return Verdict.ISOLATE
        if len(self.holds) >= self.sensitivity.freeze_after_holds:
            return max(verdict, Verdict.FREEZE)
        return verdict


def _asked_at(case: Case) -> float:
    """Return the rank from which on a person who let a recipient pass is asked about it again."""
    return case.held_at + max(ASK_AGAIN, case.held_at) if case.held_at else 0.0
