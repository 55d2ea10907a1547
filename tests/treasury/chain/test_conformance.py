"""The chain in memory and real nodes behave alike, so that tests on one mean the others.

All are driven through the same port: the fake, our development chain in this process and as a
process of its own, and anvil.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from config.settings import Finality, FinalityKind
from policies.crypto import keccak256, parse_address
from policies.terms import NATIVE, Stamp
from tests.fakes.chain import FakeChain
from tests.fakes.devchain import ALICE, BOB, ETHER, GWEI, AskedChain, ask_chain, signed
from tests.fakes.nodes import RealNodes, chosen_nodes
from treasury.chain.errors import MissingBlockError
from treasury.chain.node import NodeChain
from treasury.chain.port import Chain, ReadRequest, Receipt, SendKind
from treasury.chain.rpc import RpcClient
from treasury.chain.transport import HttpTransport

pytestmark = pytest.mark.sockets
SENDER = parse_address(ALICE.address)
HIGHER = {"maxFeePerGas": 20 * GWEI, "maxPriorityFeePerGas": 2 * GWEI}


class _InProcess(HttpTransport):
    """Hands requests to a development chain in this process."""

    def __init__(self, chain: AskedChain) -> None:
        super().__init__("http://in.process")
        self._asked = chain

    @property
    def is_open(self) -> bool:
        return True

    def exchange(self, body: bytes, deadline: float) -> tuple[int, bytes]:
        return 200, self._asked.dispatcher.answer(body)


class World:
    """A chain through the port, and what a test does to it from outside."""

    def __init__(
        self, chain: Chain, mine: Callable[[], object], reorg: Callable[[int], object]
    ) -> None:
        self.chain = chain
        self.mine = mine
        self.reorg = reorg

    def send(self, nonce: int, **changes: object) -> SendKind:
        return self.chain.send(signed(nonce, **changes)).kind

    def receipt(self, nonce: int, **changes: object) -> Receipt | None:
        digest = "0x" + keccak256(signed(nonce, **changes)).hex()
        return self.chain.receipts([digest])[digest]

    def balance(self, at: Stamp) -> int | None:
        request = ReadRequest(wallets=(BOB,), assets=(NATIVE,))
        return self.chain.read_balances(request, at).balance(BOB, NATIVE)


def _in_memory() -> World:
    fake = FakeChain()
    fake.fund(SENDER, 100 * ETHER)
    return World(fake, fake.mine, lambda depth: fake.reorg(depth, grow=0))


def _in_process() -> World:
    asked = ask_chain()
    rpc = RpcClient(_InProcess(asked), chain_id=31337, deadline_s=5)
    chain = NodeChain(rpc, Finality(kind=FinalityKind.DEPTH, depth_blocks=2))
    return World(chain, lambda: asked.ask("evm_mine"), lambda n: asked.ask("anvil_reorg", n, []))


@contextmanager
def _on_a_node(nodes: RealNodes, name: str) -> Iterator[World]:
    with nodes.lend(name) as real, real.connect() as chain:
        real.node.call("evm_setAutomine", False)
        real.node.set_balance(ALICE.address, 100 * ETHER)
        yield World(chain, real.node.mine, lambda n: real.node.call("anvil_reorg", n, []))


@pytest.fixture(params=["in memory", "in process", *chosen_nodes()])
def world(request: pytest.FixtureRequest, real_nodes: RealNodes) -> Iterator[World]:
    """Return each of the chains, Alice holding 100 ether."""
    if request.param == "in memory":
        yield _in_memory()
    elif request.param == "in process":
        yield _in_process()
    else:
        with _on_a_node(real_nodes, request.param) as world:
            yield world


def test_a_payment_from_the_pool_to_finality(world: World) -> None:
    """Sent, waiting, mined with a receipt, and final two blocks later."""
    assert world.send(0) is SendKind.ACCEPTED
    assert world.receipt(0) is None
    world.mine()
    head = world.chain.head()
    receipt = world.receipt(0)
    assert receipt is not None
    assert receipt.succeeded
    assert (receipt.block_number, receipt.block_hash) == (head.number, head.hash)
    assert receipt.gas_used == 21_000
    assert world.balance(head) == ETHER
    assert world.chain.transaction_nonce(SENDER, head) == 1
    world.mine()
    world.mine()
    assert world.chain.finalised(world.chain.head()) == head


def test_the_pool_gives_the_same_answers(world: World) -> None:
    """Known, underpriced, replaced, unfunded, and afterwards too low."""
    kinds = [
        world.send(0),
        world.send(0),
        world.send(0, value=2 * ETHER),
        world.send(0, **HIGHER),
        world.send(1, value=1000 * ETHER),
    ]
    world.mine()
    kinds.append(world.send(0))
    assert kinds == [
        SendKind.ACCEPTED,
        SendKind.KNOWN,
        SendKind.UNDERPRICED,
        SendKind.ACCEPTED,
        SendKind.FUNDS,
        SendKind.NONCE_LOW,
    ]
    assert world.receipt(0) is None
    assert world.receipt(0, **HIGHER) is not None


def test_nonces_are_mined_in_order_and_gaps_wait(world: World) -> None:
    """Nonce 1 alone waits; with nonce 0 both are mined in one block."""
    world.send(1)
    world.mine()
    assert world.receipt(1) is None
    world.send(0)
    world.mine()
    first, second = world.receipt(0), world.receipt(1)
    assert first is not None
    assert second is not None
    assert first.block_hash == second.block_hash


def test_a_transaction_below_the_base_fee_waits(world: World) -> None:
    """It is not mined, and a higher bid on its nonce is."""
    cheap = {"maxFeePerGas": world.chain.fee_market().base_fee // 2, "maxPriorityFeePerGas": 0}
    # Most nodes let it wait for a cheaper block; anvil does not take it.
    assert world.send(0, **cheap) in (SendKind.ACCEPTED, SendKind.UNDERPRICED)
    world.mine()
    assert world.receipt(0, **cheap) is None
    assert world.send(0) is SendKind.ACCEPTED
    world.mine()
    assert world.receipt(0) is not None


def test_a_reorg_takes_the_receipt_and_the_block_back(world: World) -> None:
    """The old stamp is refused, the receipt is none, and the same bytes are mined again."""
    world.send(0)
    world.mine()
    old = world.chain.head()
    world.reorg(1)
    assert world.receipt(0) is None
    with pytest.raises(MissingBlockError):
        world.balance(old)
    with pytest.raises(MissingBlockError):
        world.chain.transaction_nonce(SENDER, old)
    assert world.balance(world.chain.head()) == 0
    # Some nodes keep what was taken back, others forget it: sending again is right for both.
    assert world.send(0).is_with_node
    world.mine()
    assert world.receipt(0) is not None


def test_a_reorg_replaces_as_many_blocks(world: World) -> None:
    """The head keeps its number and changes its hash; what lies below stays."""
    world.mine()
    kept = world.chain.head()
    world.mine()
    world.mine()
    old = world.chain.head()
    world.reorg(2)
    new = world.chain.head()
    assert old.number == new.number
    assert old.hash != new.hash
    assert world.chain.stamp_at(kept.number) == kept


def test_old_blocks_keep_their_facts(world: World) -> None:
    """A reading at an older stamp is what was true then."""
    before = world.chain.head()
    world.send(0)
    world.mine()
    assert world.balance(before) == 0
    assert world.chain.stamp_at(before.number) == before
    with pytest.raises(MissingBlockError):
        world.chain.stamp_at(1000)


def test_the_fee_market_belongs_to_the_head(world: World) -> None:
    """Base fee and tip are told for the newest block."""
    world.mine()
    market = world.chain.fee_market()
    assert market.stamp == world.chain.head()
    assert 0 < market.base_fee <= GWEI
    assert market.priority_fee == GWEI
