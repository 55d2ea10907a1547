"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


class FakeClock:
    """Callable like the real clock: returns an aware UTC time, moved only by `advance`."""

    def __init__(self, start: datetime = NOON) -> None:
        """Begin at `start`."""
        self._now = start

    def __call__(self) -> datetime:
        """Return the present time of the test."""
        return self._now

    def unix(self) -> int:
        """Return the present time of the test in whole unix seconds."""
        return int(self._now.timestamp())

    def advance(self, seconds: float) -> None:
        """Move the clock; a negative number turns it back."""
        self._now += timedelta(seconds=seconds)
