"""How much of our time the reading of balances costs, as ratios inside one run, on anvil.

Our own processor time is what counts: the node's is its own, and wall time on a shared machine is
mostly other people's work. Limits have room for a noisy machine; the printed figures have not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

import pytest

from policies.crypto import checksum_address
from policies.terms import NATIVE, Address
from tests.fakes.nodes import RealNode, RealNodes
from treasury.chain.node import NodeChain
from treasury.chain.port import ReadRequest
from treasury.dev.contracts.deploy import Contract, Deployer

pytestmark = [pytest.mark.bench, pytest.mark.sockets]
T = TypeVar("T")
TOKENS = 9
WALLETS = tuple(checksum_address(b"\x51" + n.to_bytes(19, "big")) for n in range(1000))
_BALANCE_OF = [
    {
        "type": "function",
        "name": "balanceOf",
        "stateMutability": "view",
        "inputs": [{"name": "account", "type": "address"}],
        "outputs": [{"name": "", "type": "uint256"}],
    }
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """A thousand wallets that hold native coin and nine tokens."""

    real: RealNode
    deployer: Deployer
    tokens: tuple[Contract, ...]

    def request(self, wallets: int) -> ReadRequest:
        assets: tuple[Address, ...] = (NATIVE, *(token.address for token in self.tokens))
        return ReadRequest(wallets=WALLETS[:wallets], assets=assets)

    def change(self, wallets: int) -> None:
        """Let every wallet's first token change, so that every reply does."""
        self.deployer.mint(self.tokens[0], WALLETS[:wallets], 1)


@pytest.fixture
def bank(real_nodes: RealNodes) -> Iterator[Bank]:
    """Return anvil with the thousand wallets on it."""
    with real_nodes.lend("anvil") as real:
        deployer = Deployer(real.node)
        deployer.fund()
        tokens = tuple(
            deployer.deploy("MintableToken", f"Token {n}", f"T{n}", 6) for n in range(TOKENS)
        )
        for token in tokens:
            deployer.mint(token, WALLETS, 10**12)
        yield Bank(real=real, deployer=deployer, tokens=tokens)


def _spent(work: Callable[..., T], *args: object) -> tuple[float, float, T]:
    """Return processor seconds of this process, wall seconds, and what the work returned."""
    wall, own = time.perf_counter(), time.process_time()
    result = work(*args)
    return time.process_time() - own, time.perf_counter() - wall, result


def _reads(bank: Bank, chain: NodeChain, wallets: int, rounds: int) -> list[tuple[float, float]]:
    request, spent = bank.request(wallets), []
    for _ in range(rounds):
        bank.change(wallets)
        at = chain.head()
        own, wall, readings = _spent(chain.read_balances, request, at)
        spent.append((own, wall))
        assert readings.is_complete()
    return spent


@contextmanager
def _one_by_one(bank: Bank, wallets: int) -> Iterator[Callable[[], None]]:
    """Lend the reading of every cell by a web3.py call of its own."""
    import requests
    from web3 import HTTPProvider, Web3

    with requests.Session() as session:
        eth: Any = Web3(HTTPProvider(bank.real.url, session=session)).eth
        contracts = [eth.contract(address=t.address, abi=_BALANCE_OF) for t in bank.tokens]

        def read() -> None:
            for wallet in WALLETS[:wallets]:
                eth.get_balance(wallet)
                for contract in contracts:
                    contract.functions.balanceOf(wallet).call()

        yield read


def test_a_balance_costs_a_fraction_of_a_web3_call(bank: Bank) -> None:
    """100 wallets x 10 assets: 1,500 times less of our processor than one web3.py call each."""
    ratios, ours = [], []
    with bank.real.connect() as chain, _one_by_one(bank, 10) as one_by_one:
        _reads(bank, chain, 100, 2)
        for _ in range(5):
            theirs = _spent(one_by_one)[0] / 100
            best = min(own for own, _ in _reads(bank, chain, 100, 5)) / 1000
            ours.append(best * 1e6)
            ratios.append(theirs / best)
    print(f"\n100 x 10: {median(ours):.2f} us a balance, nonces included", end="")
    print(f"; a web3.py call costs {median(ratios):,.0f} times as much")
    assert median(ratios) >= 1500


def test_a_thousand_wallets_are_read_within_a_blink(bank: Bank) -> None:
    """1,000 wallets x 10 assets, nonces included, within 150 ms, at about 1 us a balance."""
    with bank.real.connect() as chain:
        spent = _reads(bank, chain, 1000, 7)
    own, wall = median(own for own, _ in spent), median(wall for _, wall in spent)
    print(f"\n1,000 x 10: {wall * 1e3:.0f} ms, of which {own * 1e6 / 10_000:.2f} us a balance ours")
    assert wall <= 0.150
    assert own / 10_000 <= 2e-6


def test_an_unchanged_reply_costs_next_to_nothing(bank: Bank) -> None:
    """When nothing moved, a reading costs less than half of one in which everything did."""
    request = bank.request(1000)
    with bank.real.connect() as chain:
        changed = min(own for own, _ in _reads(bank, chain, 1000, 5))
        at = chain.head()
        again = min(_spent(chain.read_balances, request, at)[0] for _ in range(5))
    print(f"\nunchanged: {again * 1e6 / 10_000:.2f} us, changed: {changed * 1e6 / 10_000:.2f} us")
    assert again <= changed * 0.7
