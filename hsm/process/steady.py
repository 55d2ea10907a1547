"""A clock that notices when somebody sets it.

Windows and time-locks run on the signer's own time, so whoever can move that time forward could
open them all. The wall clock is therefore compared with the time since boot, which nobody can
set: when it was stepped by more than a minute since this process started, nothing is signed until
a person has looked and started the signer anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from hsm.errors import BookError

MOST_STEP_S = 60.0


class SteadyClock:
    """Returns unix seconds while wall clock and time since boot agree."""

    def __init__(self, *, wall: Callable[[], float], since_boot: Callable[[], float]) -> None:
        """Begin to compare; both return seconds."""
        self._wall = wall
        self._since_boot = since_boot
        self._difference = wall() - since_boot()

    def __call__(self) -> int:
        """Return the time. Raises `BookError` when the wall clock was stepped."""
        now = self._wall()
        step = now - self._since_boot() - self._difference
        if abs(step) > MOST_STEP_S:
            raise BookError(
                f"the clock was set by {step:+.0f} s while the signer ran: check it against a "
                "clock that you trust, then start the signer anew"
            )
        return int(now)


def system_clock() -> SteadyClock:
    """Return the clock of this machine; a suspended machine's sleep counts as time."""
    return SteadyClock(wall=time.time, since_boot=lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
