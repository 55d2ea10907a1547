"""Every way of reading, on real nodes, with tokens that do not behave."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from policies.crypto import checksum_address
from policies.terms import NATIVE, Address, Stamp
from tests.fakes.nodes import CHAIN_ID, DEPTH_2, RealNode
from treasury.chain import reader
from treasury.chain.chunks import Way
from treasury.chain.errors import MissingBlockError
from treasury.chain.multicall import CANONICAL, Multicall
from treasury.chain.node import NodeChain
from treasury.chain.packed_reader import PackedReader
from treasury.chain.port import Readings, ReadRequest
from treasury.chain.quick_reader import QuickReader
from treasury.chain.rpc import RpcClient
from treasury.chain.transport import HttpTransport
from treasury.dev.contracts.deploy import Contract, Deployer

pytestmark = pytest.mark.sockets
WALLETS = tuple(checksum_address(bytes([0xA0]) + n.to_bytes(19, "big")) for n in range(1, 6))
NOBODY = checksum_address(b"\x99" * 20)
DELEGATED = bytes.fromhex("ef0100") + b"\x77" * 20
EVERYTHING = 2**255


class Street:
    """A node, tokens on it, and its client."""

    def __init__(self, real: RealNode) -> None:
        self.real = real
        self.rpc = RpcClient(HttpTransport(real.url), chain_id=CHAIN_ID, deadline_s=60)
        self.deployer = Deployer(real.node)
        self.deployer.fund()
        self.good = self.deployer.deploy("MintableToken", "Good", "GOOD", 6)
        self.thirsty = self.deployer.deploy("GuzzlingToken", "Thirsty", "GULP", 18)
        self.multicall = self.deployer.deploy("Multicall").address
        for token in (self.good, self.thirsty):
            self.deployer.mint(token, WALLETS, 1000)
        real.node.set_balance(WALLETS[0], 5)

    @property
    def ways(self) -> tuple[Way, ...]:
        return (PackedReader(), Multicall(self.multicall))

    def head(self) -> Stamp:
        return NodeChain(self.rpc, DEPTH_2).head()

    def read(self, *ways: Way, at: Stamp | None = None) -> Readings:
        assets: tuple[Address, ...] = (NATIVE, self.good.address, self.thirsty.address, NOBODY)
        request = ReadRequest(wallets=WALLETS, assets=assets, with_code=True)
        if not ways:
            return reader.read_balances(self.rpc, request, at or self.head())
        return QuickReader(self.rpc, ways).read_balances(request, at or self.head())

    def close(self) -> None:
        self.rpc.close()


@pytest.fixture
def street(dev_chain: RealNode) -> Iterator[Street]:
    """Return the tokens on a node, five wallets holding 1000 of each."""
    with closing(Street(dev_chain)) as made:
        yield made


def test_all_ways_tell_the_same(street: Street) -> None:
    """Native coin, a good token, no contract at all; nonces and code with them."""
    street.real.node.call("anvil_setCode", WALLETS[3], "0x" + DELEGATED.hex())
    street.real.node.mine()
    plain = street.read()
    for way in street.ways:
        assert street.read(way) == plain
    assert plain.balance(WALLETS[0], NATIVE) == 5
    assert plain.balance(WALLETS[4], street.good.address) == 1000
    assert {plain.balance(wallet, NOBODY) for wallet in WALLETS} == {None}
    assert plain.nonces == dict.fromkeys(WALLETS, 0)
    assert plain.codes[WALLETS[3]] == DELEGATED


@pytest.mark.parametrize("thirst", [50_000, 150_000, EVERYTHING])
def test_a_token_that_burns_gas_harms_only_itself(street: Street, thirst: int) -> None:
    """A balance that takes any amount of gas to tell is known or unknown; the others are known."""
    street.deployer.do(street.thirsty, "setThirst", 0, thirst)
    for way in street.ways:
        readings = street.read(way)
        assert {readings.balance(w, street.good.address) for w in WALLETS} == {1000}
        expected = None if thirst == EVERYTHING else 1000
        assert {readings.balance(w, street.thirsty.address) for w in WALLETS} == {expected}


def test_a_node_without_the_multicall_is_read_all_the_same(street: Street) -> None:
    """At an address without code the call answers nothing, and plain calls answer."""
    assert street.read(Multicall(CANONICAL)) == street.read()


def test_an_old_block_is_read_as_it_was(street: Street) -> None:
    """Every way reads the block of the stamp, not the head."""
    before = street.head()
    street.deployer.mint(street.good, WALLETS, 1)
    after = street.head()
    for way in street.ways:
        amounts = [
            street.read(way, at=at).balance(WALLETS[1], street.good.address)
            for at in (before, after)
        ]
        assert amounts == [1000, 1001]


def test_a_block_that_a_reorg_took_is_refused(street: Street) -> None:
    """The old stamp raises, whichever way is taken."""
    street.real.node.mine()
    old = street.head()
    street.real.node.call("anvil_reorg", 1, [])
    for ways in ((), *((way,) for way in street.ways)):
        with pytest.raises(MissingBlockError):
            street.read(*ways, at=old)


def test_a_token_with_27_decimals_overflows_nothing(street: Street) -> None:
    """A thousand million units of 27 decimals are told to the last digit."""
    big: Contract = street.deployer.deploy("MintableToken", "Big", "BIG", 27)
    amount = 10**36 + 1
    street.deployer.mint(big, WALLETS, amount)
    request = ReadRequest(wallets=WALLETS, assets=(NATIVE, big.address))
    for way in street.ways:
        readings = QuickReader(street.rpc, [way]).read_balances(request, street.head())
        assert {readings.balance(w, big.address) for w in WALLETS} == {amount}
