"""Whatever breaks around the processes, the chain shows each order paid once or honestly ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.outside import Outside, outside
from tests.fakes.nodes import require_node
from treasury.cli.exits import CommandError

pytestmark = [pytest.mark.sockets, pytest.mark.softhsm, pytest.mark.crash]
_PATIENCE_S = 240.0
_POLL_S = 0.5


def wait_until(holds: Callable[[], bool], why: str) -> None:
    """Look again and again; an API that does not answer yet is a no."""
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        try:
            if holds():
                return
        except CommandError:
            pass
        time.sleep(_POLL_S)
    raise AssertionError(why)


def besieged(harness: Outside, *, orders: int, strikes: int) -> None:
    """Ask for orders between faults, end the faults, and count on the chain alone."""
    for number in range(strikes):
        if number < orders:
            harness.ask(1)
        harness.strike()
        twice = {key: count for key, count in harness.mined().items() if count > 1}
        assert not twice, f"paid twice after {dict(harness.struck)}: {twice}"
    harness.ask(max(0, orders - strikes))
    harness.calm()
    wait_until(harness.is_over, f"orders without an end after {dict(harness.struck)}")
    counts, states = harness.mined(), harness.states()
    for key in harness.orders:
        assert counts[key] == (1 if states[key] == "PAID" else 0), (key, states[key])


@pytest.mark.parametrize("seed", [1])
def test_a_short_siege(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """R4.1, R6.1: kills, reorgs, drops, fee jumps and a bad network pay nothing twice."""
    require_node("anvil")
    monkeypatch.setenv("TREASURY_CHAIN", "anvil")
    with outside(tmp_path / "d", seed) as harness:
        besieged(harness, orders=3, strikes=4)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10, 14))
def test_a_long_siege(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """R4.1, R6.1: a hundred orders for each seed, with a fault at every second or so."""
    require_node("anvil")
    monkeypatch.setenv("TREASURY_CHAIN", "anvil")
    with outside(tmp_path / "d", seed) as harness:
        besieged(harness, orders=100, strikes=120)
        print(f"\nseed {seed}: {len(harness.orders)} orders, faults {dict(harness.struck)}")
