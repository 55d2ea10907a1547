"""Frozen facts read from the ledger; a fact is handed back to `moves.move` to change its state.

A fact carries the state in which it was read, so that a move from it is refused when somebody
else was quicker. Amounts are base units, times unix seconds, digests and hashes 0x-hex.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from policies.lifecycles import (
    AttemptState,
    ExposureState,
    IncidentState,
    MotionState,
    RefillState,
    TransferState,
    WalletState,
    WithdrawalState,
)
from policies.terms import Address, MotionTerms, Purpose, Reason, Stamp, TransferTerms
from policies.tokens import TokenFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one of our wallets stands; `state` is None for the vault and the gas sponsor.

    `frozen` stays until a person lifts it; `hold_since` is the block of a doubt of the guard that
    may still resolve itself.
    """

    name: str
    chain_id: int
    address: Address
    role: str
    pool: str | None
    state: WalletState | None
    why: str
    changed_at: int
    frozen: bool
    frozen_why: str
    frozen_at: int | None
    hold_since: int | None
    hold_why: str

    @property
    def is_calm(self) -> bool:
        """Say whether nothing about it is unexplained."""
        return not self.frozen and self.hold_since is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refill:
    """A refill and its fixed terms; `required` and `counted` are the signer's last word."""

    id: int
    order_id: str
    chain_id: int
    pool: str
    wallet: str
    asset: Address
    amount: int
    max_fee: int
    state: RefillState
    terms: TransferTerms
    maker: Address
    proposed_at: int
    expires_at: int
    changed_at: int
    required: int | None
    counted: tuple[Address, ...]
    release_at: int | None
    transfer_id: int | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRefill:
    """How much was signed toward which wallet, and when first (unix)."""

    destination: Address
    asset: Address
    amount: int
    signed_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A treasurer's signature (65 bytes) over a digest; whoever counts it recovers it anew."""

    digest: str
    treasurer: Address
    signature: bytes
    received_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One intended movement; `nonce` is None until the signer assigned one.

    `moved_out` and `moved_in` are what the balances of both ends tell of a mined token transfer;
    None: as asked, or not known.
    """

    id: int
    order_id: str
    cause: str
    purpose: Purpose
    chain_id: int
    source: Address
    destination: Address
    asset: Address
    amount: int
    max_fee: int
    terms: TransferTerms
    state: TransferState
    nonce: int | None
    created_at: int
    expires_at: int
    changed_at: int
    block_number: int | None
    block_hash: str | None
    settled_fee: int | None
    reasons: tuple[Reason, ...]
    moved_out: int | None = None
    moved_in: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One signed raw transaction; `kind` is original, bump or cancel; fees are wei per gas."""

    id: int
    transfer_id: int
    number: int
    kind: str
    raw: bytes
    hash: str
    gas_limit: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    l1_fee: int
    state: AttemptState
    signed_at: int
    sent_at: int | None
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One look at a chain; the stamps are None when `ok` is false."""

    id: int
    chain_id: int
    at: int
    ok: bool
    error: str
    head: Stamp | None
    final: Stamp | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Balances and nonces of one chain at one stamp; a missing or None value is unknown."""

    stamp: Stamp
    balances: Mapping[tuple[Address, Address], int | None]
    nonces: Mapping[Address, int | None]

    def balance(self, wallet: Address, asset: Address) -> int | None:
        """Return a balance in base units, None when unknown."""
        return self.balances.get((wallet, asset))


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """How a token's contract was last judged; `facts` are what later ones are compared with."""

    chain_id: int
    address: Address
    symbol: str
    is_quarantined: bool
    reasons: tuple[Reason, ...]
    facts: TokenFacts | None
    judged_at: int
    changed_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """A withdrawal that counts in its source's windows, from its first signature (unix) on.

    `signed_at` None: it is queued, so it will count when the signer sees it.
    """

    destination: Address
    asset: Address
    amount: int
    max_fee: int
    signed_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A payout; `terms` and `order_id` are those of its present transfer or of the consent."""

    id: int
    idempotency_key: str
    body_digest: str
    chain_id: int
    pool: str
    destination: Address
    asset: Address
    amount: int
    state: WithdrawalState
    created_at: int
    changed_at: int
    order_id: str | None
    terms: TransferTerms | None
    transfer_id: int | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """An act put to a quorum, with the payload whose digest stands in its terms."""

    id: int
    digest: str
    kind: str
    terms: MotionTerms
    payload: Mapping[str, object]
    state: MotionState
    maker: Address
    proposed_at: int
    expires_at: int
    changed_at: int
    required: int | None
    counted: tuple[Address, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Trouble with one wallet."""

    id: int
    wallet: str
    state: IncidentState
    opened_at: int
    changed_at: int
    outcome: str | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Whether money may leave toward exposure, since when, by whom and why."""

    id: int
    state: ExposureState
    why: str
    who: str
    changed_at: int

    @property
    def is_halted(self) -> bool:
        """Say whether nothing toward exposure is released or signed."""
        return self.state is not ExposureState.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal; `body` is canonical JSON, `hash` covers all and the line before."""

    seq: int
    at: int
    actor: str
    kind: str
    subject: str
    body: str
    book_seq: int | None
    book_head: str | None
    prev: str
    hash: str
