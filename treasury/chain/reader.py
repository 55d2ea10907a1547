"""Reads balances, nonces and code of many wallets in one batch, all pinned at one block.

Every cell is asked for by the block's hash (EIP-1898), and the same batch asks whether that block
is still part of the chain. A cell that fails is unknown; a block that is gone fails the reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec

from policies.terms import NATIVE, Address, Stamp
from treasury.chain import answers
from treasury.chain.errors import BadAnswerError, MissingBlockError, NodeError
from treasury.chain.port import Readings, ReadRequest
from treasury.chain.rpc import Call, RpcClient

_BALANCE_OF = "0x70a08231" + "0" * 24

Answer = msgspec.Raw | NodeError
V = TypeVar("V")


def read_balances(rpc: RpcClient, request: ReadRequest, at: Stamp) -> Readings:
    """Read every cell of `request` at the block of `at`.

    Raises `MissingBlockError` when the block is no longer on the chain, and what `rpc` raises.
    """
    pin = {"blockHash": at.hash, "requireCanonical": True}
    cells = [(wallet, asset) for wallet in request.wallets for asset in request.assets]
    coded = request.wallets if request.with_code else ()
    calls = [_balance_call(wallet, asset, pin) for wallet, asset in cells]
    calls += [Call("eth_getTransactionCount", (wallet, pin)) for wallet in request.wallets]
    calls += [Call("eth_getCode", (wallet, pin)) for wallet in coded]
    calls.append(Call("eth_getBlockByNumber", (hex(at.number), False)))
    found = iter(rpc.batch(calls))
    balances = {cell: _value(next(found), _parser(cell[1])) for cell in cells}
    nonces = _column(request.wallets, found, answers.count)
    codes = _column(coded, found, answers.data)
    require_same_block(next(found), at)
    return Readings(stamp=at, balances=balances, nonces=nonces, codes=codes)


def transaction_nonce(rpc: RpcClient, address: Address, at: Stamp) -> int:
    """Return the nonce of one address at a block; raises when it cannot be known."""
    pin = {"blockHash": at.hash, "requireCanonical": True}
    nonce, block = rpc.batch(
        [
            Call("eth_getTransactionCount", (address, pin)),
            Call("eth_getBlockByNumber", (hex(at.number), False)),
        ]
    )
    require_same_block(block, at)
    if isinstance(nonce, NodeError):
        raise nonce
    return answers.count(nonce)


def require_same_block(answer: Answer, at: Stamp) -> None:
    """Raise `MissingBlockError` unless the block at this height is still the one of `at`."""
    if isinstance(answer, NodeError):
        raise answer
    found = answers.stamp(answer)
    if found is None or (found.number, found.hash) != (at.number, at.hash):
        raise MissingBlockError(f"block {at.number} {at.hash} is no longer part of the chain")


def _balance_call(wallet: Address, asset: Address, pin: Mapping[str, object]) -> Call:
    if asset == NATIVE:
        return Call("eth_getBalance", (wallet, pin))
    return Call("eth_call", ({"to": asset, "data": _BALANCE_OF + wallet[2:].lower()}, pin))


def _parser(asset: Address) -> Callable[[msgspec.Raw], int]:
    return answers.quantity if asset == NATIVE else answers.word


def _column(
    wallets: Iterable[Address], found: Iterable[Answer], parse: Callable[[msgspec.Raw], V]
) -> dict[Address, V | None]:
    rest = iter(found)
    return {wallet: _value(next(rest), parse) for wallet in wallets}


def _value(answer: Answer, parse: Callable[[msgspec.Raw], V]) -> V | None:
    if isinstance(answer, NodeError):
        return None
    try:
        return parse(answer)
    except BadAnswerError:
        return None
