"""Reads balances by a contract that is never deployed: creation code in an `eth_call`.

The code looks at every wallet and asset and returns one word per cell in place of a contract. A
reply counts as code, so it holds at most 24,576 bytes (EIP-170), and the request is bounded too
(EIP-3860): hence the size of a chunk. A node may refuse such calls; then another way is taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from policies.terms import Address
from treasury.chain.chunks import Chunk, product, split
from treasury.chain.errors import BadAnswerError
from treasury.chain.reader_code import CREATION_CODE

_CELLS_MOST = 700
_WORD = 32
_BITS = 256


class PackedReader:
    """The reader as creation code."""

    name = "reader"

    def plan(self, wallets: Sequence[Address], assets: Sequence[Address]) -> list[Chunk]:
        """Prepare the calls that read every asset of every wallet."""
        return [
            Chunk(cells=product(some, group), call={"data": _creation(some, group)})
            for some, group in split(wallets, assets, _CELLS_MOST)
        ]

    def decode(self, reply: bytes, count: int) -> list[int | None]:
        """Read the cells of a reply; raises `BadAnswerError` when it is not one."""
        first = (1 + (count + _BITS - 1) // _BITS) * _WORD
        end = first + count * _WORD
        data = reply_bytes(reply)
        if len(data) != end or int.from_bytes(data[:_WORD], "big") != count:
            raise BadAnswerError(f"the balance reader answered {len(data)} bytes instead of {end}")
        number = int.from_bytes
        values: list[int | None] = [
            number(data[at : at + _WORD], "big") for at in range(first, end, _WORD)
        ]
        # The first bit is the lowest of the first word: read from behind, it is one number.
        words = [data[at : at + _WORD] for at in range(_WORD, first, _WORD)]
        known = number(b"".join(reversed(words)), "big")
        if known != (1 << count) - 1:
            return [v if known >> place & 1 else None for place, v in enumerate(values)]
        return values


def reply_bytes(reply: bytes) -> bytes:
    """Return the bytes of a raw JSON result; raises `BadAnswerError` when it is not hex."""
    try:
        data = bytes.fromhex(reply[3:-1].decode("ascii"))
    except ValueError as error:
        raise BadAnswerError("a contract answered no hex bytes") from error
    # `fromhex` skips white space, so the length shows whether there was nothing but digits.
    if reply[:3] != b'"0x' or reply[-1:] != b'"' or len(reply) != 2 * len(data) + 4:
        raise BadAnswerError("a contract answered no hex bytes")
    return data


def _creation(wallets: Sequence[Address], assets: Sequence[Address]) -> str:
    """Return the creation code with its arguments: two arrays of addresses, ABI-encoded."""
    second = (3 + len(wallets)) * _WORD
    arguments = [f"{2 * _WORD:064x}{second:064x}", _array(wallets), _array(assets)]
    return "0x" + CREATION_CODE + "".join(arguments)


def _array(addresses: Sequence[Address]) -> str:
    words = (address[2:].lower().rjust(64, "0") for address in addresses)
    return f"{len(addresses):064x}" + "".join(words)
