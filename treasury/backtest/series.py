"""What both plots show: a wallet's outflow by time, the bounds for it, and the verdicts."""

from __future__ import annotations

from dataclasses import dataclass

from policies.outflow.verdict import Verdict
from treasury.backtest.replay import Outcome, Spoken

_STEPS = 160
_NICE_S = (60, 300, 900, 3_600, 10_800, 21_600, 86_400, 604_800, 2_592_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One asset of one wallet: sums per step, and what the judgement said when."""

    wallet: str
    asset: str
    step_s: int
    times: list[int]
    sums: list[float]
    usual: float
    """The step's sum that nineteen in twenty steps of the past stay below."""
    record: float
    warm_until: int
    verdicts: list[tuple[int, Verdict]]
    elsewhere: set[int]
    """The steps whose worst verdict is about another asset."""


def series_of(outcome: Outcome, wallet: str) -> Series:
    """Return the series of the wallet's most used asset."""
    span = outcome.spans[wallet]
    rows = [row for row in outcome.rows if row.sender == wallet and row.amount > 0.0]
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.asset] = counts.get(row.asset, 0) + 1
    asset = max(counts, key=lambda name: counts[name]) if counts else "nothing"
    wanted_s = (span.last - span.first) / _STEPS
    step_s = next((nice for nice in _NICE_S if nice >= wanted_s), _NICE_S[-1])
    first = span.first - span.first % step_s
    sums = [0.0] * ((span.last - first) // step_s + 1)
    for row in rows:
        if row.asset == asset:
            sums[(row.time - first) // step_s] += row.amount
    ordered = sorted(sums)
    verdicts = worst_by_step(outcome.spoken, wallet, first, step_s)
    of_asset = [one for one in outcome.spoken if one.row.asset == asset]
    own = dict(worst_by_step(of_asset, wallet, first, step_s))
    return Series(
        wallet=wallet,
        asset=asset,
        step_s=step_s,
        times=[first + index * step_s for index in range(len(sums))],
        sums=sums,
        usual=ordered[int(len(ordered) * 0.95)] if len(ordered) > 1 else ordered[0],
        record=ordered[-1],
        warm_until=span.warm_until,
        verdicts=verdicts,
        elsewhere={time for time, worst in verdicts if own.get(time) is not worst},
    )


def worst_by_step(
    spoken: list[Spoken], wallet: str, first: int, step_s: int
) -> list[tuple[int, Verdict]]:
    """Return the highest verdict of each step that has one."""
    worst: dict[int, Verdict] = {}
    for one in spoken:
        if one.row.sender == wallet:
            slot = (one.row.time - first) // step_s
            worst[slot] = max(worst.get(slot, Verdict.CALM), one.judgement.verdict)
    return [(first + slot * step_s, verdict) for slot, verdict in sorted(worst.items())]
