"""The signer's answers as typed facts: what the daemon's end of the wire hands out.

`Signed`, `Refused` and `NotReady` are outcomes, not exceptions. Every fact carries `book`, the
place in the signer's book at which it was true; the daemon journals it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hsm import fields
from hsm.errors import ProtocolError
from hsm.wire import Answer, Body
from policies.terms import Address, Reason


class AttemptKind(StrEnum):
    """What one signed raw transaction is for."""

    ORIGINAL = "original"
    BUMP = "bump"
    CANCEL = "cancel"


class OrderState(StrEnum):
    """How far an order came in the signer's book."""

    LODGED = "lodged"
    """Known with its consent; nothing consumed."""
    RECORDED = "recorded"
    """A nonce belongs to it, no signature exists yet: the same id signs it later."""
    SIGNED = "signed"
    """At least one raw transaction exists."""
    VOID = "void"
    """Never to be signed: vetoed, expired, or made void by a change of law."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """The fees of one attempt, in wei but for `gas_limit`; `l1_fee` is not in the raw bytes."""

    gas_limit: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    l1_fee: int = 0

    @property
    def total(self) -> int:
        """The most that this attempt can cost in native wei, layer-1 data fee included."""
        return self.gas_limit * self.max_fee_per_gas + self.l1_fee


@dataclass(frozen=True, slots=True, kw_only=True)
class BookPlace:
    """Number and hash of the last entry in the signer's book when it answered."""

    seq: int
    head: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A raw transaction, durable in the signer's book before it was sent here."""

    book: BookPlace
    order_id: bytes
    attempt: int
    kind: AttemptKind
    nonce: int
    raw: bytes
    hash: bytes
    digest: bytes
    fees: Fees


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No, with every reason; nothing was consumed."""

    book: BookPlace
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReady:
    """Not now: locked, too early, or the token is away. `not_before` is unix time when known."""

    book: BookPlace
    reasons: tuple[Reason, ...]
    not_before: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Okay:
    """Done or already so; `body` holds what the verb reports."""

    book: BookPlace
    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Lodged:
    """What the signer thinks of an order's consent.

    `not_before` is the earliest signing time on the signer's clock (unix), None before the quorum.
    `reasons` names every approval that did not count.
    """

    book: BookPlace
    order_id: bytes
    required: int
    counted: tuple[Address, ...]
    reached: bool
    not_before: int | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One raw transaction as the signer's book holds it."""

    attempt: int
    kind: AttemptKind
    raw: bytes
    hash: bytes
    digest: bytes
    fees: Fees


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """One order as the signer's book holds it; `order` is the terms in JSON form."""

    seq: int
    order_id: bytes
    order: Mapping[str, str]
    state: OrderState
    nonce: int | None
    attempts: tuple[AttemptRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersPage:
    """Orders whose newest change has a number above the one asked for, oldest change first."""

    book: BookPlace
    orders: tuple[OrderRecord, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerStatus:
    """How the signer is.

    `health` is ready, locked, degraded or down; `tokens` maps a token's name to the same words;
    `nonces` maps a wallet's name to the nonce that the book assigns next; `active` maps a pool to
    its wallet; `waivers` names every rule that the profile waives; `now` is its clock.
    """

    book: BookPlace
    deployment: bytes
    law_digest: bytes
    next_law_digest: bytes
    next_law_from: int | None
    profile: str
    epoch: int
    health: str
    tokens: Mapping[str, str]
    nonces: Mapping[str, int]
    isolated: tuple[str, ...]
    retired: tuple[str, ...]
    active: Mapping[str, str]
    frozen: bool
    waivers: tuple[str, ...]
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LawInForce:
    """The adopted law as canonical JSON text, and its digest."""

    book: BookPlace
    text: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A signature of the signer in one of its fixed domains (64 bytes r, s)."""

    book: BookPlace
    signature: bytes
    public_key: bytes


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
    nonces = fields.table(body, "nonces")
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
    )


def _names(body: Body, name: str) -> Mapping[str, str]:
    table = fields.table(body, name)
    return {key: fields.text(table, key) for key in table}


def law_from(answer: Answer) -> LawInForce:
    """Read the answer to `law`. Raises `ProtocolError`."""
    return LawInForce(
        book=place_of(answer),
        text=fields.text(answer.body, "law", limit=65536),
        digest=fields.blob(answer.body, "digest", length=32),
    )


def proof_from(answer: Answer) -> Proof:
    """Read the answer to `checkpoint` or `possession`. Raises `ProtocolError`."""
    return Proof(
        book=place_of(answer),
        signature=fields.blob(answer.body, "signature"),
        public_key=fields.blob(answer.body, "publicKey"),
    )
