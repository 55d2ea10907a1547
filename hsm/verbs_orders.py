"""The verbs on orders: lodge, sign, bump, cancel.

`sign` in steps: know the order and its consent, judge it under every binding law, record nonce
and attempt, and hand out a `Pending` that the desk takes to the token after the commit. The same
id again returns the same bytes; a recorded attempt without bytes is signed with the fees that
were recorded, because no second digest may ever be signed for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from hsm import book_consent, book_orders, book_spends, fields, guard
from hsm.answers import AttemptKind, Fees
from hsm.book_orders import Attempt, Order
from hsm.facts import Asked, Facts
from hsm.reading import fees_from_json, fees_to_json
from hsm.room import Pending, Room
from hsm.rules import no
from hsm.transaction import build_cancel, build_transfer, digest_of, unsigned_payload
from hsm.wire import Answer, Body, Result
from policies.consent import transfer_digest, transfer_from_json
from policies.crypto import BadSignatureError, recover_address
from policies.law import Wallet
from policies.terms import Address, Reason, TransferTerms

MOST_APPROVALS = 32
MOST_ATTEMPTS = 64
_SIGN_FIELDS = frozenset({"orderId", "fees"})
_SIGN_OPTIONS = frozenset({"order", "approvals", "nonce", "epoch"})


def lodge(room: Room, body: Body) -> Answer:
    """Take an order and approvals in; answer what consent is still missing."""
    fields.only(body, frozenset({"order", "approvals"}))
    terms = transfer_from_json(fields.table(body, "order"))
    order_id = transfer_digest(terms, room.book.deployment)
    approvals = fields.blobs(body, "approvals", limit=MOST_APPROVALS)
    unheard = _keep_consent(room, order_id, terms, approvals)
    views = room.views(Asked(terms=terms, order_id=order_id))
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


def sign(room: Room, body: Body) -> Answer | Pending:
    """Sign an order for the first time, or return what was signed."""
    fields.only(body, _SIGN_FIELDS, _SIGN_OPTIONS)
    order_id = fields.blob(body, "orderId", length=32)
    known = book_orders.find_order(room.book, order_id)
    if known is not None and known.attempts:
        return _sign_known(room, known)
    terms = known.terms if known else None
    unheard: Sequence[Reason] = ()
    if "order" in body:
        terms = transfer_from_json(fields.table(body, "order"))
        if transfer_digest(terms, room.book.deployment) != order_id:
            return room.refuse(no("id_differs", "the order id is not the digest of the terms"))
        approvals = fields.blobs(body, "approvals", limit=MOST_APPROVALS)
        unheard = _keep_consent(room, order_id, terms, approvals)
    if terms is None:
        return room.refuse(no("unknown_order", "the book does not know this order: send its terms"))
    asked = Asked(
        terms=terms,
        order_id=order_id,
        fees=fees_from_json(fields.table(body, "fees")),
        claimed_nonce=fields.maybe_integer(body, "nonce"),
    )
    return _sign_new(room, asked, unheard)


def _sign_known(room: Room, order: Order) -> Answer | Pending:
    """Return the stored bytes of the original, or sign what was recorded."""
    original = next((a for a in order.attempts if a.kind is AttemptKind.ORIGINAL), None)
    if original is None:
        return room.refuse(no("cancelled", "the order was cancelled before it was signed"))
    if original.raw is not None:
        return signed_answer(order, original)
    if order.is_cancelled:
        return room.refuse(no("cancelled", "the order was cancelled before it was signed"))
    return _judge_and_pend(room, order, original)


def _sign_new(room: Room, asked: Asked, unheard: Sequence[Reason]) -> Answer | Pending:
    views = room.views(asked)
    verdict = guard.judge(views)
    if verdict.refusals:
        return room.refuse(*verdict.refusals, *unheard)
    if verdict.not_before is not None:
        reason = no("time_lock", f"the time-lock ends at {verdict.not_before}")
        return room.not_ready(reason, not_before=verdict.not_before)
    facts = views[0]
    wallet = _wallet(facts)
    trouble = room.trouble_with(wallet.key)
    if trouble is not None:
        return trouble
    nonce = _assign_nonce(room, asked, wallet)
    book_orders.keep_order(room.book, asked.order_id, asked.terms, room.book.seq)
    book_orders.record_nonce(room.book, asked.order_id, nonce, room.now)
    book_spends.record_spend(
        room.book, asked.order_id, asked.terms, first_use=facts.is_first_use, now=room.now
    )
    return _record(room, asked, nonce=nonce, number=1, wallet=wallet)


def _assign_nonce(room: Room, asked: Asked, wallet: Wallet) -> int:
    terms, claim = asked.terms, asked.claimed_nonce
    coming = book_orders.next_nonce(room.book, terms.chain_id, terms.source, wallet.start_nonce)
    nonce = coming if claim is None else claim
    book_orders.set_next_nonce(room.book, terms.chain_id, terms.source, max(coming, nonce + 1))
    return nonce


def bump(room: Room, body: Body) -> Answer | Pending:
    """Sign the same order again on the same nonce, at a higher fee."""
    return _again(room, body, AttemptKind.BUMP)


def cancel(room: Room, body: Body) -> Answer | Pending:
    """Sign zero to self on the order's nonce."""
    return _again(room, body, AttemptKind.CANCEL)


def _again(room: Room, body: Body, kind: AttemptKind) -> Answer | Pending:
    fields.only(body, _SIGN_FIELDS, frozenset({"epoch"}))
    order = book_orders.find_order(room.book, fields.blob(body, "orderId", length=32))
    if order is None or order.nonce is None:
        return room.refuse(no("unknown_order", "no nonce of the book belongs to this order"))
    fees = fees_from_json(fields.table(body, "fees"))
    last = order.attempts[-1]
    if last.kind is kind and last.raw is None:
        return _judge_and_pend(room, order, last)
    if last.kind is kind and last.fees == fees:
        return signed_answer(order, last)
    asked = Asked(terms=order.terms, order_id=order.order_id, kind=kind, fees=fees)
    views = room.views(asked)
    refusals = [*_replacement_refusals(order, kind, fees), *guard.judge(views).refusals]
    if refusals:
        return room.refuse(*refusals)
    wallet = _wallet(views[0])
    trouble = room.trouble_with(wallet.key)
    if trouble is not None:
        return trouble
    return _record(room, asked, nonce=order.nonce, number=last.number + 1, wallet=wallet)


def _replacement_refusals(order: Order, kind: AttemptKind, fees: Fees) -> Sequence[Reason]:
    found = []
    if kind is AttemptKind.BUMP and order.is_cancelled:
        found.append(no("cancelled", "a cancelled order is not bid for again"))
    if kind is AttemptKind.BUMP and not order.is_signed:
        found.append(no("not_signed", "the order has no signature yet: sign it"))
    signed = [a.fees for a in order.attempts if a.raw is not None]
    if any(
        fees.max_fee_per_gas <= old.max_fee_per_gas
        or fees.max_priority_fee_per_gas <= old.max_priority_fee_per_gas
        for old in signed
    ):
        found.append(no("not_higher", "both fees of a replacement must be above all earlier ones"))
    if len(order.attempts) >= MOST_ATTEMPTS:
        found.append(no("too_many_attempts", f"an order has at most {MOST_ATTEMPTS} attempts"))
    return found


def _judge_and_pend(room: Room, order: Order, attempt: Attempt) -> Answer | Pending:
    """Take up an attempt that was recorded and not signed."""
    asked = Asked(terms=order.terms, order_id=order.order_id, kind=attempt.kind, fees=attempt.fees)
    views = room.views(asked)
    verdict = guard.judge(views)
    if verdict.refusals:
        return room.refuse(*verdict.refusals)
    assert order.nonce is not None
    return _pending(asked, order.nonce, attempt.number, _wallet(views[0]), attempt.fees)


def _record(room: Room, asked: Asked, *, nonce: int, number: int, wallet: Wallet) -> Pending:
    assert asked.fees is not None
    pending = _pending(asked, nonce, number, wallet, asked.fees)
    attempt = Attempt(
        number=number,
        kind=asked.kind,
        fees=pending.fees,
        digest=pending.digest,
        raw=None,
        hash=None,
    )
    book_orders.record_attempt(room.book, asked.order_id, attempt, room.now)
    return pending


def _pending(asked: Asked, nonce: int, number: int, wallet: Wallet, fees: Fees) -> Pending:
    build = build_cancel if asked.kind is AttemptKind.CANCEL else build_transfer
    payload = unsigned_payload(build(asked.terms, nonce, fees))
    return Pending(
        order_id=asked.order_id,
        terms=asked.terms,
        key=wallet.key,
        attempt=number,
        kind=asked.kind,
        nonce=nonce,
        fees=fees,
        payload=payload,
        digest=digest_of(payload),
    )


def _wallet(facts: Facts) -> Wallet:
    wallet = facts.source
    assert wallet is not None, "the guard admits only our own wallets"
    return wallet


def _keep_consent(
    room: Room, order_id: bytes, terms: TransferTerms, signatures: Sequence[bytes]
) -> Sequence[Reason]:
    """Write new approvals of treasurers in; return why the other signatures count for nothing.

    Those others leave no trace in the book, so that nobody can fill the disk with them.
    """
    known = book_consent.approvals_of(room.book, order_id)
    fresh: dict[Address, bytes] = {}
    unheard = []
    for signature in signatures:
        signer = _approver(room, order_id, terms, signature)
        if isinstance(signer, Reason):
            unheard.append(signer)
        elif signer not in known:
            fresh[signer] = signature
    if fresh:
        seq = book_consent.keep_approvals(room.book, order_id, fresh, room.now)
        book_orders.keep_order(room.book, order_id, terms, seq)
    return unheard


def _approver(
    room: Room, digest: bytes, terms: TransferTerms, signature: bytes
) -> Address | Reason:
    try:
        signer = recover_address(digest, signature)
    except BadSignatureError as error:
        return no("bad_signature", f"a signature does not count: {error}")
    if all(law.treasurer_at(signer) is None for law in room.binding_laws):
        text = f"a signature of {signer} does not count: not in the roster, or over other terms"
        return no("not_in_roster", text)
    if signer == terms.maker:
        return no("maker_is_checker", f"{signer} made the proposal and does not count as a checker")
    return signer


def signed_answer(order: Order, attempt: Attempt) -> Answer:
    """Answer with the stored bytes of an attempt."""
    assert order.nonce is not None
    assert attempt.raw is not None
    assert attempt.hash is not None
    return Answer(
        result=Result.SIGNED,
        body={
            "orderId": fields.to_hex(order.order_id),
            "nonce": str(order.nonce),
            **attempt_body(attempt),
        },
    )


def attempt_body(attempt: Attempt) -> dict[str, str | dict[str, str]]:
    """Write an attempt that has its bytes for the wire."""
    return {
        "attempt": str(attempt.number),
        "kind": attempt.kind.value,
        "raw": fields.to_hex(attempt.raw or b""),
        "hash": fields.to_hex(attempt.hash or b""),
        "digest": fields.to_hex(attempt.digest),
        "fees": fees_to_json(attempt.fees),
    }
