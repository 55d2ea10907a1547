"""The signer's memory: it ends to grow when its caches are full."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from hsm.process.desk import Door
from hsm.wire.message import Result
from tests.fakes.clock import FakeClock
from tests.fakes.signing_rig import SigningRig
from tests.fakes.softhsm import SoftHsm

pytestmark = [pytest.mark.soak, pytest.mark.softhsm]
FILLING, ORDERS = 1_500, 20_000
"""The book keeps two megabytes of its pages; a thousand orders fill them."""
MOST_KIB = 400


def resident_kib() -> int:
    """Return the resident memory of this process."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    (size,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(size)


def sign(rig: SigningRig, count: int) -> None:
    """Sign so many orders with a real token, one after the other."""
    for _ in range(count):
        (answer,) = rig.desk.serve([(Door.SIGNER, rig.request())])
        assert answer.result is Result.SIGNED


def test_twenty_thousand_orders_take_no_more_memory_than_a_thousand(
    softhsm: SoftHsm, clock: FakeClock
) -> None:
    """Neither book nor token nor desk keeps anything of an order that was signed."""
    rig = SigningRig(softhsm, clock)
    sign(rig, FILLING)
    before = resident_kib()
    sign(rig, ORDERS)
    grown = resident_kib() - before
    rig.close()
    print(f"\n{ORDERS} orders: {grown:+} KiB")

    assert grown < MOST_KIB
