"""Limits and bands measured from a wallet's own outflow, for a treasurer to start from.

Limits leave every honest payment of the past through and little more.  Bands come from the
outflow within the time that a refill takes: the floor is what the wallet may need until a refill
that is asked for at the floor arrives, and the target is the smallest that keeps the number of
refills a day within what treasurers stand.  Both are then tried on the past itself, and the
measured share of refills that came too late and the mean balance are reported with them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from treasury.backtest.config import Planning
from treasury.backtest.history import Row

DAY_S = 86_400
_EVENTS_MIN = 12
_MARGIN = 1.25
_ROUNDS = 24
_GROWTH = 1.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Measured limits and bands of one asset, in token units."""

    asset: str
    events: int
    per_transfer: float
    day_amount: float
    day_count: int
    first_use_day_amount: float
    floor: float
    target: float
    cap: float
    dry_share: float
    refills_per_day: float
    mean_balance: float


def suggest(rows: Sequence[Row], planning: Planning) -> list[Suggestion]:
    """Return suggestions for every asset of one wallet that was paid out often enough."""
    by_asset: dict[str, list[Row]] = {}
    for row in rows:
        if row.amount > 0.0:
            by_asset.setdefault(row.asset, []).append(row)
    fresh = _first_uses(rows)
    chosen = [(asset, own) for asset, own in by_asset.items() if len(own) >= _EVENTS_MIN]
    chosen.sort(key=lambda item: -len(item[1]))
    return [_suggest(asset, own, fresh, planning) for asset, own in chosen]


def _first_uses(rows: Sequence[Row]) -> set[tuple[str, str]]:
    """Return (transaction, recipient) of every first payment to a recipient."""
    seen: set[str] = set()
    fresh = set()
    for row in rows:
        if row.recipient not in seen:
            seen.add(row.recipient)
            fresh.add((row.tx_hash, row.recipient))
    return fresh


def _suggest(
    asset: str, rows: list[Row], fresh: set[tuple[str, str]], planning: Planning
) -> Suggestion:
    times = [row.time for row in rows]
    amounts = [row.amount for row in rows]
    new = [row for row in rows if (row.tx_hash, row.recipient) in fresh]
    day_amount, day_count = _peak(times, amounts, DAY_S)
    new_amount, _ = _peak([row.time for row in new], [row.amount for row in new], DAY_S)
    plan = _plan(times, amounts, planning)
    return Suggestion(
        asset=asset,
        events=len(rows),
        per_transfer=round_up(max(amounts) * _MARGIN),
        day_amount=round_up(day_amount * _MARGIN),
        day_count=ceil(day_count * _MARGIN),
        first_use_day_amount=round_up(new_amount * _MARGIN),
        floor=plan.floor,
        target=plan.target,
        cap=round_up(plan.target * _MARGIN),
        dry_share=plan.trial.dry_share,
        refills_per_day=plan.trial.refills_per_day,
        mean_balance=plan.trial.mean_balance,
    )


def _peak(times: list[int], amounts: list[float], span_s: int) -> tuple[float, int]:
    """Return the largest sum and count of any window of that span."""
    start, held = 0, 0.0
    most, count = 0.0, 0
    for end, time in enumerate(times):
        held += amounts[end]
        while times[start] <= time - span_s:
            held -= amounts[start]
            start += 1
        most, count = max(most, held), max(count, end - start + 1)
    return most, count


def sums(times: list[int], amounts: list[float], span_s: int) -> list[float]:
    """Return the outflow of windows of that span, started evenly over the whole past, sorted."""
    running = [0.0]
    for amount in amounts:
        running.append(running[-1] + amount)
    steps = min(4_000, max(8, 4 * (times[-1] - times[0]) // max(span_s, 1)))
    stride = max(1.0, (times[-1] - times[0] - span_s) / steps)
    result = []
    for step in range(steps):
        begin = times[0] + step * stride
        result.append(
            running[bisect_left(times, begin + span_s)] - running[bisect_left(times, begin)]
        )
    return sorted(result)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    dry_share: float
    refills_per_day: float
    mean_balance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    floor: float
    target: float
    trial: _Trial


def _plan(times: list[int], amounts: list[float], planning: Planning) -> _Plan:
    """Return the smallest bands that pass a trial on the past."""
    lead = sums(times, amounts, planning.approval_lead_s)
    rank = min(len(lead) - 1, ceil(len(lead) * (1.0 - planning.dry_share_max)))
    bottom = round_up(max(lead[rank], amounts[0] * 1e-3))
    most, _ = _peak(times, amounts, planning.approval_lead_s)
    # Where payments are rare, the usual lead time sees none: the peak has to be in reach.
    growth = max(_GROWTH, (most / bottom) ** (2.0 / _ROUNDS))
    cycle_s = int(DAY_S / planning.refills_per_day_max)
    cycle = sums(times, amounts, cycle_s)
    room = round_up(max(cycle[len(cycle) // 2], sum(cycle) / len(cycle), bottom * 0.2))
    trial = _try(times, amounts, (bottom, bottom + room), planning)
    for _ in range(_ROUNDS):
        if trial.dry_share > planning.dry_share_max:
            bottom = round_up(bottom * growth)
        elif trial.refills_per_day > planning.refills_per_day_max:
            room = round_up(room * 1.25)
        else:
            break
        trial = _try(times, amounts, (bottom, bottom + room), planning)
    return _Plan(floor=bottom, target=round_up(bottom + room), trial=trial)


def _try(
    times: list[int], amounts: list[float], bands: tuple[float, float], planning: Planning
) -> _Trial:
    """Run the bands over the past: refills are asked for at the floor and arrive after the lead."""
    bottom, target = bands
    balance, due, size = target, 0, 0.0
    refills = dry = 0
    is_dry = False
    weighed, last = 0.0, times[0]
    for time, amount in zip(times, amounts, strict=True):
        weighed += balance * (time - last)
        last = time
        if due and time >= due:
            balance, due, is_dry = balance + size, 0, False
        if amount > balance:
            dry, is_dry = dry + (not is_dry), True
            balance = amount
        balance -= amount
        if not due and balance <= bottom:
            refills, due, size = refills + 1, time + planning.approval_lead_s, target - balance
    days = max((times[-1] - times[0]) / DAY_S, 1.0 / 24)
    span_s = max(times[-1] - times[0], 1)
    return _Trial(
        dry_share=dry / max(refills, 1),
        refills_per_day=refills / days,
        mean_balance=weighed / span_s if weighed else target,
    )


def round_up(amount: float) -> float:
    """Return two significant digits, never less than the amount."""
    if amount <= 0.0:
        return 0.0
    unit = 10.0 ** (floor(log10(amount)) - 1)
    return float(f"{ceil(amount / unit * (1 - 1e-12)) * unit:.6g}")
