"""The tables of what was seen on chains: looks, balances, and what tokens say of themselves.

Like all rows they are storage and no domain; times (`*_at`) are unix seconds, amounts base units.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from treasury.ledger.columns import JsonText, WeiText


class TickRow(SQLModel, table=True):
    """One look at a chain: the two stamps of its facts, or why there are none."""

    __tablename__ = "tick"
    __table_args__ = (Index("ticks_of_chain", "chain_id", "id"),)
    id: int | None = Field(default=None, primary_key=True)
    chain_id: int
    at: int
    ok: bool
    error: str = ""
    head_number: int | None = None
    head_hash: str | None = None
    head_time: int | None = None
    final_number: int | None = None
    final_hash: str | None = None
    final_time: int | None = None
    digest: str | None = None


class ObservationRow(SQLModel, table=True):
    """A cell that changed: a balance (`cell` is the asset) or a nonce (`cell` is "nonce").

    `value` null means that the reading failed: unknown, never zero.
    """

    __tablename__ = "observation"
    __table_args__ = (Index("history_of_cell", "chain_id", "address", "cell", "depth", "id"),)
    id: int | None = Field(default=None, primary_key=True)
    tick_id: int = Field(foreign_key="tick.id")
    chain_id: int
    address: str
    cell: str
    depth: str
    value: int | None = Field(default=None, sa_column=Column(WeiText))


class CellRow(SQLModel, table=True):
    """The newest value of every cell, at head, at finality, and when the guard was last calm."""

    __tablename__ = "cell"
    chain_id: int = Field(primary_key=True)
    depth: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    cell: str = Field(primary_key=True)
    value: int | None = Field(default=None, sa_column=Column(WeiText))
    block_number: int


class TokenRow(SQLModel, table=True):
    """What a token's contract said of itself when it was last judged, and whether it may move."""

    __tablename__ = "token"
    chain_id: int = Field(primary_key=True)
    address: str = Field(primary_key=True)
    symbol: str
    is_quarantined: bool
    reasons: list[dict[str, str]] = Field(sa_column=Column(JsonText, nullable=False))
    facts: dict[str, Any] | None = Field(default=None, sa_column=Column(JsonText))
    judged_at: int
    changed_at: int
