"""Stop money toward exposure: the one step that any station and any person may take at once."""

from __future__ import annotations

from policies.lifecycles import ExposureState, Owner
from policies.terms import Purpose, Reason
from treasury.ledger import Session, moves
from treasury.ledger.queries import standings

EXPOSING = frozenset({Purpose.REFILL, Purpose.WITHDRAWAL, Purpose.TOP_UP})
"""Purposes that a halt stops; sweep and evacuation go on."""


def halt(
    session: Session, *, actor: Owner, why: str | tuple[Reason, ...], now: int, who: str = ""
) -> bool:
    """Halt if running, in the caller's transaction; say whether it was. A quorum resumes."""
    exposure = standings.exposure(session)
    if exposure is None or exposure.is_halted:
        return False
    moves.move(
        session,
        exposure,
        ExposureState.HALTED,
        actor=actor,
        why=why,
        now=now,
        who=who or actor.value,
    )
    return True
