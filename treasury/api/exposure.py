"""Exposure: what the daemon alone knows of it; the figures are worked out by whoever asks."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from treasury.api.asking import TheOffice
from treasury.api.consent import law_in_force
from treasury.briefing.exposure import learned_days

reading = APIRouter(prefix="/v1/exposure", tags=["exposure"])


@reading.get("")
def show_learned(office: TheOffice) -> dict[str, Any]:
    """Show, by pool and asset, the most that learned windows let through in a day."""
    law = law_in_force(office)
    with office.ledger.read() as session:
        found = list(learned_days(session, law))
    return {
        "learned": [
            {"pool": pool, "asset": symbol, "at_most": str(amount)}
            for (pool, symbol), amount in found
        ]
    }
