"""Many plays, as the command line plays them: nothing breaks, nothing is left out or left open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.__main__ import ENOUGH

_ROOT = Path(__file__).parents[2]
_MOST_S = 3_000


@pytest.mark.soak
def test_a_thousand_plays_keep_every_promise_and_meet_everything() -> None:
    """R6.4: every promise holds in each play, every fault, edge and mark occurs in some of them."""
    assert _played(ENOUGH).startswith(f"{ENOUGH} seeds, 0 broke a promise")


@pytest.mark.soak
def test_two_hundred_plays_are_the_same_in_other_processes() -> None:
    """R6.2: whatever order sets have in a process, the same seeds give the same events."""
    assert _played(200, hashes="1") == _played(200, hashes="2")


def _played(count: int, hashes: str = "random") -> str:
    """Play so many seeds; return the line that tells how they ended and the hash of all events."""
    command = [sys.executable, "-m", "tests.simulation", "--workers", "auto"]
    done = subprocess.run(
        [*command, "--seeds", f"0:{count}"],
        cwd=_ROOT,
        env={**os.environ, "PYTHONHASHSEED": hashes},
        timeout=_MOST_S,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout[-2000:]
    return done.stdout.splitlines()[-2]
