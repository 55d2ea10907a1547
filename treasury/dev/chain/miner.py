"""Mines a block every few seconds, when asked to."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable


class Miner:
    """One thread that calls `mine` under the chain's lock; an interval of zero rests."""

    def __init__(
        self,
        mine: Callable[[], object],
        lock: threading.RLock,
        *,
        interval_s: float,
        on_failure: Callable[[], None],
    ) -> None:
        """Prepare; `on_failure` is called when mining broke, and nothing is mined any more."""
        self._mine = mine
        self._lock = lock
        self._interval_s = interval_s
        self._on_failure = on_failure
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
            if not self._mined():
                return
            # Blocks that were missed are not made up for.
            due = max(due + self._interval_s, time.monotonic())

    def _mined(self) -> bool:
        try:
            with self._lock:
                self._mine()
        except Exception:  # noqa: BLE001 - a chain that stands still must not look alive
            traceback.print_exc()
            self._on_failure()
            return False
        return True
