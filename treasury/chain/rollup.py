"""What an OP-stack rollup takes on top of gas: the price of a transaction's data on layer 1.

The rollup's own contract tells it, at a block. The price is asked for bytes that do not compress,
so a real transaction of the same size costs as much at most, at the same layer-1 prices.
"""

from __future__ import annotations

from policies.crypto import keccak256
from policies.terms import Stamp
from treasury.chain import answers, reader
from treasury.chain.errors import NodeError
from treasury.chain.rpc import Call, RpcClient

GAS_PRICE_ORACLE = "0x420000000000000000000000000000000000000F"
_GET_L1_FEE = keccak256(b"getL1Fee(bytes)")[:4]
_WORD = 32


def l1_fee(rpc: RpcClient, size_bytes: int, at: Stamp) -> int:
    """Return the layer-1 fee of a transaction of this size at the block of `at`, in wei."""
    call = {"to": GAS_PRICE_ORACLE, "data": "0x" + _calldata(size_bytes).hex()}
    fee, block = rpc.batch(
        [
            Call("eth_call", (call, reader.pin(at))),
            Call("eth_getBlockByNumber", (hex(at.number), False)),
        ]
    )
    reader.require_same_block(block, at)
    if isinstance(fee, NodeError):
        raise fee
    return answers.word(fee)


def _calldata(size_bytes: int) -> bytes:
    words = -(-size_bytes // _WORD)
    noise = b"".join(keccak256(index.to_bytes(_WORD, "big")) for index in range(words))
    data = noise[:size_bytes].ljust(words * _WORD, b"\0")
    return _GET_L1_FEE + _WORD.to_bytes(_WORD, "big") + size_bytes.to_bytes(_WORD, "big") + data
