"""The client uses nothing of an answer that is not exactly an answer to its question."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Anchor
from tests.fakes.node_transport import FakeTransport, RpcFault
from treasury.chain.errors import (
    BadAnswerError,
    Blame,
    ChainError,
    NodeError,
    UnavailableError,
    WrongChainError,
)
from treasury.chain.rpc import Call, RpcClient
from treasury.chain.transport import StaleConnectionError


def _client(wire: FakeTransport, *, batch_limit: int = 500) -> RpcClient:
    return RpcClient(wire, chain_id=31337, deadline_s=1, batch_limit=batch_limit)


def test_answers_come_back_in_the_order_of_the_questions() -> None:
    """A node may answer a batch in any order; ids put it right."""
    wire = FakeTransport({"eth_getBalance": lambda address, _at: address})
    wire.mangle = lambda answers: answers[::-1]
    found = _client(wire).batch([Call("eth_getBalance", (f"0x{i}", "latest")) for i in range(3)])
    assert [b'"0x0"', b'"0x1"', b'"0x2"'] == [
        bytes(raw) for raw in found if not isinstance(raw, NodeError)
    ]


def test_large_batches_are_cut_into_parts() -> None:
    """No request holds more calls than the limit."""
    wire = FakeTransport({"eth_blockNumber": "0x1"})
    found = _client(wire, batch_limit=2).batch([Call("eth_blockNumber")] * 5)
    assert len(found) == 5
    assert [len(batch) for batch in wire.batches] == [1, 2, 2, 1]


def test_an_error_of_one_call_leaves_the_others() -> None:
    """A failed call is a value in its place, with the node's code."""
    wire = FakeTransport({"eth_call": RpcFault(3, "execution reverted"), "eth_blockNumber": "0x1"})
    failed, fine = _client(wire).batch([Call("eth_call"), Call("eth_blockNumber")])
    assert isinstance(failed, NodeError)
    assert failed.code == 3
    assert not isinstance(fine, NodeError)


def test_another_chain_behind_the_url_is_found_before_anything_is_asked() -> None:
    """The chain id is compared first, and the operator is told what to do."""
    wire = FakeTransport({"eth_chainId": "0x1", "eth_blockNumber": "0x1"})
    with pytest.raises(WrongChainError, match="serves chain 1, the law says 31337") as caught:
        _client(wire).call("eth_blockNumber")
    assert caught.value.blame is Blame.OPERATOR
    assert [["eth_chainId"]] == [[r["method"] for r in batch] for batch in wire.batches]
    assert not wire.is_open


def test_every_new_connection_is_checked_again() -> None:
    """A node that changes its chain between two connections is caught."""
    wire = FakeTransport({"eth_blockNumber": "0x1"})
    client = _client(wire)
    client.call("eth_blockNumber")
    client.close()
    wire.results["eth_chainId"] = "0x1"
    with pytest.raises(WrongChainError):
        client.call("eth_blockNumber")


def test_a_connection_that_went_stale_is_replaced_once() -> None:
    """A used connection that the node closed is opened again without anyone noticing."""
    wire = FakeTransport({"eth_blockNumber": "0x1"})
    client = _client(wire)
    client.call("eth_blockNumber")
    wire.failures.append(StaleConnectionError("closed"))
    assert bytes(client.call("eth_blockNumber")) == b'"0x1"'
    assert wire.opened == 2


def test_a_fresh_connection_that_is_cut_is_not_tried_again() -> None:
    """A node that cuts every connection is unavailable, not a loop."""
    wire = FakeTransport({"eth_blockNumber": "0x1"})
    wire.failures += [StaleConnectionError("closed")] * 2
    with pytest.raises(UnavailableError):
        _client(wire).call("eth_blockNumber")
    assert wire.opened == 1


Mangle = Callable[[list[Any]], Any]
LIES: list[tuple[str, Mangle]] = [
    ("one is missing", lambda a: a[:-1]),
    ("one is too many", lambda a: [*a, a[0]]),
    ("an id is another's", lambda a: [a[0], {**a[1], "id": 999}]),
    ("an id comes twice", lambda a: [a[0], {**a[1], "id": a[0]["id"]}]),
    ("an id is text", lambda a: [a[0], {**a[1], "id": "2"}]),
    ("an id is null", lambda a: [a[0], {**a[1], "id": None}]),
    ("a result is missing", lambda a: [a[0], {"id": a[1]["id"]}]),
    ("an answer is no object", lambda a: [a[0], 7]),
    ("everything is null", lambda _: None),
    ("it is a number", lambda _: 5),
]


@pytest.mark.parametrize(("lie", "mangle"), LIES, ids=[lie for lie, _ in LIES])
def test_a_batch_that_does_not_fit_is_refused_as_a_whole(lie: str, mangle: Mangle) -> None:
    """R6.7: nothing of a wrong batch is used, the world is blamed, the connection is dropped."""
    wire = FakeTransport({"eth_blockNumber": "0x1"})
    wire.mangle = mangle
    with pytest.raises(BadAnswerError) as caught:
        _client(wire).batch([Call("eth_blockNumber")] * 2)
    assert caught.value.blame is Blame.WORLD
    assert not wire.is_open


BODIES = [
    b"",
    b"<html>502</html>",
    b"null",
    b"NaN",
    b'{"id":2,"result":NaN}',
    b'{"id":2,"result":"0x1"',
    b'{"id":2}',
    b'{"id":2,"result":"0x1","id":3}',
    b"\xff\xfe",
    b"[" * 100_000,
    b'[{"id":2,"result":"0x1"},]',
]


@pytest.mark.parametrize("body", BODIES, ids=[repr(b[:30]) for b in BODIES])
def test_garbage_is_a_bad_answer(body: bytes) -> None:
    """R6.7: HTML, NaN, truncated, nested, duplicate and undecodable bodies are all refused."""
    wire = FakeTransport()
    wire.bodies.append(body)
    with pytest.raises(BadAnswerError):
        _client(wire).call("eth_blockNumber")


@given(st.binary(max_size=200))
def test_no_body_raises_anything_but_a_chain_error(body: bytes) -> None:
    """R6.7: arbitrary bytes end in an answer or a `ChainError`."""
    wire = FakeTransport()
    wire.bodies.append(body)
    with contextlib.suppress(ChainError):
        _client(wire).call("eth_blockNumber")


def test_a_failing_status_with_html_is_unavailable() -> None:
    """A gateway's error page is the node's absence, not a lie."""
    wire = FakeTransport()
    wire.status = 502
    wire.bodies.append(b"<html>Bad Gateway</html>")
    with pytest.raises(UnavailableError, match="HTTP status 502"):
        _client(wire).call("eth_blockNumber")


def test_a_request_that_is_refused_as_a_whole_tells_the_nodes_reason() -> None:
    """One error object for a whole batch is the node's error, not garbage."""
    wire = FakeTransport()
    wire.status = 429
    wire.bodies.append(b'{"jsonrpc":"2.0","id":null,"error":{"code":429,"message":"slow down"}}')
    with pytest.raises(NodeError, match="slow down"):
        _client(wire).batch([Call("eth_blockNumber")] * 3)


def test_text_of_a_node_cannot_write_into_our_log() -> None:
    """R7.7: control characters are escaped and long texts are cut."""
    fault = RpcFault(-32000, "\x1b[31mred\nline\u202e" + "x" * 500)
    with pytest.raises(NodeError) as caught:
        _client(FakeTransport({"eth_call": fault})).call("eth_call")
    assert caught.value.text.isprintable()
    assert caught.value.text.isascii()
    assert len(caught.value.text) == 200


def test_messages_do_not_show_the_path_of_the_url() -> None:
    """A key inside a URL never reaches a message."""
    wire = FakeTransport()
    wire.bodies.append(b"<html>")
    with pytest.raises(BadAnswerError) as caught:
        _client(wire).call("eth_blockNumber")
    assert "node.example:8545" in str(caught.value)
    assert "http" not in str(caught.value)


GENESIS = {"number": "0x0", "hash": "0x" + "ab" * 32, "timestamp": "0x1"}


def _anchored(block: object, served: str = "0x7a69") -> RpcClient:
    results = {"eth_chainId": served, "eth_getBlockByNumber": block, "eth_blockNumber": "0x1"}
    anchor = Anchor(number=0, hash=GENESIS["hash"])
    return RpcClient(FakeTransport(results), chain_id=31337, deadline_s=1, anchor=anchor)


def test_the_anchor_block_is_compared_at_every_connect() -> None:
    """R4.15: a chain with a borrowed id but another past is another chain."""
    client = _anchored(GENESIS)
    client.call("eth_blockNumber")
    client.close()
    client.call("eth_blockNumber")
    with pytest.raises(WrongChainError, match=r"its block 0 is 0xcdcd.*correct the endpoint"):
        _anchored(GENESIS | {"hash": "0x" + "cd" * 32}).call("eth_blockNumber")
    with pytest.raises(WrongChainError, match="serves chain 1, the law says 31337"):
        _anchored(GENESIS, served="0x1").call("eth_blockNumber")


@pytest.mark.parametrize("block", [None, RpcFault(-32000, "pruned")])
def test_a_node_without_the_anchor_block_is_not_used(block: object) -> None:
    """R4.15: a node that still catches up proves nothing about its chain."""
    with pytest.raises(UnavailableError, match="does not have block 0 yet"):
        _anchored(block).call("eth_blockNumber")
