"""The tables of what was seen on chains: looks, balances, and what tokens say of themselves.

Like all rows they are storage and no domain; times (`*_at`) are unix seconds, amounts base units.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from treasury.ledger.columns import JsonText, WeiText

NONCE = "nonce"
"""The cell of an address that holds its nonce; every other cell is named by its asset."""


class Depth(StrEnum):
    """At which block a cell was read."""

    HEAD = "head"
    FINAL = "final"
    CALM = "calm"
    """The guard's anchor: the newest final value up to which every movement is explained."""


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

    `value` null means that the reading failed: unknown, never zero. `tick_id` is no foreign key:
    with every idle look that is forgotten SQLite would search the whole history for it.
    """

    __tablename__ = "observation"
    # Thousands of rows a look: a wider index would cost more than the questions that it serves.
    __table_args__ = (Index("history_of_address", "address"),)
    id: int | None = Field(default=None, primary_key=True)
    tick_id: int
    chain_id: int
    address: str
    cell: str
    depth: str
    value: int | None = Field(default=None, sa_column=Column(WeiText))


class CellRow(SQLModel, table=True):
    """The newest value of every cell, at head, at finality, and when the guard was last calm.

    `revision` is that of the write that put it there; rows are never deleted, so whoever knows the
    cells up to a revision learns the rest from those with a later one. No index helps with that:
    it is asked for after a start or an isolation, and an index by revision changes with every row.
    """

    __tablename__ = "cell"
    chain_id: int = Field(primary_key=True)
    depth: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    cell: str = Field(primary_key=True)
    value: int | None = Field(default=None, sa_column=Column(WeiText))
    block_number: int
    revision: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class CellRevisionRow(SQLModel, table=True):
    """The revision of a chain's newest cells; it grows by one with every write of cells."""

    __tablename__ = "cell_revision"
    chain_id: int = Field(primary_key=True)
    revision: int


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
