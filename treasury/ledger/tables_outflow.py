"""The tables of what left, or asked to leave: each with its verdict, and what was learned so far.

Like all rows they are storage and no domain; times (`*_at`, `at`) are unix seconds, amounts base
units.
"""

from __future__ import annotations

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from treasury.ledger.columns import JsonText, WeiText


class OutflowRow(SQLModel, table=True):
    """One judged outflow; `subject` names it and exists once, so nothing is judged twice.

    `score` is the return period in decades of days, as a decimal text.
    """

    __tablename__ = "outflow"
    __table_args__ = (
        Index("outflows_of_pool", "pool", "id"),
        Index("outflows_by_time", "pool", "at"),
        Index("outflows_to_recipient", "pool", "recipient", "verdict"),
    )
    id: int | None = Field(default=None, primary_key=True)
    subject: str = Field(unique=True)
    pool: str
    wallet: str
    at: int
    recipient: str
    asset: str
    amount: int = Field(sa_column=Column(WeiText, nullable=False))
    size: int
    is_first_use: bool
    verdict: str
    score: str
    reasons: list[dict[str, str]] = Field(sa_column=Column(JsonText, nullable=False))
    balance: int | None = Field(default=None, sa_column=Column(WeiText))


class LearnedRow(SQLModel, table=True):
    """What a pool's watch had learned after the outflow `upto_id`; what follows is judged again."""

    __tablename__ = "learned"
    pool: str = Field(primary_key=True)
    upto_id: int
    state: str
    changed_at: int
