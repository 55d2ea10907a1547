"""Incidents: trouble with a wallet, from the first verdict to the quorum that closes it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from treasury.api import answers
from treasury.api.asking import TheOffice, found_by
from treasury.ledger import facts, queries

reading = APIRouter(prefix="/v1/incidents", tags=["incidents"])


@reading.get("")
def list_incidents(
    office: TheOffice, *, open_only: Annotated[bool, Query()] = False
) -> dict[str, Any]:
    """List incidents, newest first."""
    with office.ledger.read() as session:
        found = queries.standings.incidents(session, only_open=open_only)
    return {"incidents": [_written(incident) for incident in found]}


@reading.get("/{key}")
def show_incident(office: TheOffice, key: str) -> dict[str, Any]:
    """Show one incident."""
    with office.ledger.read() as session:
        known = {incident.id: incident for incident in queries.standings.incidents(session)}
    return _written(found_by(key, "incident", by_number=known.get, by_digest=lambda _digest: None))


def _written(found: facts.Incident) -> dict[str, Any]:
    return {
        "id": found.id,
        "wallet": found.wallet,
        "state": found.state.value,
        "opened_at": found.opened_at,
        "changed_at": found.changed_at,
        "outcome": found.outcome,
        "reasons": answers.reasons(found.reasons),
    }
