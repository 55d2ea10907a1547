"""How long a wallet lasts, as JSON: measured outflow, and the hours until it falls to the floor."""

from __future__ import annotations

from typing import Any

from policies.law import Asset, Band
from policies.runway import HOUR_S
from policies.terms import Address
from treasury.api.answers import exactly
from treasury.briefing.pace import Pace

Json = dict[str, Any]
_TENTHS = 10


def lasting(
    pace: Pace, wallet: Address | None, asset: Asset, band: Band | None, *, balance: int | None
) -> Json:
    """Write outflow and runway of a banded asset; `runway_h` is null when there is none to tell.

    Hours are rounded down to tenths; `runway_text` says why there are none.
    """
    if band is None or wallet is None:
        return {}
    outflow = pace.outflow(wallet, asset.address)
    left = (
        None if balance is None else pace.runway(wallet, asset.address, balance=balance, band=band)
    )
    hours = None if left is None else left * _TENTHS // HOUR_S / _TENTHS
    return {
        "outflow_per_h": None if outflow is None else str(outflow),
        "outflow_per_h_text": "unmeasured" if outflow is None else exactly(outflow, asset),
        "runway_h": hours,
        "runway_text": _told(outflow, balance, hours),
    }


def _told(outflow: int | None, balance: int | None, hours: float | None) -> str:
    if balance is None:
        return "unknown"
    if outflow is None:
        return "unmeasured"
    return "no outflow" if hours is None else f"{hours:g} h"
