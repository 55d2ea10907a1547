"""Whose signature is taken in: a treasurer of the law in force, over exactly these terms.

The signer verifies everything again and its verdict counts; here a wrong signature is told to the
person who sent it instead of waiting in a table.
"""

from __future__ import annotations

from typing import Literal

from policies.consent import motion_digest, transfer_digest, veto_digest
from policies.crypto import BadSignatureError, recover_address
from policies.law import Law, Treasurer, law_digest
from policies.terms import NATIVE, Address, MotionTerms, TransferTerms
from treasury.api.errors import ApiError
from treasury.api.office import Office
from treasury.ledger import Session, marks, queries

Terms = TransferTerms | MotionTerms


def law_in_force(office: Office) -> Law:
    """Return the adopted law. Raises `ApiError` 503 while there is none."""
    law = office.law()
    if law is None:
        raise ApiError(503, "no_law", "no law is adopted yet: adopt one with `treasuryctl law`")
    return law


def digest_of(terms: Terms, office: Office) -> bytes:
    """Return the digest that is signed for these terms in this deployment."""
    if isinstance(terms, TransferTerms):
        return transfer_digest(terms, office.deployment)
    return motion_digest(terms, office.deployment)


def accept_maker(terms: Terms, signature: bytes, office: Office) -> Treasurer:
    """Return the treasurer who made and signed a proposal. Raises `ApiError` 403."""
    law = law_in_force(office)
    _require_current(terms, law, office)
    person = _signer(digest_of(terms, office), signature, law)
    if person.address != terms.maker:
        text = f"the proposal names {terms.maker} as its maker, {person.address} signed it"
        raise ApiError(403, "not_the_maker", text)
    return person


def accept_approval(terms: Terms, signature: bytes, office: Office) -> Treasurer:
    """Return the treasurer who approved the terms. Raises `ApiError` 403 or 409."""
    law = law_in_force(office)
    _require_current(terms, law, office)
    person = _signer(digest_of(terms, office), signature, law)
    if person.address == terms.maker:
        text = f"{person.name} made this proposal; another treasurer must approve it"
        raise ApiError(403, "maker_is_checker", text)
    return person


def accept_veto(digest: bytes, signature: bytes, office: Office) -> Treasurer:
    """Return the treasurer who signed a veto against a digest. Raises `ApiError` 403."""
    return _signer(veto_digest(digest, office.deployment), signature, law_in_force(office))


def keep_signature(  # noqa: PLR0917 - one caller per kind, all in the order of the columns
    session: Session,
    kind: Literal["approval", "veto"],
    digest: str,
    person: Treasurer,
    signature: bytes,
    now: int,
) -> int:
    """Keep a signature once; return the HTTP status: 201 for a new one, 200 for a repetition."""
    read = queries.refills.approvals if kind == "approval" else queries.refills.vetoes
    if any(known.treasurer == person.address for known in read(session, digest)):
        return 200
    marks.receive_signature(
        session, kind, digest=digest, treasurer=person.address, signature=signature, now=now
    )
    return 201


def bytes_of(signature: str) -> bytes:
    """Read a signature's 65 bytes from the 0x-hex that a request's model has checked."""
    return bytes.fromhex(signature[2:])


def _require_current(terms: Terms, law: Law, office: Office) -> None:
    if terms.law_digest != law_digest(law):
        text = "the terms were made under another law than the one in force: propose again"
        raise ApiError(409, "law_changed", text)
    if terms.expires_at <= office.now():
        raise ApiError(409, "expired", "the terms have expired: propose again")


def _signer(digest: bytes, signature: bytes, law: Law) -> Treasurer:
    try:
        address = recover_address(digest, signature)
    except BadSignatureError as error:
        raise ApiError(403, "bad_signature", f"the signature does not count: {error}") from error
    person = law.treasurer_at(address)
    if person is None:
        text = f"the signature is by {address}: not a treasurer of the law, or over other terms"
        raise ApiError(403, "not_in_roster", text)
    return person


def maker_name(maker: Address, law: Law | None) -> str:
    """Return who made a proposal, in words."""
    if maker == NATIVE:
        return "the daemon"
    person = law.treasurer_at(maker) if law else None
    return person.name if person else "unknown"
