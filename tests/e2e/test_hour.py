"""An hour of real payouts by real processes: open files do not grow, memory stays within bounds.

`TREASURY_SOAK_MINUTES` makes it shorter; the first third is left out, because caches fill. In 42
minutes with a payout every five seconds the daemon took 7.5 megabytes an hour and the signer 3.1,
when every thread of the daemon still had a heap of its own.

What grew in the daemon was looked at with a payout every second, for 24 minutes of 1,450 payouts.
Python's objects reach their height after 512 payouts, with the terms that are remembered; SQLite
goes from 3 to 16 megabytes, pages and statements of eight connections, within the first thousand;
the free part of the heaps went from 8 to 19 and on. In one heap that is 1 to 3 and stays there
(`treasury.memory.keep_one_heap`), and the growth of the last third was less than half; that run
also kept SQLite's caches at a quarter of their size, which is not what the daemon does.

What grows in the signer is the book's cache, which holds two megabytes of pages: a payout touches
four kilobytes of new ones, so it is full after six hundred, most of an hour here. That nothing
grows from then on is what `tests/hsm/process/test_memory.py` looks at, by twenty thousand orders.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from treasury.cli.api import Api
from treasury.dev.children import Child
from treasury.dev.deployment import Plan
from treasury.dev.stage import customers, raised

pytestmark = [pytest.mark.soak, pytest.mark.sockets, pytest.mark.softhsm]
MINUTES = int(os.environ.get("TREASURY_SOAK_MINUTES", "60"))
EVERY_S = 5.0
"""Seven hundred payouts an hour stay within the development law's windows, and fill every cache."""
HOT_ETH = 14
"""Enough for an hour: nobody is there who would approve a refill."""
LOOK_S = 15.0
MOST_MB_PER_H = {"daemon": 16.0, "signer": 4.0}
_MB = 1024


@dataclass(slots=True)
class Growth:
    """What one process took at every look: resident memory in KiB, and open files."""

    child: Child
    resident: list[int]
    files: list[int]

    def look(self) -> None:
        """Note how large the process is now."""
        assert self.child.process is not None
        folder = Path("/proc") / str(self.child.process.pid)
        lines = (folder / "status").read_text().splitlines()
        (size,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
        self.resident.append(int(size))
        self.files.append(len(list((folder / "fd").iterdir())))

    def mb_per_h(self) -> float:
        """Return the slope of the memory after the first third."""
        late = self.resident[len(self.resident) // 3 :]
        hours = [number * LOOK_S / 3_600 for number in range(len(late))]
        return statistics.linear_regression(hours, late).slope / _MB

    def files_grew(self) -> int:
        """Return by how many open files the last third is above the second, at their most."""
        third = len(self.files) // 3
        return max(self.files[-third:]) - max(self.files[third:-third])


def watch(children: Sequence[Child]) -> list[Growth]:
    """Look at processes again and again until the time is over; none may fall."""
    found = [Growth(child, [], []) for child in children]
    end = time.monotonic() + 60 * MINUTES
    while time.monotonic() < end:
        time.sleep(LOOK_S)
        for growth in found:
            growth.look()
    return found


def test_an_hour_opens_no_files_and_takes_little_memory(tmp_path: Path) -> None:
    """Every payout is paid, and neither process holds more files in the end."""
    with raised(tmp_path / "d", Plan(hot_eth=HOT_ETH)) as stage:
        asking = customers(stage.deployment, amount="0.01", every_s=EVERY_S)
        stage.others.append(asking)
        asking.start()
        found = watch([stage.daemon, stage.signer])
        api = Api(str(stage.deployment.api_socket("reader")))
        rows = api.get("/v1/withdrawals", {"limit": 500})["withdrawals"]
    for growth in found:
        print(
            f"\n{growth.child.name}: {growth.mb_per_h():+.2f} MB/h from {growth.resident[0]} to "
            f"{growth.resident[-1]} KiB; files {growth.files[0]} to {growth.files[-1]}"
        )

    assert [row["state"] for row in rows].count("PAID") >= len(rows) - 2
    assert [growth.files_grew() for growth in found] == [0, 0]
    assert all(growth.mb_per_h() < MOST_MB_PER_H[growth.child.name] for growth in found)
