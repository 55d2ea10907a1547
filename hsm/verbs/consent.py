"""The verb on consent: lodge an order with the approvals that were collected for it.

Approvals come over any road, because a signature speaks for itself. Only those of treasurers
leave a trace in the book; when it has seen a quorum, the time-lock begins.
"""

from __future__ import annotations

from collections.abc import Sequence

from hsm.book import consent as book_consent
from hsm.book import orders as book_orders
from hsm.errors import ProtocolError
from hsm.guard import guard
from hsm.guard.facts import Asked, Facts
from hsm.guard.rules import no
from hsm.verbs.room import Room
from hsm.wire import fields
from hsm.wire.message import Answer, Body
from policies.consent import transfer_digest, transfer_from_json
from policies.crypto import BadSignatureError, recover_address
from policies.terms import Address, Reason, TransferTerms

MOST_APPROVALS = 32


MOST_CHAIN_ID = 2**62


def terms_in(body: Body) -> TransferTerms:
    """Read the order of a body. Raises `ProtocolError`, `TermsError`."""
    terms = transfer_from_json(fields.table(body, "order"))
    if terms.chain_id > MOST_CHAIN_ID:
        raise ProtocolError(f"chainId: no chain has a number above {MOST_CHAIN_ID}")
    return terms


def lodge(room: Room, body: Body) -> Answer:
    """Take an order and approvals in; answer what consent is still missing."""
    fields.only(body, frozenset({"order", "approvals"}))
    terms = terms_in(body)
    order_id = transfer_digest(terms, room.book.deployment)
    approvals = fields.blobs(body, "approvals", limit=MOST_APPROVALS)
    unheard = keep_consent(room, order_id, terms, approvals)
    known = book_orders.find_order(room.book, order_id)
    views = room.views(Asked(terms=terms, order_id=order_id, order=known))
    refusals = guard.judge_lodged(views)
    if refusals:
        return room.refuse(*refusals, *unheard)
    return _consent_answer(room, order_id, views, unheard)


def _consent_answer(
    room: Room, order_id: bytes, views: Sequence[Facts], unheard: Sequence[Reason]
) -> Answer:
    tallies = [facts.tally() for facts in views]
    seen = [f.quorum_at(t) for f, t in zip(views, tallies, strict=True)]
    reached = all(t.reached for t in tallies)
    ends = [at + t.time_lock_s for at, t in zip(seen, tallies, strict=True) if at is not None]
    counted = set.intersection(*({p.address for p in t.counted} for t in tallies))
    body = {
        "orderId": fields.to_hex(order_id),
        "required": str(max(t.required for t in tallies)),
        "counted": sorted(counted),
        "reached": fields.to_flag(reached),
        "notBefore": str(max(ends)) if reached else "",
    }
    reasons = (*unheard, *(reason for t in tallies for reason in t.reasons))
    return room.ok(body, tuple(dict.fromkeys(reasons)))


def keep_consent(
    room: Room, order_id: bytes, terms: TransferTerms, signatures: Sequence[bytes]
) -> Sequence[Reason]:
    """Write new approvals of treasurers in; return why the other signatures count for nothing.

    Those others leave no trace in the book, so that nobody can fill the disk with them.
    """
    if not signatures:
        return ()
    known = book_consent.approvals_of(room.book, order_id)
    fresh: dict[Address, bytes] = {}
    unheard = []
    for signature in signatures:
        signer = _treasurer(room, order_id, signature)
        if isinstance(signer, Reason):
            unheard.append(signer)
        elif signer not in known:
            fresh[signer] = signature
    if fresh:
        book_consent.keep_approvals(room.book, order_id, fresh, room.now)
        book_orders.keep_order(room.book, order_id, terms)
    return unheard


def _treasurer(room: Room, digest: bytes, signature: bytes) -> Address | Reason:
    try:
        signer = recover_address(digest, signature)
    except BadSignatureError as error:
        return no("bad_signature", f"a signature does not count: {error}")
    if all(law.treasurer_at(signer) is None for law in room.binding_laws):
        text = f"a signature of {signer} does not count: not in the roster, or over other terms"
        return no("not_in_roster", text)
    return signer
