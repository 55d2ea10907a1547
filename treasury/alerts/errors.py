"""What goes wrong while telling people."""

from __future__ import annotations

from treasury.errors import Blame, TreasuryError


class UndeliveredError(TreasuryError):
    """A notice did not arrive; the message says why. It is tried again."""

    blame = Blame.WORLD
