"""The table of what a payout engine that shares a key with us said it sends.

Like all rows they are storage and no domain; times (`*_at`) are unix seconds, amounts base units.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from treasury.ledger.columns import WeiText


class RegisteredRow(SQLModel, table=True):
    """One movement of a registered transaction; `part` counts those of one hash.

    `block_number` is null until its receipt was seen, `settled_at` until that is final; `is_void`:
    it never came, and explains nothing any more. The fee stands with part 0. `moved` is what the
    transaction really took out for this part, null where only older receipts were read.
    """

    __tablename__ = "registered"
    __table_args__ = (
        UniqueConstraint("chain_id", "hash", "part", name="one_part_each"),
        Index("registered_open", "chain_id", "settled_at", "is_void"),
        Index("registered_by_block", "chain_id", "block_number"),
    )
    id: int | None = Field(default=None, primary_key=True)
    chain_id: int
    wallet: str
    hash: str
    part: int
    asset: str
    destination: str
    amount: int = Field(sa_column=Column(WeiText, nullable=False))
    service: str
    registered_at: int
    block_number: int | None = None
    block_hash: str | None = None
    succeeded: bool | None = None
    settled_fee: int | None = Field(default=None, sa_column=Column(WeiText))
    settled_at: int | None = None
    is_void: bool = False
    moved: int | None = Field(default=None, sa_column=Column(WeiText))
