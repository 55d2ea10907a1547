"""A payout service that asks blindly until it has an answer, over a network that cuts and delays.

with lossy_road(socket_path, lots) as road:       # TCP in front of the API's Unix socket
ask_until_answered(road, key, body)           # the same key, again and again
road.tries                                    # how often it took altogether
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.tcp_proxy import TcpProxy, tcp_proxy

_PATIENCE_S = 2.0
_CHUNK = 65_536
_ANSWERED = (200, 201)


@dataclass(slots=True)
class Road:
    """The way to the API; every try of a request finds it in another state."""

    proxy: TcpProxy
    lots: random.Random
    tries: int = 0

    def worsen(self) -> None:
        """Draw what the next connection suffers: nothing, a delay, a cut, or a closed door."""
        self.proxy.is_refusing = self.lots.random() < 0.1
        self.proxy.cut_after = self.lots.choice([None, None, 0, 40, 200, 400])
        self.proxy.delay_s = self.lots.choice([0.0, 0.0, 0.0, 0.01])


def ask_until_answered(road: Road, key: str, body: Mapping[str, str]) -> Mapping[str, str]:
    """Post a withdrawal until a whole answer came back; return it."""
    while True:
        road.tries += 1
        road.worsen()
        found = _ask_once(road.proxy.port, key, body)
        if found is not None:
            return found


def _ask_once(port: int, key: str, body: Mapping[str, str]) -> Mapping[str, str] | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    try:
        connection.request("POST", "/v1/withdrawals", json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    assert answer.status in _ANSWERED, text
    found: dict[str, str] = json.loads(text)
    return found


@contextmanager
def lossy_road(path: Path, lots: random.Random) -> Iterator[Road]:
    """Put a faulty TCP connection in front of a Unix socket for a `with` block."""
    with _bridge(path) as port, tcp_proxy(port) as proxy:
        yield Road(proxy, lots)


@contextmanager
def _bridge(path: Path) -> Iterator[int]:
    """Let whoever connects to a free TCP port speak with a Unix socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_accept, args=(listener, path), daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _accept(listener: socket.socket, path: Path) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.connect(str(path))
        for ends in ((client, server), (server, client)):
            threading.Thread(target=_pump, args=ends, daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
