"""The tables of the ledger: storage, not domain.

Rows are dumb on purpose (`table=True` does not validate): `queries` turns them into frozen facts,
`policies.lifecycles` judges, `moves` writes. "One open refill per wallet and asset", "one active
wallet per pool" and "one transfer per nonce" are unique indexes here and checks nowhere.

Times (`*_at`) are unix seconds; amounts are base units; digests, hashes and raw bytes are 0x-hex.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from treasury.ledger.columns import JsonText, WeiText

OPEN_REFILLS = "state IN ('PROPOSED', 'APPROVED', 'RELEASED')"


def _partial(name: str, *columns: str, where: str) -> Index:
    condition = text(where)
    return Index(name, *columns, unique=True, sqlite_where=condition, postgresql_where=condition)


class MetaRow(SQLModel, table=True):
    """A single remembered value, by name."""

    __tablename__ = "meta"
    key: str = Field(primary_key=True)
    value: str


class LawRow(SQLModel, table=True):
    """A law as the signer adopted it; at most one is current."""

    __tablename__ = "law"
    __table_args__ = (_partial("one_current_law", "current", where="current = 1"),)
    digest: str = Field(primary_key=True)
    text: str
    adopted_at: int
    current: bool


class WalletRow(SQLModel, table=True):
    """Standing of one wallet: lifecycle (hot wallets only), freeze, and what the guard holds."""

    __tablename__ = "wallet"
    __table_args__ = (_partial("one_active_per_pool", "pool", where="state = 'ACTIVE'"),)
    name: str = Field(primary_key=True)
    chain_id: int
    address: str = Field(index=True)
    role: str
    pool: str | None = None
    state: str | None = None
    why: str = ""
    changed_at: int
    frozen: bool = False
    frozen_why: str = ""
    frozen_at: int | None = None
    hold_since: int | None = None
    hold_why: str = ""


class RefillRow(SQLModel, table=True):
    """A refill; its terms never change after it was proposed."""

    __tablename__ = "refill"
    __table_args__ = (
        _partial("one_open_refill", "wallet", "asset", where=OPEN_REFILLS),
        Index("refills_by_state", "chain_id", "state", "changed_at"),
        Index("refills_by_pool", "pool", "state"),
    )
    id: int | None = Field(default=None, primary_key=True)
    order_id: str = Field(unique=True)
    chain_id: int
    pool: str
    wallet: str
    asset: str
    amount: int = Field(sa_column=Column(WeiText, nullable=False))
    max_fee: int = Field(sa_column=Column(WeiText, nullable=False))
    state: str
    terms: dict[str, str] = Field(sa_column=Column(JsonText, nullable=False))
    maker: str
    proposed_at: int
    expires_at: int
    changed_at: int
    required: int | None = None
    counted: list[str] = Field(sa_column=Column(JsonText, nullable=False))
    release_at: int | None = None
    transfer_id: int | None = Field(default=None, foreign_key="transfer.id", index=True)
    reasons: list[dict[str, str]] = Field(sa_column=Column(JsonText, nullable=False))


class ApprovalRow(SQLModel, table=True):
    """One treasurer's signature over a digest of terms; worth nothing until recovered again."""

    __tablename__ = "approval"
    __table_args__ = (UniqueConstraint("digest", "treasurer", name="one_approval_each"),)
    id: int | None = Field(default=None, primary_key=True)
    digest: str
    treasurer: str
    signature: str
    received_at: int


class VetoRow(SQLModel, table=True):
    """One treasurer's signed veto against a digest of terms."""

    __tablename__ = "veto"
    __table_args__ = (UniqueConstraint("digest", "treasurer", name="one_veto_each"),)
    id: int | None = Field(default=None, primary_key=True)
    digest: str
    treasurer: str
    signature: str
    received_at: int


class TransferRow(SQLModel, table=True):
    """One intended movement on one nonce; `cause` names why it exists and exists once.

    `moved_out` and `moved_in` are what a token's balances tell of a mined transfer.
    """

    __tablename__ = "transfer"
    __table_args__ = (
        # An evacuation may take the nonce of what it replaces; nothing else ever shares one.
        _partial(
            "one_transfer_per_nonce",
            "chain_id",
            "source",
            "nonce",
            where="nonce IS NOT NULL AND purpose <> 'evacuation'",
        ),
        Index("transfers_by_purpose", "chain_id", "purpose", "created_at"),
        Index("transfers_by_destination", "chain_id", "destination"),
        Index("transfers_by_state", "chain_id", "state"),
        Index("transfers_by_block", "chain_id", "block_number"),
        Index("transfers_by_nonce", "chain_id", "source", "nonce"),
    )
    id: int | None = Field(default=None, primary_key=True)
    order_id: str = Field(unique=True)
    cause: str = Field(unique=True)
    purpose: str
    chain_id: int
    source: str
    destination: str
    asset: str
    amount: int = Field(sa_column=Column(WeiText, nullable=False))
    max_fee: int = Field(sa_column=Column(WeiText, nullable=False))
    terms: dict[str, str] = Field(sa_column=Column(JsonText, nullable=False))
    state: str
    nonce: int | None = None
    created_at: int
    expires_at: int
    changed_at: int
    block_number: int | None = None
    block_hash: str | None = None
    settled_fee: int | None = Field(default=None, sa_column=Column(WeiText))
    reasons: list[dict[str, str]] = Field(sa_column=Column(JsonText, nullable=False))
    moved_out: int | None = Field(default=None, sa_column=Column(WeiText))
    moved_in: int | None = Field(default=None, sa_column=Column(WeiText))


class AttemptRow(SQLModel, table=True):
    """One signed raw transaction of a transfer; stored before its first byte leaves."""

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("transfer_id", "number", name="one_attempt_each"),
        Index("attempts_by_time", "signed_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    transfer_id: int = Field(foreign_key="transfer.id")
    number: int
    kind: str
    raw: str
    hash: str = Field(unique=True)
    gas_limit: int = Field(sa_column=Column(WeiText, nullable=False))
    max_fee_per_gas: int = Field(sa_column=Column(WeiText, nullable=False))
    max_priority_fee_per_gas: int = Field(sa_column=Column(WeiText, nullable=False))
    l1_fee: int = Field(sa_column=Column(WeiText, nullable=False))
    state: str
    signed_at: int
    sent_at: int | None = None
    answer: str = ""


class WithdrawalRow(SQLModel, table=True):
    """A payout that a service asked for, known by its idempotency key for ever."""

    __tablename__ = "withdrawal"
    id: int | None = Field(default=None, primary_key=True)
    idempotency_key: str = Field(unique=True)
    body_digest: str
    chain_id: int
    pool: str
    destination: str
    asset: str
    amount: int = Field(sa_column=Column(WeiText, nullable=False))
    state: str = Field(index=True)
    created_at: int
    changed_at: int
    order_id: str | None = None
    terms: dict[str, str] | None = Field(default=None, sa_column=Column(JsonText))
    transfer_id: int | None = Field(default=None, foreign_key="transfer.id", index=True)
    reasons: list[dict[str, str]] = Field(sa_column=Column(JsonText, nullable=False))


class MotionRow(SQLModel, table=True):
    """An act other than a transfer that is put to a quorum."""

    __tablename__ = "motion"
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True)
    kind: str
    terms: dict[str, str] = Field(sa_column=Column(JsonText, nullable=False))
    payload: Any = Field(sa_column=Column(JsonText, nullable=False))
    state: str = Field(index=True)
    maker: str
    proposed_at: int
    expires_at: int
    changed_at: int
    required: int | None = None
    counted: list[str] = Field(sa_column=Column(JsonText, nullable=False))
    reasons: list[dict[str, str]] = Field(sa_column=Column(JsonText, nullable=False))


class IncidentRow(SQLModel, table=True):
    """Trouble with one wallet, from the first verdict to the quorum that closes it."""

    __tablename__ = "incident"
    __table_args__ = (_partial("one_incident_per_wallet", "wallet", where="state <> 'CLOSED'"),)
    id: int | None = Field(default=None, primary_key=True)
    wallet: str
    state: str
    opened_at: int
    changed_at: int
    outcome: str | None = None
    reasons: list[dict[str, str]] = Field(sa_column=Column(JsonText, nullable=False))


class ExposureRow(SQLModel, table=True):
    """Whether money may leave toward exposure at all; there is exactly one row."""

    __tablename__ = "exposure"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)
    id: int = Field(default=1, primary_key=True)
    state: str
    why: str
    who: str
    changed_at: int


class JournalRow(SQLModel, table=True):
    """One line of the hash chain; triggers forbid to change or delete it."""

    __tablename__ = "journal"
    seq: int = Field(primary_key=True)
    at: int
    actor: str
    kind: str
    subject: str = Field(index=True)
    body: str
    book_seq: int | None = None
    book_head: str | None = None
    prev: str
    hash: str
