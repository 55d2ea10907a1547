"""Mines a block every few seconds, when asked to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Miner:
    """One thread that calls `mine` under the chain's lock; an interval of zero rests."""

    def __init__(
        self, mine: Callable[[], object], lock: threading.RLock, interval_s: float
    ) -> None:
        """Prepare; nothing runs before `start`."""
        self._mine = mine
        self._lock = lock
        self._interval_s = interval_s
        self._wake = threading.Event()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="miner", daemon=True)

    def start(self) -> None:
        """Begin to mine."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the block at hand and end."""
        self._is_stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def set_interval(self, seconds: float) -> None:
        """Change the interval; it counts from now."""
        self._interval_s = seconds
        self._wake.set()

    def _run(self) -> None:
        due = time.monotonic() + self._interval_s
        while not self._is_stopping:
            wait = due - time.monotonic() if self._interval_s else None
            if self._wake.wait(None if wait is None else max(0.0, wait)):
                self._wake.clear()
                due = time.monotonic() + self._interval_s
                continue
            with self._lock:
                self._mine()
            # Blocks that were missed are not made up for.
            due = max(due + self._interval_s, time.monotonic())
