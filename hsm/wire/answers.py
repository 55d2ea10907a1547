"""The signer's answers as typed facts: what the daemon's end of the wire hands out.

`Signed`, `Refused` and `NotReady` are outcomes, not exceptions. Every fact carries `book`, the
place in the signer's book at which it was true; the daemon journals it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hsm.wire.message import Body
from policies.terms import Address, Reason, TransferTerms


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
class SignAsk:
    """One order to be signed; `nonce` is the daemon's claim, heard only where the book allows it.

    `order` and `approvals` spare an earlier `lodge`.
    """

    order_id: bytes
    fees: Fees
    order: TransferTerms | None = None
    approvals: Sequence[bytes] = ()
    nonce: int | None = None


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
    its wallet; `waivers` names every rule that is waived; `now` is its clock; `windows`
    maps, for example, "withdrawal hot-a ETH" to what may still be signed, in base units.
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
    windows: Mapping[str, int] = field(default_factory=dict)


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
