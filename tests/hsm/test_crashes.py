"""The process is killed between every two steps of a request; the book knows what happened."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hsm import crashpoints
from hsm.book.audit import check
from hsm.transaction import ReadBack, read_back
from hsm.wire.fields import blob
from hsm.wire.message import Answer, Result
from policies.terms import Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom, raw_of
from tests.hsm.crash_child import HIGHER, SALT

DESK_POINTS = tuple(p for p in crashpoints.POINTS if p != "answered")
SIGNED_POINTS = ("raw_committed",)
KEPT_POINTS = ("record_committed", "token_signed", "raw_stored", "raw_committed")

pytestmark = pytest.mark.crash


def crash(directory: Path, point: str, deed: str = "sign") -> int:
    """Let a process die at a point of a deed; return how it ended."""
    command = [sys.executable, "-m", "tests.hsm.crash_child", str(directory), point, deed]
    return subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode


def every_signature(room: VaultRoom) -> list[ReadBack]:
    """Return every raw transaction that the book holds."""
    rows = room.book.connection.execute("SELECT raw FROM attempts WHERE raw IS NOT NULL")
    return [read_back(raw) for (raw,) in rows]


def exposing(room: VaultRoom) -> set[tuple[int, str, int]]:
    """Return nonce, destination and amount of all that moves money."""
    return {
        (found.transaction.nonce, found.destination, found.amount)
        for found in every_signature(room)
        if found.destination != found.sender
    }


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
    check(room.book)
    page = room.call("orders_since", {"seq": "0", "limit": "10"})
    terms = room.order(Purpose.WITHDRAWAL, salt=SALT)
    first, again = room.sign(terms), room.sign(terms)
    other = room.sign(room.order(Purpose.WITHDRAWAL))
    attempts = room.book.connection.execute("SELECT count(*) FROM attempts").fetchone()
    moved = exposing(room)
    room.close()

    assert (Result.SIGNED, Result.SIGNED) == (first.result, other.result)
    assert raw_of(first) == raw_of(again)
    assert [0, 1] == [read_back(raw_of(a)).transaction.nonce for a in (first, other)]
    assert (2,) == attempts
    assert [0, 1] == sorted(nonce for nonce, _, _ in moved)
    known = page.body["orders"]
    assert isinstance(known, list)
    if point in KEPT_POINTS:
        assert ["0"] == [order["nonce"] for order in known], "the daemon finds the order"
    if point in SIGNED_POINTS:
        assert blob(first.body, "raw").hex() in str(known)


@pytest.mark.parametrize("point", DESK_POINTS)
@pytest.mark.parametrize("deed", ["bump", "cancel"])
def test_killed_in_a_replacement_the_nonce_carries_one_payment(
    tmp_path: Path, clock: FakeClock, deed: str, point: str
) -> None:
    """A bump or cancel cut off anywhere is asked for again, and the nonce pays one receiver.

    R3.10, R5.10.
    """
    VaultRoom(tmp_path, clock).close()
    assert -signal.SIGKILL == crash(tmp_path, point, deed)
    room = VaultRoom(tmp_path, clock, adopt=False)
    check(room.book)
    terms = room.order(Purpose.WITHDRAWAL, salt=SALT)
    first, again = (room.again(deed, terms, HIGHER) for _ in range(2))
    moved = exposing(room)
    room.close()

    assert raw_of(first) == raw_of(again)
    assert 1 == len(moved)
    assert _moves(first) == (deed == "bump")


def _moves(answer: Answer) -> bool:
    return bool(read_back(raw_of(answer)).amount)


@pytest.mark.parametrize("point", ["request_read", "checked", "recorded", "record_committed"])
def test_killed_in_an_isolation_it_holds_or_is_asked_again(
    tmp_path: Path, clock: FakeClock, point: str
) -> None:
    """An isolation that was cut off is whole or absent, and is simply asked for again (R2.6)."""
    VaultRoom(tmp_path, clock).close()
    assert -signal.SIGKILL == crash(tmp_path, point, "isolate")
    room = VaultRoom(tmp_path, clock, adopt=False)
    check(room.book)
    isolated = room.call("status", {}).body["isolated"]
    asked = room.isolate("hot-a")
    refused = room.sign(room.order(Purpose.WITHDRAWAL))
    room.close()

    assert isolated == (["hot-a"] if point == "record_committed" else [])
    assert (Result.OK, Result.REFUSED) == (asked.result, refused.result)


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
