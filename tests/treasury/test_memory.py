"""R6.8, its fast half: what is freed between things that live on leaves the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

_HOLES = """
from pathlib import Path
from treasury.memory import give_back

def resident() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    (size,) = (line.split()[1] for line in lines if line.startswith("RssAnon:"))
    return int(size)

pieces = [bytes(1_000) for _ in range(60_000)]
kept = pieces[::40]
full = resident()
del pieces
freed = resident()
can = give_back()
print(full, freed, resident(), can, len(kept))
"""


def test_a_heap_with_holes_is_given_back() -> None:
    """Sixty megabytes in small pieces, one of forty lives on: freeing returns nothing by itself."""
    if sys.platform != "linux":
        pytest.skip("resident memory is read from /proc")
    told = subprocess.run(
        [sys.executable, "-c", _HOLES], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    full, freed, left = (int(word) for word in told[:3])

    assert told[3] == "True"
    assert freed > full * 0.9, "the C library gave it back without being asked"
    assert left < full - 40_000, told
