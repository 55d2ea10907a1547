"""How much somebody patient takes within a day without one hold: the learned windows as a figure.

An insider who knows all that was learned stays below every window and every single payment's
threshold. This is the most that the windows of a day then let through, over every size of payment
that he may choose. Other signals (pace, crowds, storms, repeats to one recipient) and the honest
payments of the same day only lower it, and so do explicit windows, which the caller passes.
It holds for the next day: who takes it every day raises what is normal, by the margin of the
windows a day at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp

from policies.outflow.case import PER_OCTAVE, SIZES, UNIT
from policies.outflow.ladder import MATERIAL_SHARE
from policies.outflow.memory import SURPRISE_FREE
from policies.outflow.pairing import CRUMB
from policies.outflow.watch import CAPPED, TRUST_BUCKETS, WalletWatch
from policies.outflow.windows import DAY_S, GRAINS, Flow

_COUNTS_MIN = 16.0
_GRAIN_MORE = 1.0 + 1.0 / GRAINS
"""A window is right to a sixth of its span."""
_NO_BOUND = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientDay:
    """The most within a day, in the unit in which the asset's amounts were judged.

    `to_newcomers`: to recipients never paid before. `to_acquaintances`: to known ones, each
    trusted with eight times the largest payment that it is known for. None: not bounded by
    what was learned.
    """

    to_newcomers: float | None
    to_acquaintances: float | None


def patient_day(watch: WalletWatch, asset: str, *, limit: float | None = None) -> PatientDay:
    """Return what learned windows let through within a day, and at most what explicit ones do.

    Nothing learned bounds an asset that was seen fewer than sixteen times.
    """
    scale = watch.assets.get(asset)
    if scale is None or scale.count < _COUNTS_MIN:
        return PatientDay(to_newcomers=limit, to_acquaintances=limit)
    unit = exp(scale.high)
    return PatientDay(
        to_newcomers=_least(_newcomers(watch) * unit, limit),
        to_acquaintances=_least(_acquaintances(watch) * unit, limit),
    )


def _least(amount: float, limit: float | None) -> float | None:
    if amount == _NO_BOUND:
        return limit
    return amount if limit is None else min(amount, limit)


def _newcomers(watch: WalletWatch) -> float:
    """Return the most in sizes, over all sizes of payment that are no matter by themselves."""
    rank = watch.hold_rank()
    all_ = _day_of(watch.all, rank)
    material = MATERIAL_SHARE * watch.all.windows[-1].record
    fresh = max(_day_of(watch.fresh, rank), material * _GRAIN_MORE)
    large = _day_of(watch.large, rank)
    most = 0.0
    for bucket in range(SIZES):
        if watch.entry.decades[bucket] >= rank:
            break
        size = exp((bucket + 0.5 - UNIT) / PER_OCTAVE)
        capped = min(CAPPED, size)
        count = all_ / capped
        if size >= watch.usual * CRUMB:
            count = min(count, fresh / capped)
        gain = watch.entry.decades[bucket] + watch.offset - 2.0 * SURPRISE_FREE
        if gain > 0.0:
            count = min(count, large / gain)
        # A last payment may be under way when a window is found full.
        most = max(most, (count + 1.0) * size)
    return most


def _acquaintances(watch: WalletWatch) -> float:
    """Return the most in sizes to recipients that are known, the largest trust abused."""
    trust = watch.known.most() + TRUST_BUCKETS
    size = exp((trust + 0.5 - UNIT) / PER_OCTAVE)
    return (_day_of(watch.all, watch.hold_rank()) / min(CAPPED, size) + 1.0) * size


def _day_of(flow: Flow, rank: float) -> float:
    """Return the least that a day's windows of a flow let through."""
    return min(
        max(1, ceil(DAY_S / window.span_s)) * window.level(rank) * _GRAIN_MORE
        for window in flow.windows
    )
