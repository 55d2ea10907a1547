"""A watch that was stored and restored goes on as if nothing had happened."""

from __future__ import annotations

import json
import sys

import pytest

from policies.outflow import WalletWatch
from policies.outflow.state import StateError, from_bytes, to_bytes
from tests.simulation.outflow_treasuries import payroll, small_treasury, token_treasury
from tests.simulation.outflow_wallets import pool


@pytest.mark.parametrize("make", [small_treasury, token_treasury, payroll, pool])
def test_the_restored_watch_continues_identically(make: object) -> None:
    """Every later judgement and the state at the end are the same as without the restart."""
    events = make(3).events[:6_000]  # type: ignore[operator]
    watch = WalletWatch()
    half = len(events) // 2
    for event in events[:half]:
        watch.judge(event)
    restored = from_bytes(to_bytes(watch))

    assert all(watch.judge(event) == restored.judge(event) for event in events[half:])
    assert to_bytes(watch) == to_bytes(restored)


def test_storing_changes_nothing() -> None:
    """A run that is stored on the way says the same as one that is not."""
    events = token_treasury(4).events
    plain, stored = WalletWatch(), WalletWatch()
    said = []
    for index, event in enumerate(events):
        if index % 97 == 0:
            to_bytes(stored)
        said.append((plain.judge(event), stored.judge(event)))

    assert all(left == right for left, right in said)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"version": 99}'])
def test_damaged_state_is_refused_in_one_line(data: bytes) -> None:
    """Foreign bytes raise a StateError that says what to do."""
    with pytest.raises(StateError, match="learn anew"):
        from_bytes(data)


def test_another_version_is_refused() -> None:
    """State of another version is not guessed at."""
    state = json.loads(to_bytes(WalletWatch()))
    state["version"] = 0
    with pytest.raises(StateError, match="version 0"):
        from_bytes(json.dumps(state).encode())


def _deep_size(root: object) -> int:
    """Return the bytes of everything that hangs on an object, shared things once."""
    seen: set[int] = set()
    stack, size = [root], 0
    while stack:
        one = stack.pop()
        if id(one) in seen or isinstance(one, type):
            continue
        seen.add(id(one))
        size += sys.getsizeof(one)
        if isinstance(one, dict):
            stack += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            stack += one
        for kind in type(one).__mro__:
            stack += [getattr(one, name) for name in getattr(kind, "__slots__", ())]
    return size


def test_memory_is_bounded_whatever_the_traffic() -> None:
    """Twenty thousand payments to strangers in hundreds of assets take less than 500 KiB."""
    from policies.outflow import Outflow

    watch = WalletWatch()
    for index in range(20_000):
        to = f"0x{index * 7919:040x}"
        watch.judge(
            Outflow(1_600_000_000 + index * 7, to, f"0x{index % 700:040x}", 1.0 + index % 9)
        )

    assert _deep_size(watch) < 500 * 1024
    assert len(watch.young) <= watch.sensitivity.young_max
    assert len(watch.assets) <= watch.sensitivity.assets_max


def test_a_thousand_ordinary_wallets_fit_into_300_mb() -> None:
    """An ordinary wallet takes less than 150 KiB."""
    watch = WalletWatch()
    for event in token_treasury(1).events:
        watch.judge(event)

    assert _deep_size(watch) < 150 * 1024
