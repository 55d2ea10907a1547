"""A client in a process of its own, as the daemon is one: sends requests and times the answers.

One line of JSON on standard input has the sizes of requests, in groups that go together; their
bytes follow. A group goes when the former is answered. One line of JSON on standard output tells
how many were signed, and for each group the seconds from the first byte sent to the last received.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Sequence

from hsm.wire.message import FrameReader


def ask(connection: socket.socket, frames: Sequence[bytes]) -> tuple[int, float]:
    """Send requests that go together; return how many were signed, and the seconds it took."""
    signed, missing, message = 0, len(frames), b"".join(frames)
    reader = FrameReader()
    start = time.perf_counter()
    connection.sendall(message)
    while missing:
        for answer in reader.feed(connection.recv(1 << 16)):
            signed += b'"result":"signed"' in answer
            missing -= 1
    return signed, time.perf_counter() - start


def main() -> None:
    """Serve lines until standard input ends."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(sys.argv[1])
        while line := sys.stdin.buffer.readline():
            groups = [[sys.stdin.buffer.read(size) for size in group] for group in json.loads(line)]
            found = [ask(connection, frames) for frames in groups]
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
