"""Incidents: trouble with a wallet, from the first verdict to the quorum that closes it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from treasury.api import answers
from treasury.api.asking import TheOffice, found_by
from treasury.api.errors import ApiError
from treasury.api.office import Office
from treasury.incident_file.files import IncidentFile, IncidentFiles
from treasury.ledger import facts, queries

reading = APIRouter(prefix="/v1/incidents", tags=["incidents"])
sealing = APIRouter(prefix="/v1/incidents", tags=["incidents"])


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
    """Show one incident, and what it cost as far as is known now."""
    incident = _found(office, key)
    made = office.files.read(incident, with_book=False) if office.files else None
    return {**_written(incident), "figures": made.document["figures"] if made else []}


@reading.get("/{key}/file")
def read_file(office: TheOffice, key: str) -> dict[str, Any]:
    """Return the incident file as it would be written now; it is not sealed."""
    return _shown(_files(office).read(_found(office, key)))


@sealing.post("/{key}/file")
def seal_file(office: TheOffice, key: str) -> dict[str, Any]:
    """Write the incident file now and seal it by its hash in the journal."""
    return _shown(_files(office).seal(_found(office, key)))


def _files(office: Office) -> IncidentFiles:
    if office.files is None:
        raise ApiError(503, "no_files", "this daemon makes no incident files: see its settings")
    return office.files


def _found(office: Office, key: str) -> facts.Incident:
    with office.ledger.read() as session:
        known = {incident.id: incident for incident in queries.standings.incidents(session)}
    return found_by(key, "incident", by_number=known.get, by_digest=lambda _digest: None)


def _shown(made: IncidentFile | None) -> dict[str, Any]:
    if made is None:
        raise ApiError(409, "no_law", "no law is in force: an incident file needs its names")
    return {
        "name": made.name,
        "json": made.text,
        "markdown": made.markdown,
        "sha256": made.sha256,
    }


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
