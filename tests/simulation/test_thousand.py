"""A thousand plays, as the command line plays them: nothing breaks, and nothing is left out."""

from __future__ import annotations

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
    command = [sys.executable, "-m", "tests.simulation", "--workers", "auto"]
    done = subprocess.run(
        [*command, "--seeds", f"0:{ENOUGH}"],
        cwd=_ROOT,
        timeout=_MOST_S,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stdout[-2000:]
    assert done.stdout.splitlines()[-1].startswith(f"{ENOUGH} seeds, 0 broke a promise")
