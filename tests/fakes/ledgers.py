"""Fresh ledgers: real files, copied from one that was migrated once for all tests of a process.

Migrating costs as much as twenty tests do; what migrations build is tested on its own. To compile
the same questions anew for every ledger would cost half of a short test, so the ledgers of a
process share what was compiled. It belongs to a dialect, so they share that as well: that of the
first one, which knows by then what kind of database it talks to.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from treasury.ledger import Ledger, open_ledger

FILE = "ledger.sqlite3"


def fresh_ledger(directory: Path) -> Ledger:
    """Open the ledger of a directory as a daemon does; the first time it is new and empty."""
    path, (migrated, first) = directory / FILE, _first()
    if not path.exists():
        shutil.copyfile(migrated, path)
    ledger = open_ledger(f"sqlite:///{path}")
    for engine in (ledger._writing, ledger._reading):
        engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
    return ledger


@cache
def _first() -> tuple[Path, Engine]:
    directory = tempfile.mkdtemp(prefix="treasury-migrated-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    path = Path(directory) / FILE
    ledger = open_ledger(f"sqlite:///{path}")
    ledger.close()
    return path, ledger._writing
