"""Migrations: what they build is what the tables say."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from treasury.ledger import open_ledger
from treasury.ledger.migrate import newest_revision


def schema_of(path: Path) -> dict[str, object]:
    """Return indexes as SQL, and columns, keys and checks of every table of a file."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
            " AND type IN ('table', 'index') AND name NOT LIKE 'alembic%'"
        ).fetchall()
        return {
            name: re.sub(r"\s+", " ", sql) if kind == "index" else _table(connection, name, sql)
            for kind, name, sql in rows
        }


def _table(connection: sqlite3.Connection, name: str, sql: str) -> object:
    columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
    keys = connection.execute(f"PRAGMA foreign_key_list({name})").fetchall()
    return sorted(columns), sorted(keys), sorted(re.findall(r"CHECK \(.*?\)|UNIQUE \(.*?\)", sql))


def test_the_schema_equals_the_tables(tmp_path: Path) -> None:
    """A migrated file has the same tables, columns and indexes as one made from the tables."""
    open_ledger(f"sqlite:///{tmp_path}/migrated.sqlite3").close()
    engine = create_engine(f"sqlite:///{tmp_path}/made.sqlite3")
    SQLModel.metadata.create_all(engine)
    engine.dispose()

    made, migrated = (schema_of(tmp_path / f"{name}.sqlite3") for name in ("made", "migrated"))

    assert made == migrated
    assert {"one_open_refill", "one_active_per_pool", "one_transfer_per_nonce"} <= set(made)


def test_alembic_finds_nothing_to_do(tmp_path: Path) -> None:
    """The comparison that would write the next migration writes an empty one."""
    open_ledger(f"sqlite:///{tmp_path}/ledger.sqlite3").close()
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.sqlite3")

    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert [] == compare_metadata(context, SQLModel.metadata)
        assert newest_revision() == context.get_current_revision()
    engine.dispose()
