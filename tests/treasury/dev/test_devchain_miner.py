"""The miner keeps its interval, can be set at run time, and does not fail in silence."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from treasury.dev.chain.miner import Miner


def _run(mine: Callable[[], object], *, interval_s: float) -> tuple[Miner, threading.Event]:
    failed = threading.Event()
    miner = Miner(mine, threading.RLock(), interval_s=interval_s, on_failure=failed.set)
    miner.start()
    return miner, failed


def test_blocks_are_mined_at_the_interval_that_is_set() -> None:
    """A resting miner mines nothing until an interval is set, and nothing after `stop`."""
    blocks: list[int] = []
    enough = threading.Event()

    def mine() -> None:
        blocks.append(len(blocks))
        if len(blocks) == 3:
            enough.set()

    miner, failed = _run(mine, interval_s=0.0)
    assert blocks == []
    miner.set_interval(0.01)
    assert enough.wait(5)
    miner.stop()
    count = len(blocks)
    assert len(blocks) == count
    assert not failed.is_set()


def test_a_miner_that_breaks_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """A chain that stands still must not look alive: the failure is told and mining ends."""

    def mine() -> None:
        raise ZeroDivisionError

    miner, failed = _run(mine, interval_s=0.01)
    assert failed.wait(5)
    miner.stop()
    assert "ZeroDivisionError" in capsys.readouterr().err
