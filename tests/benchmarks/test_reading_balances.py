"""How much of our time the reading of balances costs, as ratios inside one run, on anvil.

Our own processor time is what counts: the node's is its own, and wall time on a shared machine is
mostly other people's work. Limits have room for a noisy machine; the printed figures have not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import TypeVar

import pytest

from policies.crypto import checksum_address
from tests.fakes.bank import Bank, open_bank
from tests.fakes.nodes import RealNodes
from treasury.chain.node import NodeChain

pytestmark = [pytest.mark.bench, pytest.mark.sockets]
T = TypeVar("T")
TOKENS = 9
ROUNDS = 10
WALLETS = tuple(checksum_address(b"\x51" + n.to_bytes(19, "big")) for n in range(1000))


@pytest.fixture
def bank(real_nodes: RealNodes) -> Iterator[Bank]:
    """Return anvil with the thousand wallets on it."""
    with real_nodes.lend("anvil") as real:
        found = open_bank(real, WALLETS, tokens=TOKENS)
        for token in found.tokens:
            found.deployer.mint(token, WALLETS, 10**12)
        yield found


def _spent(work: Callable[..., T], *args: object) -> tuple[float, float, T]:
    """Return processor seconds of this process, wall seconds, and what the work returned."""
    wall, own = time.perf_counter(), time.process_time()
    result = work(*args)
    return time.process_time() - own, time.perf_counter() - wall, result


def _reads(bank: Bank, chain: NodeChain, wallets: int, rounds: int) -> list[tuple[float, float]]:
    request, spent = bank.request(wallets), []
    for _ in range(rounds):
        bank.deployer.mint(bank.tokens[0], WALLETS[:wallets], 1)
        at = chain.head()
        own, wall, readings = _spent(chain.read_balances, request, at)
        spent.append((own, wall))
        assert readings.is_complete()
    return spent


def test_a_balance_costs_a_fraction_of_a_web3_call(bank: Bank) -> None:
    """100 wallets x 10 assets: 1,500 times less of our processor than one web3.py call each."""
    ratios, ours = [], []
    with bank.real.connect() as chain, bank.one_by_one(10) as one_by_one:
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


def test_an_unchanged_reply_is_not_decoded_again(bank: Bank) -> None:
    """When nothing moved since the last block, a reading spares what decoding costs.

    Two thirds of a reading are its thousand nonces and the transport, which nothing spares. The
    two kinds take turns, so that a busy neighbour slows both.
    """
    request = bank.request(1000)
    changed: list[float] = []
    again: list[float] = []
    with bank.real.connect() as chain:
        for _ in range(ROUNDS):
            changed.extend(own for own, _ in _reads(bank, chain, 1000, 1))
            bank.real.node.mine()
            again.append(_spent(chain.read_balances, request, chain.head())[0])
    per_balance = [min(spent) * 1e6 / 10_000 for spent in (again, changed)]
    print("\nunchanged: {:.2f} us, changed: {:.2f} us".format(*per_balance))
    assert min(again) <= min(changed) * 0.8
