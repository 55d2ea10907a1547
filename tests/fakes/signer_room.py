"""A signer that answers on a Unix socket: a real desk over a real book, in a thread of its own.

with signer_at(folder, clock, adopt=False) as path:
    SignerClient(path).status()
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hsm.errors import HsmError
from hsm.process.desk import Door
from hsm.wire.message import DEADLINE_S, FrameReader, decode_request, encode_answer, frame
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom

_CHUNK_BYTES = 65_536


@contextmanager
def signer_at(
    folder: Path, clock: FakeClock, *, adopt: bool = True, door: Door = Door.PEOPLE
) -> Iterator[Path]:
    """Serve one door of a fresh vault room; the law of `tests.laws` is adopted unless not."""
    path = folder / f"{door.value}.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(8)
    listener.settimeout(0.05)
    stop = threading.Event()
    failures: queue.SimpleQueue[BaseException] = queue.SimpleQueue()

    def serve() -> None:
        try:
            # The book's database belongs to the thread that opened it, as in the real process.
            room = VaultRoom(folder, clock, adopt=adopt)
            while not stop.is_set():
                _serve_one(listener, room, door)
            room.close()
        except BaseException as failure:  # noqa: BLE001 - told to the test below
            failures.put(failure)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield path
    finally:
        stop.set()
        thread.join(5)
        listener.close()
    if not failures.empty():
        raise failures.get()


def _serve_one(listener: socket.socket, room: VaultRoom, door: Door) -> None:
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        return
    reader = FrameReader()
    connection.settimeout(DEADLINE_S)
    with connection, contextlib.suppress(OSError, HsmError):
        while data := connection.recv(_CHUNK_BYTES):
            for message in reader.feed(data):
                request = decode_request(message)
                answer = room.call(request.verb, request.body, door)
                connection.sendall(frame(encode_answer(answer)))
