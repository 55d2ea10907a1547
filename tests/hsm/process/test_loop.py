"""The loop on its sockets: many callers, bad manners, limits; it always serves the next one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from selectors import SelectorKey

import pytest

from hsm.process.desk import Door
from hsm.process.loop import LOOKS, MOST_CONNECTIONS, MOST_QUEUED, Loop
from hsm.wire.message import (
    DEADLINE_S,
    Answer,
    FrameReader,
    Request,
    Result,
    decode_answer,
    encode_request,
    frame,
)
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom

pytestmark = pytest.mark.sockets
STATUS = frame(encode_request(Request(verb="status", body={})))


class Hall:
    """A loop with both doors open, turned by hand."""

    def __init__(self, room: VaultRoom, folder: Path) -> None:
        self.now = 100.0
        self.paths = {door: folder / f"{door.value}.sock" for door in Door}
        self.listeners = {door: socket.socket(socket.AF_UNIX) for door in Door}
        for door, listener in self.listeners.items():
            listener.bind(str(self.paths[door]))
            listener.listen(128)
        self.loop = Loop(desk=room.desk, listeners=self.listeners, monotonic=lambda: self.now)
        self.guests: list[socket.socket] = []

    def guest(self, door: Door = Door.SIGNER) -> socket.socket:
        """Connect."""
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(2)
        made.connect(str(self.paths[door]))
        self.guests.append(made)
        return made

    def turn(self, times: int = 3) -> None:
        """Let the loop work."""
        for _ in range(times):
            self.loop.turn(0.0)

    def close(self) -> None:
        for guest in self.guests:
            guest.close()
        self.loop.close()
        for listener in self.listeners.values():
            listener.close()


@pytest.fixture
def hall(tmp_path: Path, clock: FakeClock) -> Iterator[Hall]:
    """A hall over a room with a law."""
    room = VaultRoom(tmp_path, clock)
    made = Hall(room, tmp_path)
    yield made
    made.close()
    room.close()


def answers(guest: socket.socket) -> list[Answer]:
    """Return every answer that has arrived."""
    guest.setblocking(False)
    data = b""
    try:
        while chunk := guest.recv(1 << 16):
            data += chunk
    except BlockingIOError:
        pass
    return [decode_answer(message) for message in FrameReader().feed(data)]


def is_closed(guest: socket.socket) -> bool:
    """Tell whether the loop hung up."""
    guest.setblocking(False)
    try:
        return guest.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_both_doors_are_served(hall: Hall) -> None:
    """One caller at each door gets an answer."""
    guests = [hall.guest(door) for door in Door]
    for guest in guests:
        guest.sendall(STATUS)
    hall.turn()

    assert [[Result.OK], [Result.OK]] == [[a.result for a in answers(g)] for g in guests]


def test_a_turn_tells_whether_anything_happened(hall: Hall) -> None:
    """So that what can wait is done while nobody does."""
    hall.guest().sendall(STATUS)
    hall.turn(1)

    assert [True, False] == [hall.loop.turn(0.0), hall.loop.turn(0.0)]


def test_requests_in_one_piece_are_answered_in_order(hall: Hall) -> None:
    """Pipelined requests come back in the order in which they were sent."""
    guest = hall.guest()
    law = frame(encode_request(Request(verb="law", body={})))
    guest.sendall(STATUS + law + STATUS)
    hall.turn()
    found = answers(guest)

    assert ["now" in a.body for a in found] == [True, False, True]


def test_after_an_answer_it_looks_again_while_that_pays(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For whoever asks at once; not after nobody did, until somebody is quick again."""
    waits: list[float] = []
    select = hall.loop._selector.select

    def watched(wait_s: float) -> list[tuple[SelectorKey, int]]:
        waits.append(wait_s)
        return select(wait_s)

    def waits_of(wait_s: float) -> list[float]:
        waits.clear()
        hall.loop.turn(wait_s)
        return list(waits)

    guest = hall.guest()
    hall.turn()
    monkeypatch.setattr(hall.loop._selector, "select", watched)
    guest.sendall(STATUS)
    first = waits_of(0.01)
    guest.sendall(STATUS)
    quick = waits_of(0.02)
    nobody = waits_of(0.03)
    guest.sendall(STATUS)
    late = waits_of(0.04)
    guest.sendall(STATUS)
    quick_again = waits_of(0.05)
    guest.sendall(STATUS)

    assert ([0.01], [0], [0] * LOOKS + [0.03]) == (first, quick, nobody)
    assert ([0.04], [0.05], [0]) == (late, quick_again, waits_of(0.06))
    assert [Result.OK] * 5 == [a.result for a in answers(guest)]


def test_a_request_in_crumbs_is_put_together(hall: Hall) -> None:
    """Byte by byte is a request like any other."""
    guest = hall.guest()
    for byte in STATUS:
        guest.sendall(bytes([byte]))
        hall.turn(1)
    hall.turn()

    assert [Result.OK] == [a.result for a in answers(guest)]


@pytest.mark.parametrize(
    "rubbish",
    [b"\xff" * 8, b"\x00\x00\x00\x00", frame(b"{}"), frame(b"\x00" * 40), frame(b'{"a":1}')],
)
def test_rubbish_is_answered_with_an_error(hall: Hall, rubbish: bytes) -> None:
    """The caller is told, and the next caller is served."""
    guest, other = hall.guest(), hall.guest()
    guest.sendall(rubbish)
    other.sendall(STATUS)
    hall.turn()

    assert [Result.ERROR] == [a.result for a in answers(guest)]
    assert [Result.OK] == [a.result for a in answers(other)]


def test_half_a_message_does_not_wait_for_ever(hall: Hall) -> None:
    """After the deadline the connection is closed, and no other is delayed meanwhile."""
    slow, other = hall.guest(), hall.guest()
    slow.sendall(STATUS[:10])
    hall.turn()
    other.sendall(STATUS)
    hall.turn()
    served = answers(other)
    hall.now += DEADLINE_S + 0.1
    hall.turn()

    assert [Result.OK] == [a.result for a in served]
    assert [Result.ERROR] == [a.result for a in answers(slow)]
    assert is_closed(slow)


def test_a_caller_who_never_reads_is_dropped(hall: Hall) -> None:
    """Answers that nobody takes do not fill the memory."""
    law = frame(encode_request(Request(verb="law", body={})))
    deaf = hall.guest()
    deaf.setblocking(False)
    dropped = False
    for _ in range(3000):
        try:
            deaf.send(law)
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            dropped = True
            break
        hall.turn(1)
    other = hall.guest()
    other.sendall(STATUS)
    hall.turn()

    assert dropped
    assert [Result.OK] == [a.result for a in answers(other)]


def test_too_many_requests_on_one_connection(hall: Hall) -> None:
    """A queue that is too long is refused as a whole."""
    guest = hall.guest()
    guest.sendall(STATUS * (MOST_QUEUED + 1))
    hall.turn()

    assert [Result.ERROR] == [a.result for a in answers(guest)]
    assert is_closed(guest)


def test_too_many_connections(hall: Hall) -> None:
    """Callers above the limit are turned away; those inside are served."""
    guests = [hall.guest() for _ in range(MOST_CONNECTIONS + 5)]
    hall.turn(8)
    guests[0].sendall(STATUS)
    hall.turn()

    assert 5 == sum(is_closed(guest) for guest in guests[MOST_CONNECTIONS:])
    assert [Result.OK] == [a.result for a in answers(guests[0])]


def test_a_caller_who_hangs_up_midway_is_forgotten(hall: Hall) -> None:
    """A connection lost before its answer hurts nobody."""
    guest, other = hall.guest(), hall.guest()
    guest.sendall(STATUS)
    guest.close()
    other.sendall(STATUS)
    hall.turn()

    assert [Result.OK] == [a.result for a in answers(other)]
