"""A node on loopback that passes every question on to a real one and changes some of the answers.

with lying_node(real_url, {"eth_getBalance": lambda result: "0x0"}) as url: ...
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import msgspec

Lies = Mapping[str, Callable[[Any], Any]]


@contextmanager
def lying_node(real_url: str, lies: Lies) -> Iterator[str]:
    """Serve on a free port for a `with` block; `lies` may be changed meanwhile."""
    parts = urlsplit(real_url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = _told(lies, body, _forwarded(parts.hostname or "", parts.port or 0, body))
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(5)


def _forwarded(host: str, port: int, body: bytes) -> bytes:
    with closing(http.client.HTTPConnection(host, port, timeout=10)) as connection:
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        return connection.getresponse().read()


def _told(lies: Lies, body: bytes, answer: bytes) -> bytes:
    asked, told = msgspec.json.decode(body), msgspec.json.decode(answer)
    methods = {c["id"]: c["method"] for c in (asked if isinstance(asked, list) else [asked])}
    for one in told if isinstance(told, list) else [told]:
        lie = lies.get(methods.get(one.get("id"), ""))
        if lie is not None and "result" in one:
            one["result"] = lie(one["result"])
    return msgspec.json.encode(told)
