"""Reads the wire's answers into typed facts; the daemon's end uses it, the signer's tests too."""

from __future__ import annotations

from collections.abc import Mapping

from hsm.errors import FencedOffError, ProtocolError, SignerUnavailableError
from hsm.wire import fields
from hsm.wire.answers import (
    AttemptKind,
    AttemptRecord,
    BookPlace,
    Fees,
    LawInForce,
    Lodged,
    NotReady,
    Okay,
    OrderRecord,
    OrdersPage,
    OrderState,
    Proof,
    Refused,
    SignAsk,
    Signed,
    SignerStatus,
)
from hsm.wire.draft import MOST_LAW
from hsm.wire.message import Answer, Body, Json, Result, decode_answer
from policies.consent import terms_to_json
from policies.terms import Address


def served(verb: str, message: bytes) -> Answer:
    """Decode an answer.

    Raises `ProtocolError` for one that calls the request malformed, `FencedOffError` for one that
    refuses the daemon itself: that says nothing of what it asked for.
    """
    answer = decode_answer(message)
    for reason in answer.reasons:
        if reason.code == FencedOffError.code:
            raise FencedOffError(reason.text)
    if answer.result is Result.ERROR:
        raise ProtocolError(
            f"the signer cannot serve `{verb}`: " + "; ".join(r.text for r in answer.reasons)
        )
    return answer


def place_of(answer: Answer) -> BookPlace:
    """Return the place in the signer's book that an answer carries."""
    return BookPlace(seq=answer.book_seq, head=answer.book_head)


def fees_to_json(fees: Fees) -> dict[str, str]:
    """Write fees for the wire."""
    return {
        "gasLimit": str(fees.gas_limit),
        "maxFeePerGas": str(fees.max_fee_per_gas),
        "maxPriorityFeePerGas": str(fees.max_priority_fee_per_gas),
        "l1Fee": str(fees.l1_fee),
    }


def fees_from_json(body: Body) -> Fees:
    """Read fees from the wire. Raises `ProtocolError`."""
    names = frozenset({"gasLimit", "maxFeePerGas", "maxPriorityFeePerGas"})
    fields.only(body, names, frozenset({"l1Fee"}))
    return Fees(
        gas_limit=fields.integer(body, "gasLimit"),
        max_fee_per_gas=fields.integer(body, "maxFeePerGas"),
        max_priority_fee_per_gas=fields.integer(body, "maxPriorityFeePerGas"),
        l1_fee=fields.maybe_integer(body, "l1Fee") or 0,
    )


def sign_body(ask: SignAsk) -> Body:
    """Write the body of a request to sign."""
    body: dict[str, Json] = {"orderId": fields.to_hex(ask.order_id), "fees": fees_to_json(ask.fees)}
    if ask.order is not None:
        body["order"] = terms_to_json(ask.order)
        body["approvals"] = [fields.to_hex(approval) for approval in ask.approvals]
    if ask.nonce is not None:
        body["nonce"] = str(ask.nonce)
    return body


def signed_from(answer: Answer) -> Signed:
    """Read a `signed` answer. Raises `ProtocolError`."""
    body = answer.body
    return Signed(
        book=place_of(answer),
        order_id=fields.blob(body, "orderId", length=32),
        attempt=fields.integer(body, "attempt"),
        kind=_kind(body),
        nonce=fields.integer(body, "nonce"),
        raw=fields.blob(body, "raw"),
        hash=fields.blob(body, "hash", length=32),
        digest=fields.blob(body, "digest", length=32),
        fees=fees_from_json(fields.table(body, "fees")),
    )


def lodged_from(answer: Answer) -> Lodged:
    """Read the answer to `lodge`. Raises `ProtocolError`."""
    body = answer.body
    return Lodged(
        book=place_of(answer),
        order_id=fields.blob(body, "orderId", length=32),
        required=fields.integer(body, "required"),
        counted=tuple(Address(item) for item in fields.texts(body, "counted", limit=64)),
        reached=fields.flag(body, "reached"),
        not_before=fields.maybe_integer(body, "notBefore"),
        reasons=answer.reasons,
    )


def orders_from(answer: Answer) -> OrdersPage:
    """Read the answer to `orders_since`. Raises `ProtocolError`."""
    rows = fields.tables(answer.body, "orders", limit=1000)
    return OrdersPage(
        book=place_of(answer),
        orders=tuple(_order(row) for row in rows),
        more=fields.flag(answer.body, "more"),
    )


def _order(row: Body) -> OrderRecord:
    order = fields.table(row, "order")
    return OrderRecord(
        seq=fields.integer(row, "seq"),
        order_id=fields.blob(row, "orderId", length=32),
        order={name: fields.text(order, name) for name in order},
        state=_state(row),
        nonce=fields.maybe_integer(row, "nonce"),
        attempts=tuple(_attempt(item) for item in fields.tables(row, "attempts", limit=100)),
    )


def _attempt(row: Body) -> AttemptRecord:
    return AttemptRecord(
        attempt=fields.integer(row, "attempt"),
        kind=_kind(row),
        raw=fields.blob(row, "raw"),
        hash=fields.blob(row, "hash", length=32),
        digest=fields.blob(row, "digest", length=32),
        fees=fees_from_json(fields.table(row, "fees")),
    )


def _kind(body: Body) -> AttemptKind:
    try:
        return AttemptKind(fields.text(body, "kind"))
    except ValueError as error:
        raise ProtocolError("`kind` must be original, bump or cancel") from error


def _state(body: Body) -> OrderState:
    try:
        return OrderState(fields.text(body, "state"))
    except ValueError as error:
        raise ProtocolError("`state` must be lodged, recorded, signed or void") from error


def status_from(answer: Answer) -> SignerStatus:
    """Read the answer to `status`. Raises `ProtocolError`."""
    body = answer.body
    nonces, windows = fields.table(body, "nonces"), fields.table(body, "windows")
    return SignerStatus(
        book=place_of(answer),
        deployment=fields.blob(body, "deployment"),
        law_digest=fields.blob(body, "lawDigest"),
        next_law_digest=fields.blob(body, "nextLawDigest"),
        next_law_from=fields.maybe_integer(body, "nextLawFrom"),
        profile=fields.text(body, "profile"),
        epoch=fields.integer(body, "epoch"),
        health=fields.text(body, "health"),
        tokens=_names(body, "tokens"),
        nonces={name: fields.integer(nonces, name) for name in nonces},
        isolated=fields.texts(body, "isolated", limit=1000),
        retired=fields.texts(body, "retired", limit=1000),
        active=_names(body, "active"),
        frozen=fields.flag(body, "frozen"),
        waivers=fields.texts(body, "waivers", limit=1000),
        now=fields.integer(body, "now"),
        windows={name: fields.integer(windows, name) for name in windows},
    )


def _names(body: Body, name: str) -> Mapping[str, str]:
    table = fields.table(body, name)
    return {key: fields.text(table, key) for key in table}


def law_from(answer: Answer) -> LawInForce:
    """Read the answer to `law`. Raises `ProtocolError`."""
    return LawInForce(
        book=place_of(answer),
        text=fields.text(answer.body, "law", limit=MOST_LAW),
        digest=fields.blob(answer.body, "digest", length=32),
    )


def proof_from(answer: Answer) -> Proof:
    """Read the answer to `checkpoint` or `possession`. Raises `ProtocolError`."""
    return Proof(
        book=place_of(answer),
        signature=fields.blob(answer.body, "signature"),
        public_key=fields.blob(answer.body, "publicKey"),
    )


def refused_from(answer: Answer) -> Refused:
    """Read a refusal.

    Raises `SignerUnavailableError` for "not ready", `ProtocolError` for any other answer.
    """
    _hear_not_ready(answer)
    if answer.result is not Result.REFUSED:
        raise ProtocolError(f"unexpected answer {answer.result.value}")
    return Refused(book=place_of(answer), reasons=answer.reasons)


def okay_from(answer: Answer) -> Okay | Refused:
    """Read an answer that is ok or a refusal. Raises `ProtocolError`."""
    if answer.result is Result.OK:
        return Okay(book=place_of(answer), body=answer.body)
    return refused_from(answer)


def expect_ok(answer: Answer) -> Answer:
    """Return the answer when it is ok.

    Raises `SignerUnavailableError` for "not ready", `ProtocolError` for any other answer.
    """
    _hear_not_ready(answer)
    if answer.result is not Result.OK:
        raise ProtocolError(f"unexpected answer {answer.result.value}")
    return answer


def _hear_not_ready(answer: Answer) -> None:
    if answer.result is Result.NOT_READY:
        why = "; ".join(reason.text for reason in answer.reasons)
        raise SignerUnavailableError(f"the signer is not ready: {why}")


def not_ready_from(answer: Answer) -> NotReady:
    """Read a `not_ready` answer. Raises `ProtocolError`."""
    return NotReady(
        book=place_of(answer),
        reasons=answer.reasons,
        not_before=fields.maybe_integer(answer.body, "notBefore"),
    )


def signature_from(answer: Answer) -> Signed | Refused | NotReady:
    """Read the answer to `sign`, `bump` or `cancel`. Raises `ProtocolError`."""
    match answer.result:
        case Result.SIGNED:
            return signed_from(answer)
        case Result.NOT_READY:
            return not_ready_from(answer)
        case _:
            return refused_from(answer)


def proof_or_not(answer: Answer) -> Proof | Refused | NotReady:
    """Read the answer to `checkpoint` or `possession`. Raises `ProtocolError`."""
    match answer.result:
        case Result.SIGNED:
            return proof_from(answer)
        case Result.NOT_READY:
            return not_ready_from(answer)
        case _:
            return refused_from(answer)
