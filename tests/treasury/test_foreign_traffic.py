"""Traffic of strangers aimed at us, on anvil: it costs a tick nothing, and isolates nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_abi.abi import encode

from config.settings import Finality, FinalityKind
from tests.fakes.bank import Bank, open_bank
from tests.fakes.crowd import CHAIN_ID, DECIMALS, WHOLE, Crowd, crowd_law
from tests.fakes.nodes import RealNode, RealNodes
from tests.laws import address_of
from treasury.chain.dial import transport_for
from treasury.chain.node import NodeChain
from treasury.chain.rpc import RpcClient, Transport
from treasury.dev.contracts.deploy import Contract, calldata
from treasury.ledger.queries import standings, watch

pytestmark = [pytest.mark.sockets, pytest.mark.usefixtures("quiet")]
WALLETS = tuple(address_of(f"hot-{n}") for n in range(10))
EACH = 10_000
"""How many logs or inflows of each kind there are in the one block."""
AT_ONCE = 500
_AGGREGATE = "0x82ad56cb"
GAS_OF_BLOCK = 1_000_000_000


class CountingTransport:
    """A transport that counts calls and bytes."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.name = inner.name
        self.traffic: list[tuple[int, int]] = []

    @property
    def is_open(self) -> bool:
        return self.inner.is_open

    def open(self, deadline: float) -> None:
        self.inner.open(deadline)

    def exchange(self, body: bytes, deadline: float) -> tuple[int, bytes]:
        status, answer = self.inner.exchange(body, deadline)
        self.traffic.append((len(body), len(answer)))
        return status, answer

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def anvil(real_nodes: RealNodes) -> Iterator[RealNode]:
    """Return anvil with blocks that hold a lot."""
    with real_nodes.lend("anvil") as real:
        real.node.call("evm_setBlockGasLimit", hex(GAS_OF_BLOCK))
        yield real


def spam(bank: Bank, fake: Contract, batch: Contract) -> int:
    """Put forged logs, zero transfers in our name and crumbs into one block; count transactions."""
    node, deployer, real = bank.real.node, bank.deployer, bank.tokens[0]
    thief = address_of("thief")
    node.call("evm_setAutomine", False)
    nothing = calldata(real.artifact, "transferFrom", (WALLETS[0], thief, 0))
    calls = encode(["(address,bool,bytes)[]"], [[(real.address, False, nothing)] * AT_ONCE])
    node.set_balance(thief, 10**24)
    node.call("anvil_impersonateAccount", thief)
    batched = {
        "from": thief,
        "to": batch.address,
        "data": _AGGREGATE + calls.hex(),
        "gas": hex(GAS_OF_BLOCK // 30),
    }
    for _ in range(EACH // AT_ONCE):
        deployer.submit(fake, "mintMany", [WALLETS[0]] * AT_ONCE, 10**30)
        node.call("eth_sendTransaction", batched)
        deployer.submit(real, "mintMany", [WALLETS[1]] * AT_ONCE, 1)
    node.mine()
    node.call("evm_setAutomine", True)
    block = node.call("eth_getBlockByNumber", "latest", False)
    logs = node.call("eth_getLogs", {"blockHash": block["hash"]})
    assert 3 * EACH == len(logs)
    return len(block["transactions"])


def seen(crowd: Crowd, bank: Bank) -> tuple[int, int]:
    """Return the newest block that was looked at, and how many crumbs it showed."""
    with crowd.ledger.read() as session:
        found = watch.newest(session, CHAIN_ID)
    assert found is not None
    balance = found[1].balance(WALLETS[1], bank.tokens[0].address)
    assert balance is not None
    return found[1].stamp.number, balance - WHOLE * 10**DECIMALS


def test_spam_neither_isolates_nor_slows(anvil: RealNode, directory: Path) -> None:
    """R2.15: 10,000 forged logs, zero transfers and crumbs each: seen at once, calm, no more work.

    The tick after the block asks as often as a calm one, and its head is that very block.
    """
    bank = open_bank(anvil, WALLETS, tokens=2)
    bank.fund(WALLETS, WHOLE * 10**18, WHOLE * 10**DECIMALS)
    fake = bank.deployer.deploy("MintableToken", "Token 1", "T1", DECIMALS)
    batch = bank.deployer.deploy("Multicall")
    wire = CountingTransport(transport_for(anvil.url))
    depth = Finality(kind=FinalityKind.DEPTH, depth_blocks=2)
    chain = NodeChain(RpcClient(wire, chain_id=CHAIN_ID, deadline_s=30), depth)
    places = {f"T{n}": token.address for n, token in enumerate(bank.tokens, start=1)}
    crowd = Crowd(directory, chain, law=crowd_law(wallets=len(WALLETS), addresses=places))
    for _ in range(5):
        anvil.node.mine()
        wire.traffic.clear()
        crowd.watch()
    calm = list(wire.traffic)

    transactions = spam(bank, fake, batch)
    wire.traffic.clear()
    crowd.watch()

    assert len(calm) == len(wire.traffic)
    # A node lists the transactions of a block with its header, by their hashes alone.
    hashes = len(wire.traffic) * transactions * 70
    assert sum(map(sum, wire.traffic)) <= sum(map(sum, calm)) + hashes
    assert (anvil.node.number("eth_blockNumber"), EACH) == seen(crowd, bank)
    for _ in range(6):
        anvil.node.mine()
        crowd.watch()
    with crowd.ledger.read() as session:
        found = standings.wallets(session)
    assert {"ACTIVE", "STANDBY", None} == {standing.state for standing in found}
    assert all(standing.is_calm for standing in found)
    crowd.close()
    chain.close()
