"""Fresh ledgers: real files, copied from one that was migrated once for all tests of a process.

Migrating costs as much as twenty tests do; what migrations build is tested on its own.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from treasury.ledger import Ledger, open_ledger

FILE = "ledger.sqlite3"


def fresh_ledger(directory: Path) -> Ledger:
    """Open the ledger of a directory as a daemon does; the first time it is new and empty."""
    path = directory / FILE
    if not path.exists():
        shutil.copyfile(_migrated(), path)
    return open_ledger(f"sqlite:///{path}")


@cache
def _migrated() -> Path:
    directory = tempfile.mkdtemp(prefix="treasury-migrated-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    path = Path(directory) / FILE
    open_ledger(f"sqlite:///{path}").close()
    return path
