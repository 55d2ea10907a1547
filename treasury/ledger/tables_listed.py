"""The tables of address lists that others publish and an operator loaded.

A list becomes active when its last address has arrived, and then replaces the one of its name.
"""

from __future__ import annotations

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


class DenylistRow(SQLModel, table=True):
    """A list: where it comes from, of which day (`dated`, "2024-09-27"), and of which bytes."""

    __tablename__ = "denylist"
    __table_args__ = (UniqueConstraint("name", "digest", name="one_list_each"),)
    id: int | None = Field(default=None, primary_key=True)
    name: str
    source: str
    dated: str
    digest: str
    addresses: int
    loaded_at: int
    is_active: bool


class DeniedRow(SQLModel, table=True):
    """One address of a list."""

    __tablename__ = "denied"
    denylist_id: int = Field(foreign_key="denylist.id", primary_key=True)
    address: str = Field(primary_key=True, index=True)
