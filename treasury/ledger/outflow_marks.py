"""What is written about outflow: each verdict once, and now and then what was learned."""

from __future__ import annotations

from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from treasury.errors import TwinError
from treasury.ledger import marks
from treasury.ledger.facts_outflow import JudgedOutflow
from treasury.ledger.reading import reasons_to_json
from treasury.ledger.tables_outflow import LearnedRow, OutflowRow

_CALM = "calm"


def keep_outflow(session: Session, outflow: JudgedOutflow) -> int:
    """Write a judged outflow down and return its number; what is above calm is journaled.

    Raises `TwinError` when that subject was judged before.
    """
    row = OutflowRow(
        subject=outflow.subject,
        pool=outflow.pool,
        wallet=outflow.wallet,
        at=outflow.at,
        recipient=outflow.recipient,
        asset=outflow.asset,
        amount=outflow.amount,
        size=outflow.size,
        is_first_use=outflow.is_first_use,
        verdict=outflow.verdict,
        score=outflow.score,
        reasons=reasons_to_json(outflow.reasons),
        balance=outflow.balance,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise TwinError(f"{outflow.subject} was judged before: {error.orig}") from error
    if outflow.verdict != _CALM:
        _tell(session, outflow)
    return row.id or 0


def keep_learned(session: Session, pool: str, upto_id: int, state: str, *, now: int) -> None:
    """Write what a pool's watch has learned up to an outflow."""
    changed = {"upto_id": upto_id, "state": state, "changed_at": now}
    statement = upsert(LearnedRow).values(pool=pool, **changed)
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["pool"], set_=changed)
    )


def _tell(session: Session, outflow: JudgedOutflow) -> None:
    body = {
        "verdict": outflow.verdict,
        "score": outflow.score,
        "wallet": outflow.wallet,
        "reasons": reasons_to_json(outflow.reasons),
    }
    kind = f"outflow_{outflow.verdict}"
    marks.tell(session, kind, outflow.subject, body, now=outflow.at, actor="judge")
