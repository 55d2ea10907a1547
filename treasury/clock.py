"""The daemon's one clock. Everything below a tick is given `now` and never asks for the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present time, aware, in UTC. Tests hand in one that stands still."""


def utc_now() -> datetime:
    """Return the present time of this machine, aware, in UTC."""
    return datetime.now(tz=UTC)


def unix(now: datetime) -> int:
    """Return whole unix seconds; rows of the ledger hold nothing else.

    Raises `ValueError` for a naive time, which would be read in the machine's zone.
    """
    if now.tzinfo is None:
        msg = "the time has no zone: pass an aware UTC datetime"
        raise ValueError(msg)
    return int(now.timestamp())
