"""Lanes: the threads that tick. Each runs one plain function again and again, in its own time.

A lane ticks when its interval is over or when it is woken, whichever comes first; a tick that
returns True asks for the next one soon. A lane never overlaps itself and never speeds up to catch
up. A tick that cannot reach the world is a finished
tick; a tick that is past its hard deadline is not, and then `is_alive` says so, so that the
watchdog is no longer fed and systemd starts the daemon afresh. An exception that escapes a tick
ends the lane for good and is kept in `failure`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

SOON_S = 0.1
"""How long a lane waits at most after a tick that asked for the next one."""

log = structlog.get_logger()


class Lane:
    """One named thread around one tick function; `interval_s` and `deadline_s` are seconds."""

    def __init__(
        self, name: str, tick: Callable[[], object], *, interval_s: float, deadline_s: float
    ) -> None:
        """Prepare the lane; nothing runs before `start`."""
        self.name = name
        self.failure: BaseException | None = None
        self._tick = tick
        self._interval_s = interval_s
        self._deadline_s = deadline_s
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._finished_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to tick."""
        self._finished_at = time.monotonic()
        self._thread.start()

    def wake(self) -> None:
        """Ask for a tick now instead of at the end of the interval."""
        self._wake.set()

    def stop(self, timeout_s: float) -> bool:
        """Let the current tick finish its commit, then end; say whether it ended in time."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def is_alive(self) -> bool:
        """Say whether the last tick finished within the hard deadline."""
        age_s = time.monotonic() - self._finished_at
        return self.failure is None and age_s <= self._interval_s + self._deadline_s

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                is_urgent = self._tick() is True
            except BaseException as failure:
                self.failure = failure
                log.exception("lane_fell", lane=self.name)
                return
            self._finished_at = time.monotonic()
            self._wake.wait(min(self._interval_s, SOON_S) if is_urgent else self._interval_s)
