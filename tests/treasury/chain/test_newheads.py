"""Announcements of new blocks wake, whatever they say, and never too often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from websockets.sync.server import ServerConnection

from tests.fakes.ws_node import chain_talk, ws_node
from treasury.chain.newheads import HeadListener
from treasury.chain.rpc import RpcClient
from treasury.chain.websocket import WebSocketTransport

pytestmark = pytest.mark.sockets
NEWS = '{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x5","result":{}}}'
RESULTS = {"eth_chainId": "0x7a69", "eth_subscribe": "0x5"}
SOON_S = 5.0


class Wakes:
    """Counts calls and lets a test wait for the next one."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = threading.Condition()

    def __call__(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def reach(self, count: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.count >= count, SOON_S)


@contextmanager
def _listening(url: str, wakes: Callable[[], object]) -> Iterator[HeadListener]:
    transport = WebSocketTransport(url)
    listener = HeadListener(transport, RpcClient(transport, chain_id=31337, deadline_s=2), wakes)
    listener.start()
    try:
        yield listener
    finally:
        listener.stop()


def test_a_new_block_wakes_at_once() -> None:
    """One call when listening begins, and one for each announcement."""
    mined = threading.Event()

    def then(connection: ServerConnection) -> None:
        mined.wait(SOON_S)
        connection.send(NEWS)

    wakes = Wakes()
    with ws_node(chain_talk(RESULTS, then)) as url, _listening(url, wakes):
        assert wakes.reach(1)
        mined.set()
        assert wakes.reach(2)


def test_a_flood_wakes_only_now_and_then() -> None:
    """A node that announces thousands of blocks cannot keep a lane running hot."""

    def then(connection: ServerConnection) -> None:
        for _ in range(2000):
            connection.send(NEWS)

    wakes = Wakes()
    begun = time.monotonic()
    with ws_node(chain_talk(RESULTS, then)) as url, _listening(url, wakes):
        assert wakes.reach(4)
        assert time.monotonic() - begun >= 0.4


@pytest.mark.parametrize(
    "junk", ["[]", "not json", '{"params":{"subscription":"0x6"}}', '{"params":null}', '"x"']
)
def test_junk_wakes_nobody_and_ends_nothing(junk: str) -> None:
    """R6.7: what is no announcement of ours is passed over, or the connection begins anew."""

    def then(connection: ServerConnection) -> None:
        connection.send(junk)
        connection.send(NEWS)

    wakes = Wakes()
    with ws_node(chain_talk(RESULTS, then)) as url, _listening(url, wakes):
        assert wakes.reach(2)


def test_a_cut_connection_is_opened_again() -> None:
    """After a while the listener subscribes again, and wakes for what it may have missed."""
    wakes = Wakes()
    with (
        ws_node(chain_talk(RESULTS, lambda connection: connection.close())) as url,
        _listening(url, wakes) as listener,
    ):
        assert wakes.reach(2)
        assert "closed the connection" in listener.last_error


@pytest.mark.parametrize(
    ("results", "why"),
    [
        (RESULTS | {"eth_chainId": "0x1"}, "serves chain 1"),
        (RESULTS | {"eth_subscribe": None}, "wrong shape"),
    ],
)
def test_a_node_that_cannot_announce_is_told(results: dict[str, object], why: str) -> None:
    """Another chain is not listened to, and a refused subscription leaves polling."""
    wakes = Wakes()
    with ws_node(chain_talk(results)) as url, _listening(url, wakes) as listener:
        end = time.monotonic() + SOON_S
        while why not in listener.last_error and time.monotonic() < end:
            time.sleep(0.01)
        assert why in listener.last_error
        assert 0 == wakes.count


def test_stopping_ends_the_thread() -> None:
    """A listener that waits for news ends at once."""
    wakes = Wakes()
    with ws_node(chain_talk(RESULTS)) as url, _listening(url, wakes) as listener:
        assert wakes.reach(1)
        listener.stop()
        listener._thread.join(SOON_S)
        assert not listener._thread.is_alive()
