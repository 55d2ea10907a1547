"""Who commands a contract, read by state from a node that may say anything."""

from __future__ import annotations

from typing import Any

import pytest

from policies.crypto import keccak256, parse_address
from policies.terms import Stamp
from tests.fakes.node_transport import FakeTransport, RpcFault
from tests.fakes.nodes import RealNode
from treasury.chain.authority import read_authority
from treasury.chain.errors import MissingBlockError
from treasury.chain.rpc import RpcClient
from treasury.dev.contracts.deploy import Deployer

SAFE, OTHER = parse_address("0x" + "5a" * 20), parse_address("0x" + "b0" * 20)
AT = Stamp(number=7, hash=f"0x{7:064x}", time=1007)
GUARD_SLOT = "0x" + keccak256(b"guard_manager.guard.address").hex()
REVERTED = RpcFault(3, "execution reverted")


def read(contracts: tuple[Any, ...] = (SAFE,), **results: object) -> Any:  # noqa: ANN401 - facts
    """Read from a node with these answers."""
    block = {"number": hex(AT.number), "hash": AT.hash, "timestamp": hex(AT.time)}
    wire = FakeTransport({"eth_getBlockByNumber": block, **results})
    return read_authority(RpcClient(wire, chain_id=31337, deadline_s=1), contracts, AT)


def test_every_power_has_its_name() -> None:
    """R2.12: owners, threshold, modules, guard and slot 0 are told apart; absent ones are empty."""

    def said(call: dict[str, str], _pin: object) -> object:
        known = {"0xa0e67e2b": "0x" + "01" * 96, "0xe75235b8": "0x" + "02" * 32}
        return known.get(call["data"][:10], REVERTED)

    def stored(_address: str, slot: str, _pin: object) -> str:
        return "0x" + ("03" if slot == GUARD_SLOT else "04") * 32

    found = read(eth_call=said, eth_getStorageAt=stored)[SAFE]

    assert found["owners"] == "0x" + keccak256(b"\x01" * 96).hex()
    assert found["threshold"] == "0x" + "02" * 32
    assert ("", "") == (found["modules"], found["owner"])
    assert ("0x" + "03" * 32, "0x" + "04" * 32) == (found["guard"], found["master copy"])


def test_what_cannot_be_read_is_left_out() -> None:
    """A node in trouble is no change of owners."""
    busy = RpcFault(-32005, "limit exceeded")
    found = read((SAFE, OTHER), eth_call=busy, eth_getStorageAt="what")

    assert {SAFE: {}, OTHER: {}} == found


def test_a_block_that_is_gone_is_no_answer() -> None:
    """All of it comes from one block, or nothing."""
    other = {"number": hex(AT.number), "hash": f"0x{8:064x}", "timestamp": hex(AT.time)}
    with pytest.raises(MissingBlockError):
        read(eth_call=REVERTED, eth_getStorageAt="0x", eth_getBlockByNumber=other)


@pytest.mark.sockets
def test_a_real_contract_and_a_slot_that_changes(dev_chain: RealNode) -> None:
    """R2.12: the owner of a deployed token is read back, and an overwritten slot 0 shows."""
    if dev_chain.name != "anvil":
        pytest.skip("the other node lets nobody overwrite a slot")
    deployer = Deployer(dev_chain.node)
    deployer.fund()
    token = deployer.deploy("MintableToken", "Good", "GOOD", 6).address
    with dev_chain.connect() as chain:
        before = chain.authority((token,), chain.head())[token]
        dev_chain.node.call("anvil_setStorageAt", token, "0x0", "0x" + "77" * 32)
        dev_chain.node.mine()
        after = chain.authority((token,), chain.head())[token]

    assert before["owner"] not in ("", "0x")
    assert ["master copy"] == [name for name in before if before[name] != after.get(name)]
