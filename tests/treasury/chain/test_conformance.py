"""The chain in memory and the development chain behave alike, so that tests on one mean the other.

Both are driven through the same port; the development chain answers in process, without a socket.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from config.settings import Finality, FinalityKind
from policies.crypto import keccak256, parse_address
from policies.terms import NATIVE, Stamp
from tests.fakes.chain import FakeChain
from tests.fakes.devchain import ALICE, BOB, ETHER, GWEI, AskedChain, ask_chain, signed
from treasury.chain.errors import MissingBlockError
from treasury.chain.node import NodeChain
from treasury.chain.port import Chain, ReadRequest, Receipt, SendKind
from treasury.chain.rpc import RpcClient
from treasury.chain.transport import HttpTransport

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


@pytest.fixture(params=["in memory", "development chain"])
def world(request: pytest.FixtureRequest) -> World:
    """Return each of the two chains, Alice holding 100 ether."""
    if request.param == "in memory":
        fake = FakeChain()
        fake.fund(SENDER, 100 * ETHER)
        return World(fake, fake.mine, fake.reorg)
    asked = ask_chain()
    rpc = RpcClient(_InProcess(asked), chain_id=31337, deadline_s=5)
    chain = NodeChain(rpc, Finality(kind=FinalityKind.DEPTH, depth_blocks=2))
    return World(chain, lambda: asked.ask("evm_mine"), lambda n: asked.ask("anvil_reorg", n, []))


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
        world.send(0, maxFeePerGas=10 * GWEI + 1),
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
    """It is accepted, it is not mined, and a higher bid on its nonce is."""
    cheap = {"maxFeePerGas": GWEI // 2, "maxPriorityFeePerGas": 0}
    assert world.send(0, **cheap) is SendKind.ACCEPTED
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
    assert world.send(0) is SendKind.KNOWN
    world.mine()
    assert world.receipt(0) is not None


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
