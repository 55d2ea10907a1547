"""A WebSocket server on loopback that treats every connection as the test says.

with ws_node(lambda connection: connection.send("hello")) as url: ...
with ws_node(chain_talk({"eth_subscribe": "0xs"})) as url: ...   # answers from a table of results
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

Behaviour = Callable[[ServerConnection], None]


@contextmanager
def ws_node(behaviour: Behaviour) -> Iterator[str]:
    """Serve on a free port for a `with` block."""

    def treat(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            behaviour(connection)

    quiet = logging.getLogger("tests.ws_node")
    quiet.setLevel(logging.CRITICAL)
    with serve(treat, "127.0.0.1", 0, close_timeout=0.1, logger=quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join(5)


def chain_talk(results: Mapping[str, Any], then: Behaviour = lambda _: None) -> Behaviour:
    """Answer calls from a table; after `eth_subscribe` do what `then` says."""

    def behave(connection: ServerConnection) -> None:
        for message in connection:
            decoded = msgspec.json.decode(message)
            calls = decoded if isinstance(decoded, list) else [decoded]
            answers = [
                {"jsonrpc": "2.0", "id": c["id"], "result": results.get(c["method"])} for c in calls
            ]
            body = answers if isinstance(decoded, list) else answers[0]
            connection.send(msgspec.json.encode(body).decode())
            if calls[0]["method"] == "eth_subscribe":
                then(connection)

    return behave
