"""Notices when something that ought to move stands still: finality, or the head itself.

How long is long is measured: a block that has not moved for twice its usual time is stalled.
It moves again by itself; nothing here needs to be reset.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median_high

from policies.terms import Stamp

_GAPS_KEPT = 16
_FACTOR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """How long a block has not moved, and how long it usually takes; both in seconds.

    `usual_s` is the median of late, None until it moved once.
    """

    stamp: Stamp | None
    unmoved_s: float
    usual_s: float | None

    @property
    def is_stalled(self) -> bool:
        """Say whether it has stood still for more than twice its usual time."""
        return self.usual_s is not None and self.unmoved_s > _FACTOR * self.usual_s


class StallWatch:
    """Remembers when one kind of block moved; used by several threads."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin to count now."""
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._stamp: Stamp | None = None
        self._moved_at = monotonic()
        self._gaps: deque[float] = deque(maxlen=_GAPS_KEPT)

    def note(self, stamp: Stamp) -> None:
        """Note the present block."""
        now = self._monotonic()
        with self._lock:
            if self._stamp is not None and stamp.number <= self._stamp.number:
                return
            if self._stamp is not None:
                self._gaps.append(now - self._moved_at)
            self._stamp, self._moved_at = stamp, now

    def look(self) -> Stall:
        """Return how long it has not moved."""
        with self._lock:
            return Stall(
                stamp=self._stamp,
                unmoved_s=self._monotonic() - self._moved_at,
                usual_s=median_high(self._gaps) if self._gaps else None,
            )
