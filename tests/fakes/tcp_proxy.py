"""A TCP proxy on loopback between a client and a node, which does what bad networks do.

with tcp_proxy(node_port) as proxy:
    proxy.port                     # where the client connects
    proxy.delay_s = 0.2            # every piece of an answer waits so long
    proxy.drip_s = 0.01            # answers pass byte by byte, with a pause after each
    proxy.cut_after = 100          # each connection is cut after so many bytes of answers
    proxy.is_stuck = True          # connections stay open and nothing passes any more
    proxy.is_refusing = True       # new connections are closed at once
    proxy.cut()                    # every connection is cut now
    proxy.target = other_port      # another node answers, on open connections too

At most 64 connections at once, each with a thread that ends with it.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

_CONNECTIONS_MOST = 64
_CHUNK = 65536
_TICK_S = 0.02


class TcpProxy:
    """The listening end and its faults; see the module's text."""

    def __init__(self, target: int) -> None:
        """Listen on a free port; connections go on to `target` on loopback."""
        self.target = target
        self.delay_s = 0.0
        self.drip_s = 0.0
        self.cut_after: int | None = None
        self.is_stuck = False
        self.is_refusing = False
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[_Passage] = set()
        self._stop = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Cut every open connection."""
        for passage in tuple(self._open):
            passage.is_cut = True

    def close(self) -> None:
        """End everything."""
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self.is_refusing or len(self._open) >= _CONNECTIONS_MOST:
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            passage = _Passage(self, client)
            self._open.add(passage)
            try:
                passage.run()
            finally:
                self._open.discard(passage)


class _Passage:
    """One connection: a client, and the node behind it."""

    def __init__(self, proxy: TcpProxy, client: socket.socket) -> None:
        self.is_cut = False
        self._proxy = proxy
        self._client = client
        self._target = proxy.target
        self._passed = 0
        self._node = self._dial()

    def run(self) -> None:
        try:
            while not self.is_cut:
                self._step()
        finally:
            self._node.close()

    def _step(self) -> None:
        ready = self._ready(self._node)
        if self._proxy.is_stuck:
            time.sleep(_TICK_S)
        elif self._client in ready:
            if self._target != self._proxy.target:
                self._node.close()
                self._node = self._dial()
            self._node.sendall(_received(self._client))
        elif self._node in ready:
            self._give(_received(self._node))

    def _dial(self) -> socket.socket:
        self._target = self._proxy.target
        return socket.create_connection(("127.0.0.1", self._target), timeout=5)

    def _ready(self, node: socket.socket) -> list[object]:
        with selectors.DefaultSelector() as selector:
            selector.register(self._client, selectors.EVENT_READ)
            selector.register(node, selectors.EVENT_READ)
            return [key.fileobj for key, _ in selector.select(_TICK_S)]

    def _give(self, data: bytes) -> None:
        proxy = self._proxy
        rest = len(data) if proxy.cut_after is None else max(0, proxy.cut_after - self._passed)
        is_cut_here, data = rest < len(data), data[:rest]
        time.sleep(proxy.delay_s)
        step = 1 if proxy.drip_s else _CHUNK
        for start in range(0, len(data), step):
            if self.is_cut:
                return
            self._client.sendall(data[start : start + step])
            time.sleep(proxy.drip_s)
        self._passed += len(data)
        self.is_cut |= is_cut_here


def _received(source: socket.socket) -> bytes:
    data = source.recv(_CHUNK)
    if not data:
        raise ConnectionResetError
    return data


@contextmanager
def tcp_proxy(target: int | str) -> Iterator[TcpProxy]:
    """Run a proxy in front of a port, or of the port of a URL, for a `with` block."""
    port = target if isinstance(target, int) else urlsplit(target).port
    assert port is not None, "the URL of a node has a port"
    with closing(TcpProxy(port)) as proxy:
        yield proxy
