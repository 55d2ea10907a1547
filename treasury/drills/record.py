"""What a drill did: its steps with their times, and whether all of it happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from treasury.errors import TreasuryError


class DrillKind(StrEnum):
    """What is rehearsed."""

    ISOLATE = "isolate"
    STOLEN_KEY = "stolen-key"
    RPC_LIES = "rpc-lies"
    HSM_LOSS = "hsm-loss"
    RESTORE = "restore"


class DrillMode(StrEnum):
    """Where: on a chain of play money, or here without changing anything."""

    DEVELOPMENT = "development"
    DRY_RUN = "dry-run"


class DrillError(TreasuryError):
    """A step did not happen: this is what the drill was for."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, and after how many milliseconds."""

    what: str
    ms: int


@dataclass(slots=True, kw_only=True)
class Drill:
    """One drill while it runs; `failure` is empty when all of it happened."""

    kind: DrillKind
    mode: DrillMode
    steps: list[Step] = field(default_factory=list)
    failure: str = ""

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Measure one step; nothing is noted when it raises."""
        began = time.monotonic()
        yield
        self.note(what, began)

    def note(self, what: str, began: float) -> None:
        """Note something that began at that reading of the monotonic clock."""
        self.steps.append(Step(what, round(1_000 * (time.monotonic() - began))))

    def await_all(
        self, looks: dict[str, Callable[[], bool]], *, began: float, patience_s: float
    ) -> None:
        """Wait for several things at once and note when each was seen. Raises `DrillError`."""
        waiting = dict(looks)
        while waiting:
            for what in [name for name, look in waiting.items() if look()]:
                self.note(what, began)
                del waiting[what]
            if time.monotonic() - began > patience_s:
                raise DrillError(f"after {patience_s:.0f} s still not seen: {', '.join(waiting)}")
            time.sleep(_LOOK_S)

    def document(self) -> dict[str, object]:
        """Return what is recorded, without floats."""
        return {
            "kind": self.kind.value,
            "mode": self.mode.value,
            "is_ok": not self.failure,
            "failure": self.failure,
            "steps": [{"what": step.what, "ms": step.ms} for step in self.steps],
        }


_LOOK_S = 0.05
