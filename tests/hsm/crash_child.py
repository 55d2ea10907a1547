"""A signer's desk in a process of its own, which kills itself at a named point."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from hsm.crashpoints import arm
from policies.terms import Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import FEES, VaultRoom

SALT = b"\x05" * 16


def work(directory: Path, point: str) -> None:
    """Sign one fixed sweep, and die at the point."""
    room = VaultRoom(directory, FakeClock(), adopt=False)
    arm(point, lambda: os.kill(os.getpid(), signal.SIGKILL))
    room.sign(room.order(Purpose.SWEEP, salt=SALT), fees=FEES)


if __name__ == "__main__":
    work(Path(sys.argv[1]), sys.argv[2])
