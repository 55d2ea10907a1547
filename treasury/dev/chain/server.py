"""Serves a development chain over HTTP on loopback, with keep-alive, one thread per connection."""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

from treasury.dev.chain.dispatch import Dispatcher
from treasury.dev.chain.ledger import DevelopmentChain
from treasury.dev.chain.methods_dev import DevelopmentMethods
from treasury.dev.chain.methods_eth import EthMethods
from treasury.dev.chain.miner import Miner

_BODY_LIMIT = 32 * 1024 * 1024
_IDLE_S = 300


class NotLoopbackError(ValueError):
    """The address to listen on is not a loopback address."""


class ChainServer(ThreadingHTTPServer):
    """The HTTP end of one development chain, and the miner beside it."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Let a client leave in the middle of a word, as a killed daemon does; tell the rest."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def __init__(
        self, chain: DevelopmentChain, *, host: str, port: int, block_time_s: float
    ) -> None:
        """Listen at once; raises `NotLoopbackError` for any address that others can reach."""
        require_loopback(host)
        lock = threading.RLock()
        self.has_failed = False
        self.miner = Miner(chain.mine, lock, interval_s=block_time_s, on_failure=self._fail)
        development = DevelopmentMethods(chain, self.miner.set_interval)
        self.dispatcher = Dispatcher(EthMethods(chain).table() | development.table(), lock)
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Return the URL that clients use."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def serve(self) -> None:
        """Mine and answer until `shutdown` is called from another thread, or mining breaks."""
        self.miner.start()
        try:
            self.serve_forever(poll_interval=0.1)
        finally:
            self.miner.stop()
            self.server_close()

    def _fail(self) -> None:
        self.has_failed = True
        self.shutdown()


def require_loopback(host: str) -> None:
    """Raise `NotLoopbackError` unless `host` is a numeric loopback address of IPv4."""
    try:
        is_loopback = ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise NotLoopbackError(
            f"{host} is not a loopback address: a development chain gives money to everyone "
            "who asks, so it listens on 127.0.0.1 only"
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    # Head and body leave in one segment; two writes would wait for a delayed acknowledgement.
    wbufsize = -1

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _BODY_LIMIT:
            self.close_connection = True
            self._reply(HTTPStatus.BAD_REQUEST, b"a Content-Length up to 32 MiB is needed")
            return
        body = self.rfile.read(int(length))
        server = cast("ChainServer", self.server)
        self._reply(HTTPStatus.OK, server.dispatcher.answer(body))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base
        """Stay silent: one line per request is noise."""

    def _reply(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
