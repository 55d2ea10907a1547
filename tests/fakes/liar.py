"""A daemon that lies: it answers requests on a Unix socket with whatever the test wants to say.

with liar_at(path, {"/v1/refills/17": {...}, "/v1/law": {...}}) as asked:
    ...
asked                                   # the requests that came: (method, path, body)
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_PART = 65_536


@contextmanager
def liar_at(
    path: Path, answers: Mapping[str, object], raw: bytes | None = None
) -> Iterator[list[tuple[str, str, bytes]]]:
    """Serve canned answers; a path that is not there gets 404; `raw` is sent instead of HTTP."""
    asked: list[tuple[str, str, bytes]] = []
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(8)
    listener.settimeout(0.1)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                _answer(connection, answers, asked, raw)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        stop.set()
        thread.join(5)
        listener.close()


def _answer(
    connection: socket.socket,
    answers: Mapping[str, object],
    asked: list[tuple[str, str, bytes]],
    raw: bytes | None,
) -> None:
    connection.settimeout(5)
    data = connection.recv(_PART)
    head, _, body = data.partition(b"\r\n\r\n")
    method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
    asked.append((method, target, body))
    if raw is not None:
        connection.sendall(raw)
        return
    found = answers.get(target.partition("?")[0])
    status = "404 Not Found" if found is None else "200 OK"
    text = json.dumps(found if found is not None else {"error": {"message": "no"}}).encode()
    connection.sendall(
        f"HTTP/1.1 {status}\r\ncontent-length: {len(text)}\r\n\r\n".encode("latin-1") + text
    )
