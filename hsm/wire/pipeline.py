"""Puts many requests to the signer over one connection: while it works, the last answers are used.

Requests go in groups, because what arrives together shares the book's commits. There is always
one group on its way and never more, so that an order to isolate, which comes by another
connection, waits for one group at most. How large a group is depends on how quickly the last one
came back: slow keys get small groups.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence

from hsm.errors import SignerUnavailableError
from hsm.wire.message import FrameReader

FIRST_GROUP = 8
MOST_IN_GROUP = 32
"""The signer lets as many requests wait on one connection."""
_QUICK_S, _SLOW_S = 0.2, 0.6
_CHUNK_BYTES = 65_536


def exchanged(
    connection: socket.socket,
    frames: Sequence[bytes],
    *,
    deadline_s: float,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[list[bytes]]:
    """Send every frame and yield the answers in order, group by group.

    `deadline_s` bounds each group. Raises `SignerUnavailableError`, `ProtocolError`, `OSError`.
    """
    reader, size, at = FrameReader(), FIRST_GROUP, 0
    waiting = _post(connection, frames[at : at + size], deadline_s)
    while waiting:
        begun = monotonic()
        answers = _collect(connection, reader, waiting, begun + deadline_s, monotonic)
        at += waiting
        size = next_size(size, monotonic() - begun)
        waiting = _post(connection, frames[at : at + size], deadline_s)
        yield answers


def next_size(size: int, took_s: float) -> int:
    """Return how many requests the next group has, after one of `size` took so long."""
    if took_s > _SLOW_S:
        return max(1, size // 2)
    return min(MOST_IN_GROUP, 2 * size) if took_s < _QUICK_S else size


def _post(connection: socket.socket, frames: Sequence[bytes], deadline_s: float) -> int:
    if frames:
        connection.settimeout(deadline_s)
        connection.sendall(b"".join(frames))
    return len(frames)


def _collect(
    connection: socket.socket,
    reader: FrameReader,
    count: int,
    end: float,
    monotonic: Callable[[], float],
) -> list[bytes]:
    answers: list[bytes] = []
    while len(answers) < count:
        left = end - monotonic()
        if left <= 0:
            raise SignerUnavailableError(f"{count - len(answers)} of {count} answers did not come")
        connection.settimeout(left)
        try:
            data = connection.recv(_CHUNK_BYTES)
        except TimeoutError:
            continue
        if not data:
            raise SignerUnavailableError("the signer closed the connection before it answered")
        answers.extend(reader.feed(data))
    return answers


def is_stale(connection: socket.socket) -> bool:
    """Say whether the other end has closed: between two calls nothing may arrive."""
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable)
