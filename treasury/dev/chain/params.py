"""Reads the parameters of calls strictly, as real nodes do; everything wrong is code -32602."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from treasury.dev.chain.engine import CallRequest
from treasury.dev.chain.errors import InvalidParamsError

_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]*)\Z")
_BYTES = re.compile(r"0x([0-9a-fA-F]{2})*\Z")
TAGS = ("latest", "safe", "finalized", "pending", "earliest")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockId:
    """Which block is meant: exactly one of the three is given."""

    tag: str = ""
    number: int | None = None
    digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class Params:
    """The positional parameters of one call."""

    values: Sequence[object]

    def get(self, index: int, default: object = None) -> object:
        """Return the parameter at `index`, or the default when it is missing or null."""
        value = self.values[index] if index < len(self.values) else None
        return default if value is None else value

    def need(self, index: int) -> object:
        """Return the parameter at `index`; refuses when it is missing or null."""
        value = self.get(index)
        if value is None:
            raise InvalidParamsError(f"missing value for required argument {index}")
        return value

    def address(self, index: int) -> bytes:
        """Return a 20-byte address."""
        return sized_bytes(self.need(index), 20)

    def digest(self, index: int) -> bytes:
        """Return a 32-byte hash."""
        return sized_bytes(self.need(index), 32)

    def data(self, index: int) -> bytes:
        """Return bytes of any length."""
        return any_bytes(self.need(index))

    def quantity(self, index: int) -> int:
        """Return a number, given as hex quantity."""
        return quantity(self.need(index))

    def flexible(self, index: int, default: int | None = None) -> int:
        """Return a number, given as JSON number, decimal text or hex: development methods only."""
        value = self.get(index, default)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value)
        if isinstance(value, str) and re.fullmatch(r"0x[0-9a-fA-F]+", value):
            return int(value, 16)
        raise InvalidParamsError(f"argument {index} is not a number: {value!r}")

    def boolean(self, index: int, *, default: bool) -> bool:
        """Return true or false."""
        value = self.get(index, default)
        if not isinstance(value, bool):
            raise InvalidParamsError(f"argument {index} is not a boolean: {value!r}")
        return value

    def block(self, index: int) -> BlockId:
        """Return a block by tag, number or EIP-1898 object; latest when missing."""
        return block_id(self.get(index, "latest"))

    def call(self, index: int) -> CallRequest:
        """Return a call object."""
        return call_request(self.need(index))

    def mapping(self, index: int) -> dict[str, object]:
        """Return a JSON object."""
        return mapping(self.need(index))


def quantity(value: object) -> int:
    """Read a hex quantity without leading zeros."""
    if not isinstance(value, str) or not _QUANTITY.match(value):
        raise InvalidParamsError(f"invalid hex quantity: {value!r}")
    return int(value, 16)


def any_bytes(value: object) -> bytes:
    """Read 0x-hex bytes of any length."""
    if not isinstance(value, str) or not _BYTES.match(value):
        raise InvalidParamsError(f"invalid hex bytes: {str(value)[:80]!r}")
    return bytes.fromhex(value[2:])


def sized_bytes(value: object, size: int) -> bytes:
    """Read 0x-hex bytes of this length."""
    data = any_bytes(value)
    if len(data) != size:
        raise InvalidParamsError(f"hex string has {len(data)} bytes, want {size}")
    return data


def mapping(value: object) -> dict[str, object]:
    """Read a JSON object."""
    if not isinstance(value, dict):
        raise InvalidParamsError(f"expected an object, got {value!r}")
    return value


def block_id(value: object) -> BlockId:
    """Read a block tag, a block number, or an EIP-1898 object."""
    if isinstance(value, dict):
        if "blockHash" in value:
            return BlockId(digest=sized_bytes(value["blockHash"], 32))
        if "blockNumber" in value:
            return BlockId(number=quantity(value["blockNumber"]))
        raise InvalidParamsError("a block object needs blockHash or blockNumber")
    if value in TAGS:
        return BlockId(tag=str(value))
    return BlockId(number=quantity(value))


def call_request(value: object) -> CallRequest:
    """Read the object of `eth_call` and `eth_estimateGas`; fees are ignored, calls are free."""
    fields = mapping(value)
    source, to = fields.get("from"), fields.get("to")
    data = fields.get("input", fields.get("data"))
    return CallRequest(
        source=bytes(20) if source is None else sized_bytes(source, 20),
        to=b"" if to is None else sized_bytes(to, 20),
        data=b"" if data is None else any_bytes(data),
        value=quantity(fields.get("value", "0x0")),
        gas=quantity(fields.get("gas", "0x0")),
    )
