"""A client in a process of its own, as the daemon is one: sends requests and times the answers.

One line of JSON on standard input names the socket and the sizes of requests that go together;
their bytes follow. One line of JSON on standard output tells how many were signed, and the seconds
from the first byte sent to the last one received.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Sequence

from hsm.wire.message import FrameReader


def ask_all(path: str, groups: Sequence[Sequence[bytes]]) -> tuple[int, list[float]]:
    """Send groups of requests, each when the former is answered.

    Returns how many were signed, and the seconds of each group.
    """
    signed, seconds = 0, []
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        for group in groups:
            start = time.perf_counter()
            connection.sendall(b"".join(group))
            reader, missing = FrameReader(), len(group)
            while missing:
                for answer in reader.feed(connection.recv(1 << 16)):
                    signed += b'"result":"signed"' in answer
                    missing -= 1
            seconds.append(time.perf_counter() - start)
    return signed, seconds


def main() -> None:
    """Serve lines until standard input ends."""
    while line := sys.stdin.buffer.readline():
        asked = json.loads(line)
        frames = [sys.stdin.buffer.read(size) for size in asked["sizes"]]
        signed, seconds = ask_all(asked["path"], [frames])
        print(json.dumps({"signed": signed, "seconds": sum(seconds)}), flush=True)


if __name__ == "__main__":
    main()
