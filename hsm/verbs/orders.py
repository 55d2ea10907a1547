"""The verbs on orders that lead to the key: sign, bump, cancel.

`sign` in steps: know the order and its consent, judge it under every binding law, record nonce
and attempt, and hand out a `Pending` that the desk takes to the token after the commit. The same
id again returns the same bytes; a recorded attempt without bytes is signed with the fees that
were recorded, because no second digest may ever be signed for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from hsm.book import orders as book_orders
from hsm.book import recount
from hsm.book import spends as book_spends
from hsm.book.orders import Attempt, Order
from hsm.guard import guard
from hsm.guard.facts import Asked, Facts
from hsm.guard.rules import no
from hsm.transaction import build_cancel, build_transfer, digest_of, unsigned_payload
from hsm.verbs.consent import MOST_APPROVALS, keep_consent, terms_in
from hsm.verbs.room import Pending, Room
from hsm.wire import fields
from hsm.wire.answers import AttemptKind, Fees
from hsm.wire.message import Answer, Body, Result
from hsm.wire.reading import fees_from_json, fees_to_json
from policies.consent import transfer_digest
from policies.fees import Bid, judge_bump
from policies.law import Wallet
from policies.terms import Reason

MOST_ATTEMPTS = 64
_SIGN_FIELDS = frozenset({"orderId", "fees"})
_SIGN_OPTIONS = frozenset({"order", "approvals", "nonce", "epoch"})


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
        terms = terms_in(body)
        if transfer_digest(terms, room.book.deployment) != order_id:
            return room.refuse(no("id_differs", "the order id is not the digest of the terms"))
        approvals = fields.blobs(body, "approvals", limit=MOST_APPROVALS)
        unheard = keep_consent(room, order_id, terms, approvals)
    if terms is None:
        return room.refuse(no("unknown_order", "the book does not know this order: send its terms"))
    asked = Asked(
        terms=terms,
        order_id=order_id,
        order=known,
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
        return _stored_answer(order, original)
    if order.is_cancelled:
        return room.refuse(no("cancelled", "the order was cancelled before it was signed"))
    try:
        with room.book.part():
            return _take_up(room, order, original)
    except _TakenBackError as error:
        return error.answer


class _TakenBackError(Exception):
    """What was tried in the book is undone, and this is the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.result.value)
        self.answer = answer


def _take_up(room: Room, order: Order, original: Attempt) -> Pending:
    """Judge an order that waited for its signature, on the nonce that it has.

    It leaves together with what is signed now, so it counts in their window and no longer in that
    of its recording: otherwise two windows' worth could leave at once. While its own window lasts,
    whatever came later had to find room beside it; afterwards it is judged as if it came now.
    Raises `_TakenBackError`.
    """
    terms, law = order.terms, room.laws.present
    if law is None:
        raise _TakenBackError(room.refuse(*guard.judge(()).refusals))
    since = recount.counted_at(room.book, order.order_id)
    is_counted = since > room.now - book_spends.shortest_window(terms, law)
    counted = _asked_again(order, original.kind, original.fees)
    views = room.views(counted) if is_counted else []
    recount.take_out(room.book, order.order_id, terms, law=law, at=since)
    views = views or room.views(counted._replace(order=dataclasses.replace(order, nonce=None)))
    refusals = guard.judge(views).refusals
    if refusals:
        raise _TakenBackError(room.refuse(*refusals))
    assert order.nonce is not None
    pending = _pending(counted, order.nonce, number=1, wallet=_wallet(views[0]))
    trouble = room.trouble_with(pending.key)
    if trouble is not None:
        raise _TakenBackError(trouble)
    first_use = views[0].is_first_use
    recount.count_again(room.book, order.order_id, terms, first_use=first_use, now=room.now)
    return pending


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
    pending = _pending(asked, nonce, number=1, wallet=wallet)
    book_orders.record_order(
        room.book,
        asked.order_id,
        asked.terms,
        nonce=nonce,
        attempt=_attempt_of(pending),
        now=room.now,
    )
    book_spends.record_spend(
        room.book, asked.order_id, asked.terms, first_use=facts.is_first_use, now=room.now
    )
    return pending


def _assign_nonce(room: Room, asked: Asked, wallet: Wallet) -> int:
    terms, claim = asked.terms, asked.claimed_nonce
    coming = book_orders.next_nonce(room.book, terms.chain_id, terms.source, wallet.start_nonce)
    nonce = coming if claim is None else claim
    book_orders.set_next_nonce(room.book, terms, max(coming, nonce + 1))
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
        return _stored_answer(order, last)
    asked = _asked_again(order, kind, fees)
    views = room.views(asked)
    refusals = [*_replacement_refusals(order, kind, fees), *guard.judge(views).refusals]
    if refusals:
        return room.refuse(*refusals)
    wallet = _wallet(views[0])
    trouble = room.trouble_with(wallet.key)
    if trouble is not None:
        return trouble
    pending = _pending(asked, order.nonce, number=last.number + 1, wallet=wallet)
    book_orders.record_attempt(room.book, order.order_id, _attempt_of(pending), room.now)
    return pending


def _replacement_refusals(order: Order, kind: AttemptKind, fees: Fees) -> Sequence[Reason]:
    found = []
    if kind is AttemptKind.BUMP and order.is_cancelled:
        found.append(no("cancelled", "a cancelled order is not bid for again"))
    if kind is AttemptKind.BUMP and not order.is_signed:
        found.append(no("not_signed", "the order has no signature yet: sign it"))
    # Nodes drop a replacement that is not far enough above the former: 12.5 % on both fields.
    signed = [attempt.fees for attempt in order.attempts if attempt.raw is not None]
    low = {reason.text for old in signed for reason in judge_bump(_bid_of(old), _bid_of(fees))}
    found += [no("bump_too_small", text) for text in sorted(low)]
    if len(order.attempts) >= MOST_ATTEMPTS:
        found.append(no("too_many_attempts", f"an order has at most {MOST_ATTEMPTS} attempts"))
    return found


def _bid_of(fees: Fees) -> Bid:
    return Bid(
        gas_limit=fees.gas_limit,
        max_fee_per_gas=fees.max_fee_per_gas,
        max_priority_fee_per_gas=fees.max_priority_fee_per_gas,
        l1_fee=fees.l1_fee,
    )


def _asked_again(order: Order, kind: AttemptKind, fees: Fees) -> Asked:
    return Asked(terms=order.terms, order_id=order.order_id, order=order, kind=kind, fees=fees)


def _judge_and_pend(room: Room, order: Order, attempt: Attempt) -> Answer | Pending:
    """Take up a replacement that was recorded and not signed."""
    asked = _asked_again(order, attempt.kind, attempt.fees)
    views = room.views(asked)
    verdict = guard.judge(views)
    if verdict.refusals:
        return room.refuse(*verdict.refusals)
    assert order.nonce is not None
    return _pending(asked, order.nonce, number=attempt.number, wallet=_wallet(views[0]))


def _attempt_of(pending: Pending) -> Attempt:
    return Attempt(
        number=pending.attempt,
        kind=pending.kind,
        fees=pending.fees,
        digest=pending.digest,
        raw=None,
        hash=None,
    )


def _pending(asked: Asked, nonce: int, *, number: int, wallet: Wallet) -> Pending:
    fees = asked.fees
    assert fees is not None
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


def _stored_answer(order: Order, attempt: Attempt) -> Answer:
    assert order.nonce is not None
    return signed_answer(order.order_id, order.nonce, attempt)


def signed_answer(order_id: bytes, nonce: int, attempt: Attempt) -> Answer:
    """Answer with the stored bytes of an attempt."""
    assert attempt.raw is not None
    assert attempt.hash is not None
    body = {"orderId": fields.to_hex(order_id), "nonce": str(nonce), **attempt_body(attempt)}
    return Answer(result=Result.SIGNED, body=body)


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
