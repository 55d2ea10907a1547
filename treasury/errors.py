"""What can go wrong in the office, sorted by who has to act. A "no" is never an error.

Three blames: the *world* (the next tick tries again), an *operator* (the message says what to
do), *us* (a broken promise inside the program: stop and look).
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Blame(StrEnum):
    """Who has to act on an error."""

    WORLD = "world"
    OPERATOR = "operator"
    US = "us"


class TreasuryError(Exception):
    """Root of every error of the daemon that is not a chain's, the signer's or the law's."""

    blame: ClassVar[Blame] = Blame.US


class LedgerError(TreasuryError):
    """The ledger cannot be opened or used: damaged, read-only, or of a newer program."""

    blame = Blame.OPERATOR


class LedgerHeldError(LedgerError):
    """Another process holds the ledger; only one daemon may open it."""


class LedgerBusyError(TreasuryError):
    """The database stayed locked longer than the time-out; nothing of the transaction remains."""

    blame = Blame.WORLD


class TwinError(TreasuryError):
    """A unique index refused a second row where only one may be; nothing was written."""

    blame = Blame.WORLD


class StaleRowError(TreasuryError):
    """The row has left the state in which it was read: somebody else moved it first."""

    blame = Blame.WORLD


class LifecycleError(TreasuryError):
    """A station tried an edge that does not exist, or that another one owns."""
