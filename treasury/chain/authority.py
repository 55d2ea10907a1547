"""Reads who may command a contract: owners, threshold, modules, guard, and the code behind it.

Everything is asked by state, never by events: logs of foreign contracts grow as others like, the
state is as large as the contract. A contract that lacks a function has no such power, and that is
an answer; what could not be read is unknown and left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from policies.crypto import keccak256
from policies.terms import Address, Stamp
from treasury.chain import answers, reader
from treasury.chain.errors import BadAnswerError, NodeError
from treasury.chain.rpc import Call, RpcClient

_CALLS = {
    "owners": "0xa0e67e2b",
    "threshold": "0xe75235b8",
    "modules": "0xcc2f8452" + f"{1:064x}{100:064x}",
    "owner": "0x8da5cb5b",
}
_SLOTS = {
    "master copy": "0x0",
    "guard": "0x4a204f620c8c5ccdca3fd54d003badd85ba500436a431f0cbda4f558c93c34c8",
    "implementation": "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc",
    "proxy admin": "0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103",
}
POWERS = (*_CALLS, *_SLOTS)
"""What is asked of every contract."""
_GAS_PER_CALL = hex(1_000_000)
_REVERTED = 3
_SHOWN = 64


def read_authority(
    rpc: RpcClient, contracts: Sequence[Address], at: Stamp
) -> dict[Address, dict[str, str]]:
    """Return what each contract says of who commands it, all at the block of `at`.

    Values are 0x-hex, empty where there is no such thing; a long one is its hash. Raises
    `MissingBlockError` when the block is no longer on the chain, and what `rpc` raises.
    """
    pin = reader.pin(at)
    calls = [call for contract in contracts for call in _asks(contract, pin)]
    *found, block = rpc.batch([*calls, reader.block_call(at)])
    reader.require_same_block(block, at)
    size = len(POWERS)
    told: dict[Address, dict[str, str]] = {}
    for number, contract in enumerate(contracts):
        said = zip(POWERS, found[number * size : (number + 1) * size], strict=True)
        read = {name: _value(answer) for name, answer in said}
        told[contract] = {name: value for name, value in read.items() if value is not None}
    return told


def _asks(contract: Address, pin: Mapping[str, object]) -> list[Call]:
    calls = [
        Call("eth_call", ({"to": contract, "data": data, "gas": _GAS_PER_CALL}, pin))
        for data in _CALLS.values()
    ]
    return calls + [Call("eth_getStorageAt", (contract, slot, pin)) for slot in _SLOTS.values()]


def _value(answer: reader.Answer) -> str | None:
    """Return the answer, empty where the contract has no such function, None when unknown."""
    if isinstance(answer, NodeError):
        text = answer.text.lower()
        return "" if answer.code == _REVERTED or "revert" in text else None
    try:
        data = answers.data(answer)
    except BadAnswerError:
        return None
    return "0x" + (data if len(data) <= _SHOWN else keccak256(data)).hex()
