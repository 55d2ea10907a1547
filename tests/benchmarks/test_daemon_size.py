"""How large a daemon gets, and what its status costs to ask for: real processes, anvil, no signer.

The ledger is prepared here, so that the daemon knows its law; it starts without the signer,
halted and watching, as it would after a fault of the signer.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import pytest

from tests.benchmarks.test_watch_tick import crowd_on
from tests.fakes.nodes import RealNodes

pytestmark = [pytest.mark.bench, pytest.mark.sockets]
PROGRAMS = Path(sys.executable).parent
IDLE_MB, FULL_MB = 150, 300
MOST_STARTS = 7
ROUNDS = 7
WATCHED_S = 20
READY_S = 120


@contextmanager
def daemon(directory: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a daemon over a prepared ledger until the block ends."""
    config = directory / "treasuryd.toml"
    config.write_text(
        f"""[daemon]
state_dir = "{directory}"
log = "json"

[signer]
socket = "{directory}/signer.sock"

[api]
directory = "{directory}/api"

[chains.devnet]
endpoints = ["{url}"]
finality = "depth:2"
poll_s = 1
deadline_s = 30
"""
    )
    command = [sys.executable, "-m", "treasury.daemon", "run", "--config", str(config)]
    with (directory / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield process
        finally:
            process.terminate()


def ask_status(directory: Path) -> float:
    """Ask for the status as a person does; return the processor seconds of the command."""
    command = [
        str(PROGRAMS / "treasuryctl"),
        "status",
        "--socket",
        str(directory / "api" / "reader.sock"),
    ]
    return cost_of(command)


def cost_of(command: list[str]) -> float:
    """Return the processor seconds of a command that must succeed."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def wait_until_ready(directory: Path) -> None:
    """Wait until the daemon answers a person."""
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        with suppress(subprocess.CalledProcessError):
            ask_status(directory)
            return
        time.sleep(0.5)
    raise AssertionError((directory / "log").read_text()[-2000:])


def megabytes(process: subprocess.Popen[bytes], kind: str = "VmRSS") -> float:
    """Return the resident memory of a process."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(kind)).split()[1]) / 1024


@pytest.mark.parametrize(("wallets", "most"), [(3, IDLE_MB), (1000, FULL_MB)])
def test_a_daemon_stays_small(
    real_nodes: RealNodes, tmp_path: Path, wallets: int, most: int
) -> None:
    """Below 150 MB with nothing to do, below 300 MB with 1,000 wallets of ten assets.

    And whatever the law holds, the status costs no more than seven starts of Python.
    """
    with crowd_on(real_nodes, tmp_path, wallets) as (crowd, bank):
        crowd.close()
        with daemon(tmp_path, bank.real.url) as process:
            wait_until_ready(tmp_path)
            for _ in range(WATCHED_S):
                bank.change(0.05)
                time.sleep(1)
            found, peak = megabytes(process), megabytes(process, "VmHWM")
            ratios = [
                ask_status(tmp_path) / cost_of([sys.executable, "-c", "pass"])
                for _ in range(ROUNDS)
            ]
    print(
        f"\n{wallets:,} wallets: {found:.0f} MB ({peak:.0f} MB at most); "
        f"status costs {min(ratios):.1f} starts of Python",
        end="",
    )
    assert found <= most
    assert min(ratios) <= MOST_STARTS
