"""How a command ends: one number for scripts, one line for people."""

from __future__ import annotations

OK = 0
REFUSED = 1
USAGE = 2
BAD_DATA = 65
UNAVAILABLE = 69
INTERNAL = 70
NO_PERMISSION = 77
INTERRUPTED = 130


class CommandError(Exception):
    """The command cannot be done: `code` is its exit code, the message says what to do."""

    def __init__(self, code: int, message: str) -> None:
        """Keep the exit code and the line for stderr."""
        super().__init__(message)
        self.code = code
