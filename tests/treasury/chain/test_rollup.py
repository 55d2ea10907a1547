"""The layer-1 fee: asked of the rollup's own contract, at one block, and counted in receipts."""

from __future__ import annotations

from typing import Any

import pytest

from config.settings import Finality, FinalityKind, Rollup
from policies.crypto import keccak256
from policies.terms import Stamp
from tests.fakes.node_transport import FakeTransport, RpcFault
from treasury.chain.errors import BadAnswerError, MissingBlockError, NodeError
from treasury.chain.node import NodeChain
from treasury.chain.rollup import GAS_PRICE_ORACLE
from treasury.chain.rpc import RpcClient

HASH = "0x" + "aa" * 32
AT = Stamp(number=5, hash=HASH, time=1005)
BLOCK = {"number": "0x5", "hash": HASH, "timestamp": hex(1005)}


def _wire(**results: Any) -> FakeTransport:  # noqa: ANN401 - JSON
    known = {"eth_getBlockByNumber": BLOCK, "eth_call": f"0x{123456:064x}"}
    return FakeTransport(known | results)


def _chain(wire: FakeTransport, kind: Rollup = Rollup.OP_STACK) -> NodeChain:
    finality = Finality(kind=FinalityKind.DEPTH, depth_blocks=2)
    return NodeChain(RpcClient(wire, chain_id=31337, deadline_s=1), finality, kind=kind)


def test_the_oracle_is_asked_for_bytes_of_that_size_at_the_head() -> None:
    """The call holds as many bytes as the transaction will have, none of them compressible."""
    wire = _wire()
    assert 123456 == _chain(wire).l1_fee(120)
    call = wire.batches[-1][0]
    data = bytes.fromhex(call["params"][0]["data"][2:])
    assert GAS_PRICE_ORACLE == call["params"][0]["to"]
    assert keccak256(b"getL1Fee(bytes)")[:4] == data[:4]
    assert (32, 120) == (int.from_bytes(data[4:36], "big"), int.from_bytes(data[36:68], "big"))
    assert 128 == len(data[68:])
    assert 90 < len(set(data[68:188]))
    assert {"blockHash": HASH, "requireCanonical": True} == call["params"][1]


def test_elsewhere_there_is_no_layer_1_fee() -> None:
    """A chain that is no rollup is not asked at all."""
    wire = _wire()
    assert 0 == _chain(wire, Rollup.NONE).l1_fee(120)
    assert [] == wire.batches


def test_a_fee_that_is_not_known_is_an_error() -> None:
    """R4.12: no contract, no number or another block never become a fee of zero."""
    with pytest.raises(BadAnswerError):
        _chain(_wire(eth_call="0x")).l1_fee_at(120, AT)
    with pytest.raises(NodeError):
        _chain(_wire(eth_call=RpcFault(3, "execution reverted"))).l1_fee_at(120, AT)
    with pytest.raises(MissingBlockError):
        _chain(_wire(eth_getBlockByNumber=BLOCK | {"hash": "0x" + "bb" * 32})).l1_fee_at(120, AT)


@pytest.mark.parametrize(("told", "fee"), [({"l1Fee": "0x64"}, 100), ({}, 0), ({"l1Fee": None}, 0)])
def test_a_receipt_counts_the_layer_1_fee(told: dict[str, Any], fee: int) -> None:
    """What a rollup took on top is part of the fee that was paid."""
    digest = "0x" + "cc" * 32
    receipt = {
        "transactionHash": digest,
        "blockHash": HASH,
        "blockNumber": "0x5",
        "status": "0x1",
        "gasUsed": "0x5208",
        "effectiveGasPrice": "0x2",
    }
    found = _chain(_wire(eth_getTransactionReceipt=receipt | told)).receipts([digest])[digest]
    assert found is not None
    assert (fee, 42_000 + fee) == (found.l1_fee, found.fee_paid)
