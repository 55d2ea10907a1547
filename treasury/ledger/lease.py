"""One daemon per ledger: a lock on a file beside it, held for the life of the process.

The kernel drops the lock when the process dies, however it dies, so that no stale lease is left.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from treasury.errors import LedgerError, LedgerHeldError


class Lease:
    """An exclusive lock on a file; `release` gives it back."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises `LedgerHeldError` when another process has it, `LedgerError` when the file cannot
        be made.
        """
        self._is_released = False
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LedgerError(f"cannot open the lease {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise LedgerHeldError(
                f"another daemon holds the ledger ({path}): stop it first"
            ) from error

    def release(self) -> None:
        """Give the lock back; a second time does nothing."""
        if not self._is_released:
            self._is_released = True
            os.close(self._file)
