"""A receiver of webhooks and heartbeats: a real HTTP server on loopback that keeps what came.

with receiving(secret) as receiver:
    receiver.url                       # where to post
    receiver.answers.append(503)       # the next answer; afterwards 200 again
    receiver.is_dripping = True        # answers a byte at a time, for ever
    receiver.bodies                    # every accepted document, decoded
    receiver.numbers                   # delivery numbers of all requests, accepted or not
    receiver.forged                    # requests whose signature was wrong or missing

It checks signatures by its own code, from the page that describes them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """What a receiver remembers; see the module's text."""

    def __init__(self, secret: bytes | None) -> None:
        self.secret = secret
        self.answers: list[int] = []
        self.is_dripping = False
        self.bodies: list[dict[str, Any]] = []
        self.numbers: list[str] = []
        self.forged: list[bytes] = []
        self.stopped = threading.Event()
        self.url = ""

    def take(self, headers: Message, body: bytes) -> int:
        """Check and keep one request; return the status to answer."""
        self.numbers.append(headers.get("Treasury-Delivery", ""))
        if self.secret is not None and not self._is_signed(headers, body):
            self.forged.append(body)
            return 401
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.bodies.append(json.loads(body))
        return status

    def _is_signed(self, headers: Message, body: bytes) -> bool:
        assert self.secret is not None
        parts = dict(p.split("=", 1) for p in headers.get("Treasury-Signature", "=").split(","))
        signed = parts.get("t", "").encode() + b"." + body
        expected = hmac.new(self.secret, signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, parts.get("v1", ""))


@contextmanager
def receiving(secret: bytes | None = None) -> Iterator[Receiver]:
    """Listen on a free port of this machine for the length of a `with` block."""
    receiver = Receiver(secret)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook?of=treasury"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take(self.headers, body)
            if receiver.is_dripping:
                self._drip()
                return
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

        def _drip(self) -> None:
            try:
                for letter in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: " + b"z" * 10_000:
                    if receiver.stopped.is_set():
                        return
                    self.wfile.write(bytes([letter]))
                    self.wfile.flush()
                    time.sleep(0.05)
            except OSError:
                return

    return Handler
