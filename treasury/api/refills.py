"""Refills: see them, propose one, approve or veto one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from policies.consent import TermsError, terms_to_json, transfer_from_json
from policies.lifecycles import Owner, RefillState
from policies.terms import NATIVE, TransferTerms
from treasury.api import answers, proposals
from treasury.api.answers import Glossary
from treasury.api.asking import Narrowed, TheOffice, found_by
from treasury.api.consent import (
    accept_approval,
    accept_maker,
    accept_veto,
    bytes_of,
    digest_of,
    keep_signature,
    law_in_force,
)
from treasury.api.errors import ApiError
from treasury.api.models import RefillProposal, Signed
from treasury.api.office import Office
from treasury.errors import TwinError
from treasury.ledger import Session, facts, listings, moves, queries
from treasury.ledger.queries.watch import Depth
from treasury.ledger.tables import RefillRow

reading = APIRouter(prefix="/v1/refills", tags=["refills"])
consenting = APIRouter(prefix="/v1/refills", tags=["refills"])


@reading.get("")
def list_refills(
    office: TheOffice, narrowed: Narrowed, wallet: Annotated[str, Query(max_length=40)] = ""
) -> dict[str, Any]:
    """List refills, newest first."""
    words = Glossary(office.law())
    wanted = narrowed.filter(RefillState, words)
    with office.ledger.read() as session:
        found = listings.refills(session, wanted, wallet=wallet)
        approved = listings.approvers(session, [r.order_id for r in found])
    return {"refills": [answers.refill(r, words, approved.get(r.order_id, ())) for r in found]}


@reading.get("/{key}")
def show_refill(office: TheOffice, key: str) -> dict[str, Any]:
    """Show one refill with its terms, its approvals, and what the daemon believes of balances."""
    with office.ledger.read() as session:
        return _shown(session, _found(session, key), office)


@consenting.post("", status_code=201)
def propose_refill(office: TheOffice, body: RefillProposal) -> dict[str, Any]:
    """Take in a treasurer's own refill, signed by its maker, who then does not count."""
    terms = _terms(body)
    maker = accept_maker(terms, bytes_of(body.signature), office)
    now = office.now()
    law = law_in_force(office)
    proposals.require_sound(terms, law, now)
    digest = "0x" + digest_of(terms, office).hex()
    with office.ledger.write() as session:
        again = queries.refills.by_order(session, digest)
        if again is not None:
            return _shown(session, again, office)
        proposals.require_calm(session, terms)
        row = proposals.refill_row(terms, digest, law, now)
        found = _begin(session, row, f"proposed by {maker.name}", now)
        keep_signature(session, "approval", digest, maker, bytes_of(body.signature), now)
        shown = _shown(session, found, office)
    office.wake()
    return shown


@consenting.post("/{key}/approvals", status_code=201)
def approve_refill(office: TheOffice, key: str, body: Signed, response: Response) -> dict[str, Any]:
    """Take in one treasurer's approval of exactly these terms."""
    signature = bytes_of(body.signature)
    with office.ledger.write() as session:
        found = _found(session, key)
        person = accept_approval(found.terms, signature, office)
        _require_state(found, (RefillState.PROPOSED,))
        response.status_code = keep_signature(
            session, "approval", found.order_id, person, signature, office.now()
        )
        shown = _shown(session, found, office)
    office.wake()
    return shown


@consenting.post("/{key}/veto", status_code=201)
def veto_refill(office: TheOffice, key: str, body: Signed, response: Response) -> dict[str, Any]:
    """Take in one treasurer's veto, which ends the refill."""
    signature = bytes_of(body.signature)
    with office.ledger.write() as session:
        found = _found(session, key)
        person = accept_veto(bytes.fromhex(found.order_id[2:]), signature, office)
        _require_state(found, (RefillState.PROPOSED, RefillState.APPROVED))
        response.status_code = keep_signature(
            session, "veto", found.order_id, person, signature, office.now()
        )
        shown = _shown(session, found, office)
    office.wake()
    return shown


def _terms(body: RefillProposal) -> TransferTerms:
    try:
        return transfer_from_json(body.terms)
    except TermsError as error:
        raise ApiError(400, "bad_terms", f"the terms are malformed: {error}") from error


def _begin(session: Session, row: RefillRow, why: str, now: int) -> facts.Refill:
    try:
        return moves.create(session, facts.Refill, row, actor=Owner.API, why=why, now=now)
    except TwinError as error:
        text = f"{row.wallet} has an open refill of this asset already; wait for it or veto it"
        raise ApiError(409, "open_refill", text) from error


def _found(session: Session, key: str) -> facts.Refill:
    return found_by(
        key,
        "refill",
        by_number=lambda number: queries.refills.refill(session, number),
        by_digest=lambda digest: queries.refills.by_order(session, digest),
    )


def _require_state(found: facts.Refill, states: tuple[RefillState, ...]) -> None:
    if found.state not in states:
        text = f"refill {found.id} is {found.state}: only {' or '.join(states)} takes this"
        raise ApiError(409, "not_open", text, found.reasons)


def _shown(session: Session, found: facts.Refill, office: Office) -> dict[str, Any]:
    words = Glossary(office.law())
    approvals = queries.refills.approvals(session, found.order_id)
    vetoes = queries.refills.vetoes(session, found.order_id)
    shown = answers.refill(found, words, [a.treasurer for a in approvals])
    return {
        **shown,
        "digest": found.order_id,
        "deployment": "0x" + office.deployment.hex(),
        "terms": terms_to_json(found.terms),
        "approvals": [answers.signature(approval, words) for approval in approvals],
        "vetoes": [answers.signature(veto, words) for veto in vetoes],
        "reported": _reported(session, found.terms, words),
    }


def _reported(session: Session, terms: TransferTerms, words: Glossary) -> dict[str, Any] | None:
    tick = queries.watch.last_good_tick(session, terms.chain_id)
    if tick is None or tick.head is None:
        return None
    cells = queries.watch.cells(session, terms.chain_id, Depth.HEAD, tick.head)
    places = {"source": terms.source, "destination": terms.destination}
    balances = {name: cells.balance(place, terms.asset) for name, place in places.items()}
    balances["source_native"] = cells.balance(terms.source, NATIVE)
    reported: dict[str, Any] = {"block": tick.head.number, "block_time": tick.head.time}
    for name, value in balances.items():
        asset = NATIVE if name == "source_native" else terms.asset
        reported[f"{name}_balance"] = None if value is None else str(value)
        reported[f"{name}_balance_text"] = (
            "unknown" if value is None else words.text(value, terms.chain_id, asset)
        )
    return reported
