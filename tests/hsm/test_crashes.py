"""The process is killed between every two steps of a signature; the book knows what happened."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hsm import crashpoints
from hsm.fields import blob
from hsm.transaction import read_back
from hsm.wire import Result
from policies.terms import Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom
from tests.hsm.crash_child import SALT

DESK_POINTS = tuple(p for p in crashpoints.POINTS if p != "answered")
SIGNED_POINTS = ("raw_committed",)


def crash(directory: Path, point: str) -> int:
    """Let a process die at a point; return how it ended."""
    command = [sys.executable, "-m", "tests.hsm.crash_child", str(directory), point]
    return subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode


@pytest.mark.crash
@pytest.mark.parametrize("point", DESK_POINTS)
def test_killed_at_any_step_the_order_is_signed_once(
    tmp_path: Path, clock: FakeClock, point: str
) -> None:
    """After kill -9 the same id gets one nonce and one set of bytes, another order the next one.

    R3.10, R5.10.
    """
    VaultRoom(tmp_path, clock).close()
    assert -signal.SIGKILL == crash(tmp_path, point)
    room = VaultRoom(tmp_path, clock, adopt=False)
    room.book.verify()
    page = room.call("orders_since", {"seq": "0", "limit": "10"})
    terms = room.order(Purpose.SWEEP, salt=SALT)
    first, again = room.sign(terms), room.sign(terms)
    other = room.sign(room.order(Purpose.SWEEP))
    attempts = room.book.connection.execute("SELECT count(*) FROM attempts").fetchone()
    room.close()

    assert (Result.SIGNED, Result.SIGNED) == (first.result, other.result)
    assert blob(first.body, "raw") == blob(again.body, "raw")
    assert [0, 1] == [_nonce(blob(a.body, "raw")) for a in (first, other)]
    assert (2,) == attempts
    known = page.body["orders"]
    if point in SIGNED_POINTS:
        assert isinstance(known, list)
        assert blob(first.body, "raw").hex() in str(known)


def _nonce(raw: bytes) -> int:
    return read_back(raw).transaction.nonce


def test_every_point_is_passed_in_order(tmp_path: Path, clock: FakeClock) -> None:
    """One signature passes each named point once, in the order in which they are listed."""
    room = VaultRoom(tmp_path, clock)
    passed: list[str] = []
    for point in DESK_POINTS:
        crashpoints.arm(point, lambda point=point: passed.append(point))  # type: ignore[misc]
    room.sign(room.order(Purpose.SWEEP))
    crashpoints.disarm()
    room.close()

    assert list(DESK_POINTS) == passed
