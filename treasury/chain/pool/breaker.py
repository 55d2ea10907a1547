"""Keeps us from waiting for an endpoint that fails again and again.

    CLOSED ──3 failures in a row──► OPEN ──after its rest──► HALF_OPEN
      ▲                              ▲                        │  │
      └────────────answered──────────┼────────────────────────┘  │
                                     └──failed: twice the rest───┘

A broken circuit only saves time. It never lowers the quorum, and an endpoint without which there
is no quorum is asked all the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import StrEnum

FAILURES_MOST = 3
_REST_S = 5.0
_REST_MOST_S = 60.0


class Circuit(StrEnum):
    """Whether an endpoint is asked."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """The circuit of one endpoint; used by several threads."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin closed."""
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._rest_s = _REST_S
        self._rests_until: float | None = None
        self._is_trying = False

    @property
    def circuit(self) -> Circuit:
        """Return the state of the circuit."""
        with self._lock:
            if self._rests_until is None:
                return Circuit.CLOSED
            is_over = self._monotonic() >= self._rests_until
            return Circuit.HALF_OPEN if is_over else Circuit.OPEN

    @property
    def failures(self) -> int:
        """Return how many failures there were in a row."""
        return self._failures

    def may_ask(self) -> bool:
        """Say whether to ask now; after a rest only one question goes through at a time."""
        circuit = self.circuit
        with self._lock:
            if circuit is not Circuit.HALF_OPEN or self._is_trying:
                return circuit is Circuit.CLOSED
            self._is_trying = True
            return True

    def note_answer(self) -> None:
        """Close the circuit: the endpoint answered."""
        with self._lock:
            self._failures, self._rest_s = 0, _REST_S
            self._rests_until, self._is_trying = None, False

    def note_failure(self) -> None:
        """Count a failure; the third in a row opens the circuit, and so does each one after it."""
        with self._lock:
            self._failures += 1
            self._is_trying = False
            if self._failures < FAILURES_MOST:
                return
            if self._rests_until is not None:
                self._rest_s = min(2 * self._rest_s, _REST_MOST_S)
            self._rests_until = self._monotonic() + self._rest_s
