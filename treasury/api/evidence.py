"""Evidence: one file with which a stranger checks everything offline."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from treasury.api.asking import TheOffice
from treasury.api.errors import ApiError

sealing = APIRouter(prefix="/v1/evidence", tags=["evidence"])


@sealing.post("")
def make_evidence(office: TheOffice) -> dict[str, Any]:
    """Make an evidence file now, seal it in the journal, and have the seal signed."""
    made = None if office.evidence is None else office.evidence.make()
    if made is None:
        raise ApiError(503, "no_evidence", "this daemon makes no evidence files yet: it just began")
    return {
        "name": made.name,
        "json": made.text,
        "content_sha256": made.sha256,
        "unsigned": made.unsigned,
    }
