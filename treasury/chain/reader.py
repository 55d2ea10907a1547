"""Reads balances, nonces and code of many wallets in one batch, all pinned at one block.

Every cell is asked for by the block's hash (EIP-1898), and the same batch asks whether that block
is still part of the chain. A cell that fails is unknown; a block that is gone fails the reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from policies.terms import NATIVE, Address, Stamp
from treasury.chain import answers
from treasury.chain.chunks import Cell, product
from treasury.chain.errors import BadAnswerError, MissingBlockError, NodeError
from treasury.chain.port import Readings, ReadRequest
from treasury.chain.rpc import Call, RpcClient

_BALANCE_OF = "0x70a08231" + "0" * 24
# Many times what an honest token needs; without it a dishonest one holds up the whole reading.
_GAS_PER_CALL = hex(300_000)

Answer = msgspec.Raw | NodeError
V = TypeVar("V")


def read_balances(rpc: RpcClient, request: ReadRequest, at: Stamp) -> Readings:
    """Read every cell of `request` at the block of `at`, each by a call of its own.

    Raises `MissingBlockError` when the block is no longer on the chain, and what `rpc` raises.
    """
    cells = product(request.wallets, request.assets)
    calls = [_balance_call(cell, pin(at)) for cell in cells]
    found = rpc.batch([*calls, *account_calls(request, at)])
    nonces, codes = accounts(request, at, found[len(cells) :])
    balances = _balances(cells, found)
    return Readings(stamp=at, balances=balances, nonces=nonces, codes=codes)


def read_cells(rpc: RpcClient, cells: Sequence[Cell], at: Stamp) -> dict[Cell, int | None]:
    """Read these balances alone, under the same rules."""
    found = rpc.batch([*(_balance_call(cell, pin(at)) for cell in cells), block_call(at)])
    require_same_block(found[-1], at)
    return _balances(cells, found)


def pin(at: Stamp) -> Mapping[str, object]:
    """Return the parameter that ties a call to this very block."""
    return {"blockHash": at.hash, "requireCanonical": True}


def block_call(at: Stamp) -> Call:
    """Return the call for the block at this height, to see whether it is still the same."""
    return Call("eth_getBlockByNumber", (hex(at.number), False))


def account_calls(request: ReadRequest, at: Stamp) -> list[Call]:
    """Return the calls for nonces, code and, at the end, the block itself."""
    coded = request.wallets if request.with_code else ()
    calls = [Call("eth_getTransactionCount", (wallet, pin(at))) for wallet in request.wallets]
    calls += [Call("eth_getCode", (wallet, pin(at))) for wallet in coded]
    return [*calls, block_call(at)]


def accounts(
    request: ReadRequest, at: Stamp, found: Sequence[Answer]
) -> tuple[dict[Address, int | None], dict[Address, bytes | None]]:
    """Return nonces and codes out of the answers to `account_calls`.

    Raises `MissingBlockError` when the block is no longer on the chain.
    """
    require_same_block(found[-1], at)
    rest = iter(found)
    nonces = _column(request.wallets, rest, answers.count)
    codes = _column(request.wallets if request.with_code else (), rest, answers.data)
    return nonces, codes


def transaction_nonce(rpc: RpcClient, address: Address, at: Stamp) -> int:
    """Return the nonce of one address at a block; raises when it cannot be known."""
    nonce, block = rpc.batch(
        [
            Call("eth_getTransactionCount", (address, pin(at))),
            block_call(at),
        ]
    )
    require_same_block(block, at)
    if isinstance(nonce, NodeError):
        raise nonce
    return answers.count(nonce)


def require_block(rpc: RpcClient, at: Stamp) -> None:
    """Ask whether the block of `at` is still part of the chain; raises `MissingBlockError`."""
    require_same_block(rpc.batch([Call("eth_getBlockByNumber", (hex(at.number), False))])[0], at)


def require_same_block(answer: Answer, at: Stamp) -> None:
    """Raise `MissingBlockError` unless the block at this height is still the one of `at`."""
    if isinstance(answer, NodeError):
        raise answer
    found = answers.stamp(answer)
    if found is None or (found.number, found.hash) != (at.number, at.hash):
        raise MissingBlockError(f"block {at.number} {at.hash} is no longer part of the chain")


def _balances(cells: Iterable[Cell], found: Iterable[Answer]) -> dict[Cell, int | None]:
    rest = iter(found)
    return {cell: _value(next(rest), _parser(cell[1])) for cell in cells}


def _balance_call(cell: Cell, at: Mapping[str, object]) -> Call:
    wallet, asset = cell
    if asset == NATIVE:
        return Call("eth_getBalance", (wallet, at))
    data = _BALANCE_OF + wallet[2:].lower()
    return Call("eth_call", ({"to": asset, "data": data, "gas": _GAS_PER_CALL}, at))


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
