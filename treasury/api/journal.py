"""The journal: read it line by line, or let the whole chain be verified."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from treasury.api import answers
from treasury.api.asking import MAX_LIMIT, TheOffice
from treasury.ledger import journal

reading = APIRouter(prefix="/v1/journal", tags=["journal"])


@reading.get("")
def read_journal(
    office: TheOffice,
    after: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
) -> dict[str, Any]:
    """Return lines after a number, oldest first; without one, the newest lines."""
    with office.ledger.read() as session:
        head = journal.head(session)
        newest = head.seq if head else 0
        start = max(0, newest - limit) if after is None else after
        entries = journal.tail(session, after=start, limit=limit)
    return {"entries": [answers.entry(line) for line in entries], "newest": newest}


@reading.get("/verify")
def verify_journal(office: TheOffice) -> dict[str, Any]:
    """Walk the whole chain and name the first line that does not fit."""
    with office.ledger.read() as session:
        found = journal.verify(session)
    return {
        "ok": found.ok,
        "entries": found.entries,
        "head": found.head,
        "first_bad": found.first_bad,
        "why": found.why,
    }
