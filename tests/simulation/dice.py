"""Chance and its record: one seeded source for a whole run, and what it made happen.

    dice = Dice(7)
    dice.happens("send_lost", 0.1)     # true one time in ten; every true is counted in `seen`
    dice.calm = True                   # from now on nothing happens any more (liveness)

Everything random in a run comes from here, in one order; so one seed is one schedule.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
_SHARE_ON = 0.6


class Crash(BaseException):
    """The daemon dies here, perhaps with the machine under it."""


class SignerCrash(BaseException):
    """The signer dies here; the daemon only notices that nobody answers."""


class Dice:
    """A seeded source of faults; see the module's text."""

    def __init__(self, seed: int) -> None:
        """Begin; the seed may be any integer."""
        self.seed = seed
        self.seen: Counter[str] = Counter()
        self.calm = False
        self.weather = 1.0
        self._random = random.Random(seed)
        self._on: dict[str, bool] = {}
        self._log = hashlib.sha256()
        self.events: list[str] = []
        self.keeps_events = False

    def happens(self, fault: str, chance: float) -> bool:
        """Say whether a fault strikes now; never while it is calm."""
        if self.calm or not self._is_on(fault) or self._random.random() >= chance * self.weather:
            return False
        self.seen[fault] += 1
        self.note(f"! {fault}")
        return True

    def _is_on(self, fault: str) -> bool:
        # Each run knows only some faults: many together hide what a few would show.
        if fault not in self._on:
            self._on[fault] = self._random.random() < _SHARE_ON
        return self._on[fault]

    def chance(self, share: float) -> bool:
        """Say yes with this probability, in any weather; for what is no fault."""
        return self._random.random() < share

    def pick(self, things: Sequence[T]) -> T:
        """Choose one."""
        return things[self._random.randrange(len(things))]

    def between(self, low: int, high: int) -> int:
        """Choose an integer, both ends included."""
        return self._random.randint(low, high)

    def note(self, event: str) -> None:
        """Write an event into the log of the run."""
        self._log.update(event.encode())
        self._log.update(b"\n")
        if self.keeps_events:
            self.events.append(event)

    @property
    def digest(self) -> str:
        """Return the hash of every event so far."""
        return self._log.hexdigest()
