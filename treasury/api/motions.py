"""Motions: every act other than a transfer that is put to a quorum; and the halt of one person."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from policies.consent import (
    TermsError,
    describe_motion,
    motion_from_json,
    motion_to_json,
    payload_digest,
)
from policies.lifecycles import MotionState, Owner
from policies.terms import MotionTerms
from treasury.api import answers
from treasury.api.answers import Glossary
from treasury.api.asking import Narrowed, TheOffice, found_by
from treasury.api.consent import (
    accept_approval,
    accept_maker,
    accept_veto,
    bytes_of,
    digest_of,
    keep_signature,
)
from treasury.api.errors import ApiError
from treasury.api.models import Halt, MotionProposal, Signed
from treasury.api.office import Office
from treasury.ledger import Session, facts, listings, moves, queries
from treasury.ledger.tables import MotionRow
from treasury.safety import halting

reading = APIRouter(prefix="/v1/motions", tags=["motions"])
consenting = APIRouter(prefix="/v1/motions", tags=["motions"])
stopping = APIRouter(prefix="/v1", tags=["halt"])


@reading.get("")
def list_motions(office: TheOffice, narrowed: Narrowed) -> dict[str, Any]:
    """List motions, newest first."""
    words = Glossary(office.law())
    if narrowed.asset:
        raise ApiError(400, "no_asset", "a motion has no asset: leave the filter out")
    wanted = narrowed.filter(MotionState, words)
    with office.ledger.read() as session:
        found = listings.motions(session, wanted)
        approved = listings.approvers(session, [motion.digest for motion in found])
    return {"motions": [answers.motion(m, words, approved.get(m.digest, ())) for m in found]}


@reading.get("/{key}")
def show_motion(office: TheOffice, key: str) -> dict[str, Any]:
    """Show one motion with its terms, payload and approvals."""
    with office.ledger.read() as session:
        return _shown(session, _found(session, key), office)


@consenting.post("", status_code=201)
def propose_motion(office: TheOffice, body: MotionProposal) -> dict[str, Any]:
    """Take in a treasurer's motion, signed by its maker."""
    terms = _terms(body)
    maker = accept_maker(terms, bytes_of(body.signature), office)
    now = office.now()
    digest = "0x" + digest_of(terms, office).hex()
    with office.ledger.write() as session:
        found = queries.requests.motion_by_digest(session, digest)
        if found is None:
            row = _row(terms, digest, body, now)
            why = f"proposed by {maker.name}"
            found = moves.create(session, facts.Motion, row, actor=Owner.API, why=why, now=now)
            keep_signature(session, "approval", digest, maker, bytes_of(body.signature), now)
        shown = _shown(session, found, office)
    office.wake()
    return shown


@consenting.post("/{key}/approvals", status_code=201)
def approve_motion(office: TheOffice, key: str, body: Signed, response: Response) -> dict[str, Any]:
    """Take in one treasurer's approval of exactly this motion."""
    signature = bytes_of(body.signature)
    with office.ledger.write() as session:
        found = _found(session, key)
        _require_open(found)
        person = accept_approval(found.terms, signature, office)
        response.status_code = keep_signature(
            session, "approval", found.digest, person, signature, office.now()
        )
        shown = _shown(session, found, office)
    office.wake()
    return shown


@consenting.post("/{key}/veto", status_code=201)
def veto_motion(office: TheOffice, key: str, body: Signed, response: Response) -> dict[str, Any]:
    """Take in one treasurer's veto, which ends the motion."""
    signature = bytes_of(body.signature)
    with office.ledger.write() as session:
        found = _found(session, key)
        _require_open(found)
        person = accept_veto(bytes.fromhex(found.digest[2:]), signature, office)
        response.status_code = keep_signature(
            session, "veto", found.digest, person, signature, office.now()
        )
        shown = _shown(session, found, office)
    office.wake()
    return shown


@stopping.post("/halt")
def stop_exposure(office: TheOffice, body: Halt) -> dict[str, Any]:
    """Stop everything toward exposure; only a motion of a quorum resumes it."""
    with office.ledger.write() as session:
        if queries.standings.exposure(session) is None:
            raise ApiError(503, "not_started", "the daemon has not started yet: nothing runs")
        halting.halt(session, actor=Owner.API, why=body.why, now=office.now(), who="a person")
        found = queries.standings.exposure(session)
    assert found is not None
    office.wake()
    return {"state": found.state.value, "why": found.why, "since": found.changed_at}


def _terms(body: MotionProposal) -> MotionTerms:
    try:
        terms = motion_from_json(body.terms)
    except TermsError as error:
        raise ApiError(400, "bad_terms", f"the terms are malformed: {error}") from error
    if terms.payload_digest != payload_digest(body.payload):
        text = "the payload is not the one that the terms bind: its digest differs"
        raise ApiError(422, "wrong_payload", text)
    sentence = describe_motion(terms.kind, body.payload)
    if terms.what != sentence:
        raise ApiError(422, "wrong_sentence", f"the terms must say: {sentence}")
    return terms


def _row(terms: MotionTerms, digest: str, body: MotionProposal, now: int) -> MotionRow:
    return MotionRow(
        digest=digest,
        kind=terms.kind.value,
        terms=motion_to_json(terms),
        payload=dict(body.payload),
        state=MotionState.PROPOSED.value,
        maker=terms.maker,
        proposed_at=terms.proposed_at,
        expires_at=terms.expires_at,
        changed_at=now,
        counted=[],
        reasons=[],
    )


def _found(session: Session, key: str) -> facts.Motion:
    return found_by(
        key,
        "motion",
        by_number=lambda number: queries.requests.motion(session, number),
        by_digest=lambda digest: queries.requests.motion_by_digest(session, digest),
    )


def _require_open(found: facts.Motion) -> None:
    if found.state is not MotionState.PROPOSED:
        text = f"motion {found.id} is {found.state}: only PROPOSED takes this"
        raise ApiError(409, "not_open", text, found.reasons)


def _shown(session: Session, found: facts.Motion, office: Office) -> dict[str, Any]:
    words = Glossary(office.law())
    approvals = queries.refills.approvals(session, found.digest)
    vetoes = queries.refills.vetoes(session, found.digest)
    return {
        **answers.motion(found, words, [a.treasurer for a in approvals]),
        "deployment": "0x" + office.deployment.hex(),
        "approvals": [answers.signature(approval, words) for approval in approvals],
        "vetoes": [answers.signature(veto, words) for veto in vetoes],
    }
