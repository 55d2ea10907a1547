"""A mirror in front of a development node: tells what it tells, or lies, or keeps silent.

A lying mirror says that every balance is zero and that every account has sent more than it did,
which is what a thief would like a treasury to believe; blocks it tells as they are, so that it
looks alive and up to date.
"""

from __future__ import annotations

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_DEADLINE_S = 30
_BALANCES = ("eth_call", "eth_getBalance")
_FOREIGN = 5


class Mirror:
    """One endpoint before the node at `url`; set `is_lying` and `is_silent` at any time."""

    def __init__(self, url: str) -> None:
        """Listen on a free port of this machine at once."""
        self.is_lying = False
        self.is_silent = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, url))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="mirror", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def bend(self, asked: list[dict[str, Any]], told: list[dict[str, Any]]) -> None:
        """Change answers in place; what is an error or null stays."""
        methods = {request.get("id"): request.get("method") for request in asked}
        for answer in told:
            method, result = methods.get(answer.get("id")), answer.get("result")
            if not isinstance(result, str):
                continue
            if method in _BALANCES:
                answer["result"] = "0x" + "0" * (len(result) - 2)
            elif method == "eth_getTransactionCount":
                answer["result"] = hex(int(result, 16) + _FOREIGN)


def _handler(mirror: Mirror, url: str) -> type[BaseHTTPRequestHandler]:
    place = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if mirror.is_silent:
                self.send_error(503)
                return
            told = _asked(place.hostname or "", place.port or 80, body)
            if mirror.is_lying:
                told = _bent(mirror, body, told)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    return Handler


def _asked(host: str, port: int, body: bytes) -> bytes:
    connection = http.client.HTTPConnection(host, port, timeout=_DEADLINE_S)
    try:
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        return connection.getresponse().read()
    finally:
        connection.close()


def _bent(mirror: Mirror, body: bytes, told: bytes) -> bytes:
    asked, answers = json.loads(body), json.loads(told)
    is_batch = isinstance(asked, list)
    mirror.bend(asked if is_batch else [asked], answers if is_batch else [answers])
    return json.dumps(answers).encode()
