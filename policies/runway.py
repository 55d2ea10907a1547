"""How long a wallet lasts, and how long people take: what decides how early a refill is asked for.

Everything errs toward asking too early: outflow is rounded up, the runway down, and the wait is
one that nine of ten refills stayed under. What was measured for too short a time is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

from policies.law import Band

HOUR_S = 3600
LEAST_SPAN_S = HOUR_S
"""A rate measured over less time says nothing."""
LEAST_WAITS = 3
"""Fewer approvals than this are no habit."""


def outflow_per_h(outflow: int, span_s: int) -> int | None:
    """Return the outflow per hour, rounded up, of what left within `span_s`; None when unknown."""
    if span_s < LEAST_SPAN_S:
        return None
    return -(-outflow * HOUR_S // span_s)


def runway_s(projected: int, band: Band, per_h: int) -> int | None:
    """Return the seconds until the balance falls to the floor; None when nothing flows out."""
    if per_h <= 0:
        return None
    return max(projected - band.floor, 0) * HOUR_S // per_h


def is_within(band: Band, projected: int, outflow_per_h: int, lead_time_s: int) -> bool:
    """Say whether a projected balance asks for nothing, whatever else is true.

    It lies within the band, and will for as long as approval takes. Nearly all balances do, so
    this is asked before any other fact is gathered.
    """
    if not band.floor <= projected <= band.cap:
        return False
    lasts = (projected - band.floor) * HOUR_S >= outflow_per_h * lead_time_s
    return lasts or projected >= band.target


def usual_wait_s(waits_s: Sequence[int]) -> int | None:
    """Return the wait from proposal to settlement that nine of ten stayed under, or met.

    None when there are too few to tell.
    """
    if len(waits_s) < LEAST_WAITS:
        return None
    rank = -(-len(waits_s) * 9 // 10)
    return sorted(waits_s)[rank - 1]
