"""What is freed leaves the process, and ticks keep nothing that they made."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from tests.fakes.belt import BLOCK_S, Belt
from tests.fakes.chain import FakeChain

_WARM_UP, _ROUNDS = 20, 80
_NOISE = 5 * _ROUNDS
"""Caches come and go in pieces of two hundred; a single fact that stays is more than five."""
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

_THREADS = """
import ctypes, sys, threading
from treasury.memory import keep_one_heap

can = sys.argv[1] == "one" and keep_one_heap()
together, kept = threading.Barrier(8), []

def take() -> None:
    together.wait()
    kept.append([bytes(1_000) for _ in range(1_000)])
    together.wait()

threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
ctypes.CDLL(None).malloc_stats()
print(can)
"""


def heaps(how: str) -> tuple[int, bool]:
    """Return how many heaps the C library tells of after eight threads took memory at once."""
    told = subprocess.run(
        [sys.executable, "-c", _THREADS, how],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return told.stderr.count("Arena "), told.stdout.strip() == "True"


def test_threads_share_one_heap() -> None:
    """Each thread's own heap would keep its own free part for the life of the daemon."""
    if sys.platform != "linux":
        pytest.skip("malloc_stats is glibc's")

    assert heaps("one") == (1, True)
    assert heaps("many")[0] > 1


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


def alive() -> int:
    """Return how many pieces of memory Python holds now."""
    gc.collect()
    return sys.getallocatedblocks()


def grown_by_blocks_alone() -> int:
    """Return what the chain in memory itself keeps of so many blocks."""
    chain = FakeChain()
    chain.mine(_WARM_UP)
    before = alive()
    chain.mine(_ROUNDS)
    return alive() - before


def test_ticks_keep_nothing_in_memory(calm: Belt) -> None:
    """When caches are warm, a round of both lanes and a block leaves no fact behind."""

    def rounds(count: int) -> None:
        for _ in range(count):
            calm.watch()
            calm.money()
            calm.clock.advance(BLOCK_S)
            calm.chain.mine()
            calm.fuse.trail.clear()

    rounds(_WARM_UP)
    before = alive()
    rounds(_ROUNDS)
    grown = alive() - before

    assert grown - grown_by_blocks_alone() < _NOISE
