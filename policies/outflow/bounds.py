"""Limits: explicit rolling windows that bound what no statistics can see.

Amounts are whole base units here, because limits are money and not measures.  A limit is
inclusive: exactly the limit may go.  Windows count what was let through or asked for, held
transfers included, so that asking in small parts does not help.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from policies.outflow.verdict import CALM, PROOF_SCORE, Finding, Judgement, Verdict

_ALL_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowBound:
    """What may leave within a span; None is no bound. Amounts are of one asset."""

    span_s: int
    amount: int | None = None
    count: int | None = None
    first_use_amount: int | None = None
    first_use_recipients: int | None = None
    assets_to_first_use: int | None = None
    balance_percent: int | None = None
    verdict: Verdict = Verdict.HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The explicit bounds of one wallet.

    `canary_below`: a first payment below it quarantines the recipient for `canary_s`.
    `drain_percent`: one transfer that takes that share of the asset's balance to a first-use
    recipient is a drain.  `entries_max` bounds memory: a window that would need more is full.
    """

    windows: tuple[WindowBound, ...] = ()
    canary_below: int | None = None
    canary_s: int = 3_600
    drain_percent: int | None = None
    entries_max: int = 4_096


class Request(NamedTuple):
    """A transfer that asks to leave; `balance` is the asset's balance before it, or None."""

    time: int
    recipient: str
    asset: str
    amount: int
    is_first_use: bool
    balance: int | None = None


class BoundsWatch:
    """Keeps what left within the longest window and judges each request against the bounds."""

    __slots__ = ("bounds", "canaries", "entries")

    def __init__(self, bounds: Bounds) -> None:
        """Start with empty windows."""
        self.bounds = bounds
        self.entries: deque[Request] = deque(maxlen=bounds.entries_max)
        self.canaries: dict[str, int] = {}

    def judge(self, request: Request) -> Judgement:
        """Judge one request with every reason, then count it."""
        self._forget(request.time)
        findings: list[tuple[Verdict, Finding]] = []
        for bound in self.bounds.windows:
            findings += self._window(request, bound)
        findings += self._canary(request)
        findings += self._drain(request)
        self.entries.append(request)
        if not findings:
            return CALM
        verdict = max(one for one, _ in findings)
        return Judgement(verdict, PROOF_SCORE, tuple(finding for _, finding in findings))

    def _forget(self, time: int) -> None:
        longest = max((bound.span_s for bound in self.bounds.windows), default=0)
        while self.entries and self.entries[0].time <= time - longest:
            self.entries.popleft()
        self.canaries = {who: until for who, until in self.canaries.items() if until > time}

    def _window(self, request: Request, bound: WindowBound) -> list[tuple[Verdict, Finding]]:
        inside = [one for one in self.entries if one.time > request.time - bound.span_s]
        inside.append(request)
        same = [one for one in inside if one.asset == request.asset]
        fresh = [one for one in inside if one.is_first_use]
        sum_ = sum(one.amount for one in same)
        first = sum(one.amount for one in same if one.is_first_use)
        share = None
        if bound.balance_percent is not None and request.balance:
            spent = sum_ - request.amount
            share = sum_ * _ALL_PERCENT // max(request.balance + spent, 1)
        checks = (
            ("amount", sum_, bound.amount),
            ("count", len(same), bound.count),
            ("first_use_amount", first, bound.first_use_amount),
            ("first_use_recipients", len({one.recipient for one in fresh}),
             bound.first_use_recipients),
            ("assets_to_first_use", len({one.asset for one in fresh}), bound.assets_to_first_use),
            ("balance_percent", share, bound.balance_percent),
        )  # fmt: skip
        found = [
            (bound.verdict, _exceeded(name, seen, most, bound.span_s))
            for name, seen, most in checks
            if most is not None and seen is not None and seen > most
        ]
        if len(self.entries) == self.bounds.entries_max:
            text = f"more than {self.bounds.entries_max} transfers within the longest window"
            found.append((bound.verdict, Finding("window_full", text, "fewer, so all are counted")))
        return found

    def _canary(self, request: Request) -> list[tuple[Verdict, Finding]]:
        below = self.bounds.canary_below
        if below is None:
            return []
        if request.is_first_use and request.amount < below:
            self.canaries[request.recipient] = request.time + self.bounds.canary_s
            return []
        until = self.canaries.get(request.recipient)
        if until is None:
            return []
        observed = f"{request.recipient} got a tiny first payment and now asks for more"
        expected = f"nothing more for {until - request.time} s after a test"
        return [(Verdict.HOLD, Finding("canary", observed, expected))]

    def _drain(self, request: Request) -> list[tuple[Verdict, Finding]]:
        percent = self.bounds.drain_percent
        if percent is None or not request.balance or not request.is_first_use:
            return []
        share = request.amount * _ALL_PERCENT // request.balance
        if share < percent:
            return []
        observed = f"{share} percent of the wallet's {request.asset} to a first-use recipient"
        return [(Verdict.HOLD, Finding("drain", observed, f"less than {percent} percent"))]


def _exceeded(name: str, seen: int, most: int, span_s: int) -> Finding:
    return Finding(f"limit_{name}", f"{seen} within {span_s} s", f"at most {most}")
