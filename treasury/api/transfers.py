"""Transfers: see what moved, is moving, or will."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from policies.consent import terms_to_json
from policies.lifecycles import TransferState
from policies.terms import Purpose
from treasury.api import answers
from treasury.api.answers import Glossary
from treasury.api.asking import Narrowed, TheOffice, found_by
from treasury.api.errors import ApiError
from treasury.ledger import listings, queries

reading = APIRouter(prefix="/v1/transfers", tags=["transfers"])


@reading.get("")
def list_transfers(
    office: TheOffice,
    narrowed: Narrowed,
    wallet: Annotated[str, Query(max_length=40)] = "",
    purpose: Annotated[Purpose | None, Query()] = None,
) -> dict[str, Any]:
    """List transfers, newest first; `wallet` narrows to those from or to one of ours."""
    words = Glossary(office.law())
    wanted = narrowed.filter(TransferState, words)
    with office.ledger.read() as session:
        standing = queries.standings.wallet(session, wallet) if wallet else None
        if wallet and standing is None:
            raise ApiError(404, "not_found", f"there is no wallet {wallet}")
        found = listings.transfers(
            session,
            wanted,
            address=standing.address if standing else "",
            purpose=purpose.value if purpose else "",
        )
    return {"transfers": [answers.transfer(t, words) for t in found]}


@reading.get("/{key}")
def show_transfer(office: TheOffice, key: str) -> dict[str, Any]:
    """Show one transfer with its terms and all its attempts."""
    words = Glossary(office.law())
    with office.ledger.read() as session:
        found = found_by(
            key,
            "transfer",
            by_number=lambda number: queries.transfers.transfer(session, number),
            by_digest=lambda digest: queries.transfers.by_order(session, digest),
        )
        attempts = queries.transfers.attempts(session, found.id)
    return {
        **answers.transfer(found, words),
        "terms": terms_to_json(found.terms),
        "attempts": [answers.attempt(attempt) for attempt in attempts],
    }
