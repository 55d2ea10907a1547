"""The pool against real nodes over real sockets: anvils in step, cut wires, liars, other chains."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.settings import Anchor, ChainSettings, Finality, FinalityKind, Rollup
from policies.crypto import keccak256, parse_address
from policies.terms import NATIVE
from tests.fakes.devchain import ALICE, BOB, ETHER, signed
from tests.fakes.lying_node import lying_node
from tests.fakes.replicas import Replicas, replicas
from tests.fakes.tcp_proxy import TcpProxy, tcp_proxy
from treasury.chain.connect import connect_chain
from treasury.chain.errors import BelowQuorumError, ChainError, WrongChainError
from treasury.chain.pool.pool import ChainPool
from treasury.chain.port import Dissent, ReadRequest, SendKind, Topic
from treasury.chain.rollup import GAS_PRICE_ORACLE

pytestmark = pytest.mark.sockets
WALLET = parse_address(ALICE.address)
REQUEST = ReadRequest(wallets=(WALLET, BOB), assets=(NATIVE,), with_code=True)
DEADLINE_S = 1.0


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Replicas]:
    """Return three nodes of one chain at block 3, Alice holding 100 ether on each."""
    with replicas(3, tmp_path) as found:
        found.set_balance(ALICE.address, 100 * ETHER)
        found.mine(3)
        yield found


@pytest.fixture
def proxies(nodes: Replicas) -> Iterator[list[TcpProxy]]:
    """Return a proxy in front of each node."""
    with ExitStack() as stack:
        yield [stack.enter_context(tcp_proxy(url)) for url in nodes.urls]


def _settings(endpoints: Sequence[str], anchor: Anchor | None = None) -> ChainSettings:
    return ChainSettings(
        name="devnet",
        endpoints=tuple(endpoints),
        finality=Finality(kind=FinalityKind.DEPTH, depth_blocks=2),
        poll_s=1,
        deadline_s=DEADLINE_S,
        stale_after_s=30,
        resend_after_s=5,
        bump_after_s=20,
        vault_in_flight=1,
        hot_in_flight=1,
        anchor=anchor,
    )


@contextmanager
def _pool(endpoints: Sequence[str], anchor: Anchor | None = None) -> Iterator[ChainPool]:
    with closing(connect_chain("devnet", _settings(endpoints, anchor), 31337)) as pool:
        yield pool


def test_a_payment_over_http_websocket_and_ipc_at_once(nodes: Replicas) -> None:
    """Three nodes behind three transports: broadcast to all, mined, agreed on, final."""
    endpoints = [nodes.urls[0], nodes.urls[1].replace("http", "ws"), f"ipc://{nodes.ipc[2]}"]
    digest = "0x" + keccak256(signed(0)).hex()
    with _pool(endpoints) as pool:
        assert SendKind.ACCEPTED is pool.send(signed(0)).kind
        assert {digest: None} == pool.receipts([digest])
        nodes.mine(3)
        head = pool.head()
        assert 6 == head.number
        readings = pool.read_balances(REQUEST, head)
        (receipt,) = pool.receipts([digest]).values()
        assert receipt is not None
        assert ETHER == readings.balance(BOB, NATIVE)
        assert 99 * ETHER - receipt.fee_paid == readings.balance(WALLET, NATIVE)
        assert 1 == pool.transaction_nonce(WALLET, head)
        assert receipt.block_number == pool.finalised(head).number
        assert 0 < pool.fee_market().base_fee
        assert () == tuple(pool.take_dissents())
        assert 3 == pool.health().awake


def test_a_new_block_wakes_whoever_asked_for_it(nodes: Replicas) -> None:
    """One of the endpoints is a WebSocket: its announcement comes without polling."""
    woken = threading.Semaphore(0)
    with _pool([nodes.urls[0], nodes.urls[1].replace("http", "ws"), nodes.urls[2]]) as pool:
        assert 1 == pool.wake_on_heads(woken.release)
        assert woken.acquire(timeout=5)
        nodes.mine()
        assert woken.acquire(timeout=5)


def _zero(_: object) -> str:
    return "0x0"


LIES: dict[str, tuple[str, Callable[[Any], Any], Topic]] = {
    "balance": ("eth_getBalance", _zero, Topic.BALANCE),
    "nonce": ("eth_getTransactionCount", lambda _: "0x9", Topic.NONCE),
    "code": ("eth_getCode", lambda _: "0xef0100" + "11" * 20, Topic.CODE),
    "receipt": ("eth_getTransactionReceipt", lambda _: None, Topic.RECEIPT),
    "status": ("eth_getTransactionReceipt", lambda r: r | {"status": "0x0"}, Topic.RECEIPT),
    "price": (
        "eth_feeHistory",
        lambda h: h | {"baseFeePerGas": [hex(1000 * int(f, 16)) for f in h["baseFeePerGas"]]},
        Topic.FEES,
    ),
    "chain id": ("eth_chainId", lambda _: "0x1", Topic.CHAIN),
    "block": ("eth_getBlockByNumber", lambda b: b | {"hash": "0x" + "1" * 64}, Topic.HEAD),
}


@pytest.mark.parametrize(("method", "lie", "topic"), LIES.values(), ids=LIES)
def test_one_lying_node_of_three(
    nodes: Replicas, method: str, lie: Callable[[Any], Any], topic: Topic
) -> None:
    """R4.7: whatever one real node lies about, the facts stay true and the lie is told."""
    digest = "0x" + keccak256(signed(0)).hex()
    with lying_node(nodes.urls[2], {method: lie}) as liar, _pool([*nodes.urls[:2], liar]) as pool:
        pool.send(signed(0))
        nodes.mine()
        dissents: list[Dissent] = []
        # The pool does not wait for whoever is slowest: look again until the lie was in time.
        for _ in range(20):
            head = pool.head()
            readings = pool.read_balances(REQUEST, head)
            (receipt,) = pool.receipts([digest]).values()
            market = pool.fee_market()
            dissents.extend(pool.take_dissents())
            if topic in {d.topic for d in dissents}:
                break
    assert (4, 1, b"") == (head.number, readings.nonces[WALLET], readings.codes[WALLET])
    assert ETHER == readings.balance(BOB, NATIVE)
    assert receipt is not None
    assert receipt.succeeded
    assert 0 < market.base_fee < 10**9
    assert topic in {d.topic for d in dissents}
    assert {liar.removeprefix("http://")} == {d.endpoint for d in dissents}


def _stick(proxy: TcpProxy) -> None:
    proxy.is_stuck = True


def _refuse(proxy: TcpProxy) -> None:
    proxy.is_refusing = True
    proxy.cut()


def _drip(proxy: TcpProxy) -> None:
    proxy.drip_s = 0.05


def _cut_short(proxy: TcpProxy) -> None:
    proxy.cut_after = 40
    proxy.cut()


def _heal(proxy: TcpProxy) -> None:
    proxy.is_stuck = proxy.is_refusing = False
    proxy.drip_s, proxy.cut_after = 0.0, None


@pytest.mark.parametrize("fault", [_stick, _refuse, _drip, _cut_short])
def test_nodes_go_one_by_one(
    nodes: Replicas, proxies: list[TcpProxy], fault: Callable[[TcpProxy], None]
) -> None:
    """R4.8: one bad wire delays nothing, two end all decisions in time, and all heals by itself."""
    with _pool([proxy.url() for proxy in proxies]) as pool:
        assert 3 == pool.head().number
        fault(proxies[0])
        begun = time.monotonic()
        for _ in range(3):
            nodes.mine()
            assert pool.read_balances(REQUEST, pool.head()).is_complete()
        assert time.monotonic() - begun < 3 * 2 * DEADLINE_S
        fault(proxies[1])
        for decide in (pool.head, pool.fee_market, lambda: pool.receipts(["0x" + "0" * 64])):
            begun = time.monotonic()
            with pytest.raises(BelowQuorumError):
                decide()
            assert time.monotonic() - begun < 1.5 * DEADLINE_S
        assert ["2"] == [str(proxies.index(p)) for p in _seen(pool, proxies)]
        for proxy in proxies[:2]:
            _heal(proxy)
        assert 6 == _eventually(pool.head).number


def _seen(pool: ChainPool, proxies: Sequence[TcpProxy]) -> list[TcpProxy]:
    """Return the proxies through which something is still seen."""
    seen = {sighting.endpoint for sighting in pool.sightings(REQUEST)}
    return [proxy for proxy in proxies if f"127.0.0.1:{proxy.port}" in seen]


def _eventually(ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is asked for
    end = time.monotonic() + 20
    while True:
        try:
            return ask()
        except ChainError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def test_a_node_that_falls_behind_never_decides(nodes: Replicas) -> None:
    """R4.6: a node eight blocks behind is left out, and is no part of a quorum while it is."""
    nodes.mine(8, only=(0, 1))
    with tcp_proxy(nodes.urls[0]) as proxy, _pool([proxy.url(), *nodes.urls[1:]]) as pool:
        assert 11 == pool.head().number
        assert [0, 0, 8] == [e.lag_blocks for e in pool.health().endpoints]
        assert pool.read_balances(REQUEST, pool.head()).is_complete()
        _refuse(proxy)
        with pytest.raises(BelowQuorumError):
            pool.head()
        nodes.mine(8, only=(2,))
        assert 11 == _eventually(pool.head).number


@pytest.mark.parametrize("chain_id", [1, 11155111, 10])
def test_an_endpoint_swapped_behind_a_running_daemon(
    nodes: Replicas, proxies: list[TcpProxy], tmp_path: Path, chain_id: int
) -> None:
    """R4.15: another chain behind the same address, even on open connections, is never read."""
    with replicas(1, tmp_path, chain_id=chain_id) as other:
        other.set_balance(ALICE.address, 7 * ETHER)
        other.mine(5)
        port = int(other.urls[0].rsplit(":", 1)[1])
        with _pool([proxy.url() for proxy in proxies]) as pool, _pool([proxies[0].url()]) as alone:
            assert 3 == pool.head().number == alone.head().number
            proxies[0].target = port
            nodes.mine()
            readings = pool.read_balances(REQUEST, pool.head())
            assert 100 * ETHER == readings.balance(WALLET, NATIVE)
            for decide in (alone.head, alone.fee_market, alone.head):
                with pytest.raises(WrongChainError, match=f"serves chain {chain_id}, the law says"):
                    decide()
            proxies[1].target = proxies[2].target = port
            for _ in range(3):
                with pytest.raises(BelowQuorumError, match=f"serves chain {chain_id}"):
                    pool.head()
            assert () == pool.sightings(REQUEST)
            assert {Topic.CHAIN} == {d.topic for d in pool.take_dissents()}


def test_a_chain_with_a_borrowed_id_is_found_by_its_anchor(nodes: Replicas, tmp_path: Path) -> None:
    """R4.15: the same chain id with another past is another chain at the next connect."""
    anchor = nodes.nodes[0].call("eth_getBlockByNumber", "0x2", False)["hash"]
    (tmp_path / "copy").mkdir()
    with replicas(1, tmp_path / "copy") as other, tcp_proxy(nodes.urls[0]) as proxy:
        other.nodes[0].call("evm_setNextBlockTimestamp", 1_800_000_000)
        other.nodes[0].mine(3)
        with _pool([proxy.url()], Anchor(number=2, hash=anchor)) as pool:
            assert 3 == pool.head().number
            proxy.target = int(other.urls[0].rsplit(":", 1)[1])
            proxy.cut()
            with pytest.raises(WrongChainError, match="its block 2 is"):
                pool.head()


def test_a_rollups_layer_1_fee(nodes: Replicas) -> None:
    """The oracle's contract is asked on every node; here it answers how much it was asked."""
    how_much = "0x365f5260205ff3"  # CALLDATASIZE, stored and returned as one word
    for node in nodes.nodes:
        node.call("anvil_setCode", GAS_PRICE_ORACLE, how_much)
    nodes.mine()
    settings = replace(_settings(nodes.urls), rollup=Rollup.OP_STACK)
    with closing(connect_chain("devnet", settings, 31337)) as pool:
        assert 4 + 32 + 32 + 128 == pool.l1_fee(120)
    with _pool(nodes.urls) as pool:
        assert 0 == pool.l1_fee(120)


def test_a_reorganisation_on_all_nodes(nodes: Replicas) -> None:
    """A mined payment that a reorganisation took back has no receipt, and can be sent again."""
    raw = signed(0)
    digest = "0x" + keccak256(raw).hex()
    with _pool(nodes.urls) as pool:
        pool.send(raw)
        nodes.mine(2)
        assert pool.receipts([digest])[digest] is not None
        for node in nodes.nodes:
            node.call("anvil_reorg", 2, [])
        pool.head()
        assert {digest: None} == pool.receipts([digest])
        assert pool.send(raw).kind.is_with_node
