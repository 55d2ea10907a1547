"""Write a consistent copy of the ledger while the daemon runs, and prove the copy.

The copy carries the journal's hash chain, which is verified before the command says done. A
restored copy is older than the signer's book; the daemon then adopts from the book what the copy
does not know before anything new is signed.
"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

from config.errors import ConfigError
from config.load import load_settings
from treasury.errors import TreasuryError
from treasury.ledger import journal, open_ledger


def run(config: Path, target: Path) -> int:
    """Copy the ledger to a new file; return 0, or 78 with one line that says why not."""
    if target.exists():
        return _refuse(f"{target} exists already; name a new file")
    try:
        settings = load_settings(config)
        # The daemon holds the lease; a copy reads beside it, and writes nothing.
        with closing(open_ledger(settings.daemon.database, lease=False)) as ledger:
            ledger.backup_to(target)
        copied = open_ledger(f"sqlite:///{target.absolute()}", lease=False)
        with closing(copied), copied.read() as session:
            verified = journal.verify(session)
    except (ConfigError, TreasuryError) as error:
        return _refuse(str(error))
    if not verified.ok:
        return _refuse(f"the copy's journal breaks at {verified.first_bad}: {verified.why}")
    sys.stdout.write(f"{target}: {verified.entries} journal entries, head {verified.head}\n")
    return 0


def _refuse(message: str) -> int:
    sys.stderr.write(f"treasuryd backup: {message}\n")
    return 78
