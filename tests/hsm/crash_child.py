"""A signer's desk in a process of its own, which kills itself at a named point."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from hsm.crashpoints import arm
from hsm.wire.answers import Fees
from policies.terms import Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import FEES, VaultRoom

SALT = b"\x05" * 16
HIGHER = Fees(gas_limit=21_000, max_fee_per_gas=4 * 10**9, max_priority_fee_per_gas=2 * 10**9)


def work(directory: Path, point: str, deed: str) -> None:
    """Sign one fixed withdrawal, or sign it and then bump or cancel it, and die at the point."""
    room = VaultRoom(directory, FakeClock(), adopt=False)
    terms = room.order(Purpose.WITHDRAWAL, salt=SALT)
    if deed != "sign":
        room.sign(terms, fees=FEES)
    arm(point, lambda: os.kill(os.getpid(), signal.SIGKILL))
    if deed == "sign":
        room.sign(terms, fees=FEES)
    elif deed == "isolate":
        room.isolate("hot-a")
    else:
        room.again(deed, terms, HIGHER)


if __name__ == "__main__":
    work(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
