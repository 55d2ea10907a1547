"""The thief's way to the signer: into a desk with a clock to play with, or to a real process.

`span` is what the judge believes of time: the earliest and the latest second at which the signer
can have acted just now.
"""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from hsm.errors import HsmError, ProtocolError
from hsm.process.desk import Door
from hsm.settings import Settings
from hsm.wire.message import (
    Answer,
    Body,
    FrameReader,
    Request,
    decode_answer,
    decode_request,
    encode_request,
    frame,
)
from policies.law import Law
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom

Batch = Sequence[tuple[str, Body]]
REWIND_S = 5
ANSWER_S = 20.0


class Line(Protocol):
    """What thief and treasurers use of the signer."""

    def ask(self, batch: Batch, door: Door = Door.SIGNER) -> list[Answer | None]:
        """Send requests together; None stands for an answer that was lost."""

    def rubbish(self, data: bytes) -> None:
        """Send bytes that are no request."""

    def span(self) -> tuple[int, int]:
        """Return the earliest and the latest second that the signer may write down now."""

    def pass_time(self, dice: random.Random) -> None:
        """Let some time go by."""

    def fail(self, dice: random.Random) -> None:
        """Let something break that a thief profits from."""

    def recover(self) -> None:
        """Mend what `fail` broke."""


class NearLine:
    """A desk in this process, with soft tokens and a clock that the thief may push about."""

    def __init__(self, directory: Path, law: Law) -> None:
        self.clock = FakeClock()
        self.room = VaultRoom(directory, self.clock, law=law)
        self._latest = self.clock.unix()
        self._behind = 0

    def ask(self, batch: Batch, door: Door = Door.SIGNER) -> list[Answer | None]:
        requests = [(door, Request(verb=verb, body=body)) for verb, body in batch]
        return list(self.room.desk.serve(requests))

    def rubbish(self, data: bytes) -> None:
        with contextlib.suppress(ProtocolError):
            self.room.desk.serve([(Door.SIGNER, decode_request(data))])

    def span(self) -> tuple[int, int]:
        now = self.clock.unix()
        self._latest = max(self._latest, now)
        return now, self._latest

    def pass_time(self, dice: random.Random) -> None:
        self.clock.advance(dice.choice([0, 0, 1, 5, 30, 60, 300, 1200]))

    def fail(self, dice: random.Random) -> None:
        """Turn the clock back, a little or too far, for one request; or restart the process."""
        self._behind = dice.choice([0, 1, REWIND_S, REWIND_S + 1, 600])
        self.clock.advance(-self._behind)
        self.room.reopen()

    def recover(self) -> None:
        """Set the clock right again."""
        self.clock.advance(self._behind)
        self._behind = 0


class FarLine:
    """A signer process on its sockets; it is killed, and answers are lost on the way."""

    def __init__(self, settings: Settings, command: Sequence[str], folder: Path) -> None:
        self._settings = settings
        self._command, self._folder = command, folder
        self._open: dict[Door, socket.socket] = {}
        self.kills = 0
        self._hang_up_next = False
        self.process = self._start()

    def ask(self, batch: Batch, door: Door = Door.SIGNER) -> list[Answer | None]:
        message = b"".join(frame(encode_request(Request(verb=v, body=b))) for v, b in batch)
        found: list[Answer | None] = []
        try:
            connection = self._connected(door)
            connection.sendall(message)
            if self._lose_now(door):
                return [None] * len(batch)
            # One connection answers in order, so each answer belongs to its request.
            reader = FrameReader()
            while len(found) < len(batch):
                data = connection.recv(1 << 16)
                if not data:
                    raise ConnectionResetError
                found += [decode_answer(message) for message in reader.feed(data)]
        except (OSError, HsmError):
            self._drop(door)
        return found + [None] * (len(batch) - len(found))

    def _lose_now(self, door: Door) -> bool:
        lost, self._hang_up_next = self._hang_up_next, False
        if lost:
            self._drop(door)
        return lost

    def rubbish(self, data: bytes) -> None:
        with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError):
            connection.connect(str(self._settings.signer_socket))
            connection.sendall(data)

    def span(self) -> tuple[int, int]:
        now = int(time.time())
        return now, now

    def pass_time(self, dice: random.Random) -> None:
        time.sleep(dice.choice([0.0, 0.0, 0.02, 0.1, 0.3]))

    def fail(self, dice: random.Random) -> None:
        """Hang up after the next request, or kill the process a moment after it was asked."""
        if dice.random() < 0.8:
            self._hang_up_next = True
            return
        self.kill()

    def recover(self) -> None:
        """Be sure that the process runs."""
        if self.process.poll() is not None:
            self.process = self._start()

    def kill(self) -> None:
        """Kill the process as it stands, and start it anew."""
        self.kills += 1
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        for door in list(self._open):
            self._drop(door)
        self.process = self._start()

    def close(self) -> None:
        """Hang up and stop the process."""
        for door in list(self._open):
            self._drop(door)
        self.process.terminate()
        self.process.wait(20)

    def _start(self) -> subprocess.Popen[str]:
        with (self._folder / "signer.log").open("a") as log:
            process = subprocess.Popen(self._command, stdout=log, stderr=log, text=True)
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(self._settings.signer_socket)) == 0:
                    return process
            time.sleep(0.05)
        raise AssertionError((self._folder / "signer.log").read_text()[-2000:])

    def _connected(self, door: Door) -> socket.socket:
        if door not in self._open:
            path = self._settings.signer_socket
            if door is Door.PEOPLE:
                path = self._settings.people_socket
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(ANSWER_S)
            connection.connect(str(path))
            self._open[door] = connection
        return self._open[door]

    def _drop(self, door: Door) -> None:
        connection = self._open.pop(door, None)
        if connection is not None:
            connection.close()
