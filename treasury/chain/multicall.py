"""Reads balances through `aggregate3` of the multicall contract that most chains carry.

What is sent is encoded once for a set of wallets and assets. A reply in which every call answered
one word has one fixed shape and is cut at fixed places; any other is walked with every offset
checked. A call that failed, or answered anything but 32 bytes, is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from policies.terms import NATIVE, Address
from treasury.chain.chunks import Chunk, product, split
from treasury.chain.errors import BadAnswerError
from treasury.chain.packed_reader import reply_bytes

CANONICAL = Address("0xcA11bde05977b3631167028862bE2a173976CA11")
"""Where real chains carry the contract, almost without exception."""
_CELLS_MOST = 500
# One call that burns all of it makes the others unknown, so it is little; and the gas of a whole
# chunk stays below what nodes grant one call.
_GAS_PER_CELL = 50_000
_GAS_BESIDE = 500_000
_WORD = 32
_AGGREGATE3 = "0x82ad56cb"
_BALANCE_OF = "70a08231"
_ETHER_BALANCE = "4d2301cc"
_CALL_BYTES = 6 * _WORD
_RESULT_BYTES = 4 * _WORD
# Success, where the bytes begin, and that they are one word.
_GOOD = b"".join(n.to_bytes(_WORD, "big") for n in (1, 2 * _WORD, _WORD))


class Multicall:
    """The multicall contract at one address."""

    name = "multicall"

    def __init__(self, address: Address = CANONICAL) -> None:
        """Ask the contract at `address`; whether there is one shows at the first reading."""
        self._address = address

    def plan(self, wallets: Sequence[Address], assets: Sequence[Address]) -> list[Chunk]:
        """Prepare the calls that read every asset of every wallet."""
        chunks = (product(some, group) for some, group in split(wallets, assets, _CELLS_MOST))
        return [
            Chunk(
                cells=cells,
                call={
                    "to": self._address,
                    "data": self._aggregate(cells),
                    "gas": hex(len(cells) * _GAS_PER_CELL + _GAS_BESIDE),
                },
            )
            for cells in chunks
        ]

    def decode(self, reply: bytes, count: int) -> list[int | None]:
        """Read the cells of a reply; raises `BadAnswerError` when it is not one."""
        data = reply_bytes(reply)
        start = (2 + count) * _WORD
        if data[:start] == _head(count) and len(data) == start + count * _RESULT_BYTES:
            places = range(start, len(data), _RESULT_BYTES)
            values = [_regular(data, place) for place in places]
        else:
            values = [_walked(data, place) for place in _places(data, count)]
        return values

    def _aggregate(self, cells: Sequence[tuple[Address, Address]]) -> str:
        count = len(cells)
        offsets = "".join(f"{count * _WORD + i * _CALL_BYTES:064x}" for i in range(count))
        calls = "".join(self._call(wallet, asset) for wallet, asset in cells)
        return f"{_AGGREGATE3}{_WORD:064x}{count:064x}{offsets}{calls}"

    def _call(self, wallet: Address, asset: Address) -> str:
        """Return one (target, allowFailure = true, data of 36 bytes padded to 64)."""
        target, selector = (
            (self._address, _ETHER_BALANCE) if asset == NATIVE else (asset, _BALANCE_OF)
        )
        data = selector + wallet[2:].lower().rjust(64, "0")
        words = f"{target[2:].lower():0>64}{1:064x}{3 * _WORD:064x}{len(data) // 2:064x}"
        return words + data.ljust(4 * _WORD, "0")


@lru_cache(maxsize=16)
def _head(count: int) -> bytes:
    """Return how a reply begins in which each of `count` calls answered one word."""
    offsets = (count * _WORD + i * _RESULT_BYTES for i in range(count))
    return b"".join(n.to_bytes(_WORD, "big") for n in (_WORD, count, *offsets))


def _regular(data: bytes, place: int) -> int | None:
    if data[place : place + 96] != _GOOD:
        return _walked(data, place)
    return int.from_bytes(data[place + 96 : place + 128], "big")


def _places(data: bytes, count: int) -> list[int]:
    """Return where the results begin in a reply of any shape."""
    if _number(data, 0) != _WORD or _number(data, _WORD) != count:
        raise BadAnswerError("the multicall contract answered something else")
    return [2 * _WORD + _number(data, (2 + i) * _WORD) for i in range(count)]


def _walked(data: bytes, place: int) -> int | None:
    success, offset = _number(data, place), _number(data, place + _WORD)
    if success != 1 or _number(data, place + offset) != _WORD:
        return None
    return _number(data, place + offset + _WORD)


def _number(data: bytes, place: int) -> int:
    found = data[place : place + _WORD]
    if len(found) != _WORD:
        raise BadAnswerError("the multicall contract's answer ends too early")
    return int.from_bytes(found, "big")
