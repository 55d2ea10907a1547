"""Drills: the record of rehearsals; the newest that succeeded counts for the alarm."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from treasury.alerts.conditions import LAST_DRILL
from treasury.api.asking import TheOffice
from treasury.api.models import Body
from treasury.ledger import marks

recording = APIRouter(prefix="/v1/drills", tags=["drills"])
Text = Annotated[str, Field(max_length=300, pattern=r"^[ -~]*$")]


class DrillStep(Body):
    """One step and its milliseconds."""

    what: Text
    ms: Annotated[int, Field(ge=0, le=86_400_000)]


class DrillRecord(Body):
    """A drill as `treasuryd drill` measured it."""

    kind: Annotated[str, Field(pattern="^(isolate|stolen-key|rpc-lies|hsm-loss|restore)$")]
    mode: Annotated[str, Field(pattern="^(development|dry-run)$")]
    is_ok: bool
    failure: Text
    steps: Annotated[list[DrillStep], Field(max_length=200)]


@recording.post("")
def record_drill(office: TheOffice, body: DrillRecord) -> dict[str, Any]:
    """Write a drill into the journal; one that succeeded ends the alarm of an overdue drill."""
    now = office.now()
    kind = "drill_done" if body.is_ok else "drill_failed"
    told = {
        "why": body.failure or f"{body.kind} ({body.mode}): {len(body.steps)} steps happened",
        "mode": body.mode,
        "steps": [{"what": step.what, "ms": str(step.ms)} for step in body.steps],
    }
    with office.ledger.write() as session:
        marks.tell(session, kind, f"drill:{body.kind}", told, now=now, actor="a person")
        if body.is_ok:
            marks.remember(session, LAST_DRILL, str(now))
            marks.remember(session, f"{LAST_DRILL}:kind", body.kind)
    return {"recorded": kind, "at": now}
