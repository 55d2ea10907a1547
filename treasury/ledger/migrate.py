"""Bring a database to this program's schema, step by step, at every start.

A database that a newer program made is refused: it would be misread.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine

from treasury.errors import LedgerError

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(engine: Engine) -> None:
    """Run every migration that the database has not seen; raises `LedgerError`."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    with engine.begin() as connection:
        if MigrationContext.configure(connection).get_current_revision() == newest_revision():
            return
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise LedgerError(
                f"the ledger's schema is unknown to this program (is it newer?): {error}"
            ) from error


@cache
def newest_revision() -> str:
    """Return the name of the schema that this program expects."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return ScriptDirectory.from_config(config).get_current_head() or ""
