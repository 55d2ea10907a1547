"""Listens for new blocks over a WebSocket, so that a lane need not wait for its next look.

What a node announces is never believed, it only wakes: the lane then asks a quorum as always. A
flood of announcements wakes it a few times a second at most, and without any the lane looks by
itself at its own pace.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import msgspec

from treasury.chain.answers import decoded
from treasury.chain.errors import ChainError
from treasury.chain.rpc import RpcClient
from treasury.chain.websocket import WebSocketTransport

_GAP_S = 0.2
_QUIET_S = 60.0
_BACK_OFF_S = 1.0
_BACK_OFF_MOST_S = 60.0


class _Params(msgspec.Struct):
    subscription: str = ""


class _News(msgspec.Struct):
    method: str = ""
    params: _Params | None = None


_NEWS = msgspec.json.Decoder(_News)
_ID = msgspec.json.Decoder(str)


class HeadListener:
    """A thread that calls `on_head` whenever one endpoint tells of a new block."""

    def __init__(
        self,
        transport: WebSocketTransport,
        rpc: RpcClient,
        on_head: Callable[[], object],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Subscribe through `rpc`, which checks the chain, and listen on its `transport`."""
        self.name = transport.name
        self.last_error = ""
        self._transport = transport
        self._rpc = rpc
        self._on_head = on_head
        self._monotonic = monotonic
        self._stop = threading.Event()
        self._back_off_s = _BACK_OFF_S
        self._thread = threading.Thread(
            target=self._run, name=f"new heads of {self.name}", daemon=True
        )

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, cutting the connection that it waits on."""
        self._stop.set()
        self._transport.interrupt()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except ChainError as error:
                self.last_error = str(error)
            self._rpc.close()
            self._stop.wait(self._back_off_s)
            self._back_off_s = min(2 * self._back_off_s, _BACK_OFF_MOST_S)

    def _listen(self) -> None:
        subscription = decoded(_ID, self._rpc.call("eth_subscribe", "newHeads"))
        # Whatever was mined while nobody listened is news as well.
        self._on_head()
        heard_at = self._monotonic()
        while not self._stop.is_set():
            message = self._transport.receive(heard_at + _QUIET_S)
            news = decoded(_NEWS, msgspec.Raw(message))
            if news.params is not None and news.params.subscription == subscription:
                heard_at, self._back_off_s = self._monotonic(), _BACK_OFF_S
                self._on_head()
                self._stop.wait(_GAP_S)
