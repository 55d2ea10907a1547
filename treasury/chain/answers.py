"""Reads the values inside answers; what is not exactly of its kind is a `BadAnswerError`."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from policies.terms import Stamp
from treasury.chain.errors import BadAnswerError, clean_text

_QUANTITY = re.compile(rb'"0x([0-9a-fA-F]{1,64})"')
_BYTES = re.compile(rb'"0x((?:[0-9a-fA-F]{2})*)"')
_WORD = re.compile(rb'"0x([0-9a-fA-F]{64})"')
_HASH = re.compile(r"0x[0-9a-fA-F]{64}\Z")
_COUNT_MAX = 2**63 - 1
NULL = b"null"
T = TypeVar("T")


class _Block(msgspec.Struct):
    number: str
    hash: str
    timestamp: str


_BLOCK = msgspec.json.Decoder(_Block)


def is_null(raw: msgspec.Raw) -> bool:
    """Say whether the result is `null`."""
    return bytes(raw).strip() == NULL


def quantity(raw: msgspec.Raw | bytes) -> int:
    """Read a hex quantity of at most 256 bits."""
    match = _QUANTITY.fullmatch(bytes(raw).strip())
    if match is None:
        raise BadAnswerError(f"not a hex quantity: {_shown(raw)}")
    return int(match[1], 16)


def count(raw: msgspec.Raw | bytes) -> int:
    """Read a hex quantity that counts things (blocks, seconds, nonces): at most 63 bits."""
    number = quantity(raw)
    if number > _COUNT_MAX:
        raise BadAnswerError(f"too large to be a count: {_shown(raw)}")
    return number


def data(raw: msgspec.Raw | bytes) -> bytes:
    """Read 0x-hex bytes."""
    match = _BYTES.fullmatch(bytes(raw).strip())
    if match is None:
        raise BadAnswerError(f"not hex bytes: {_shown(raw)}")
    return bytes.fromhex(match[1].decode("ascii"))


def word(raw: msgspec.Raw | bytes) -> int:
    """Read the number that a contract call returned: exactly 32 bytes."""
    match = _WORD.fullmatch(bytes(raw).strip())
    if match is None:
        raise BadAnswerError(f"not the 32 bytes of one number: {_shown(raw)}")
    return int(match[1], 16)


def text_quantity(text: str) -> int:
    """Read a hex quantity out of a decoded object."""
    return quantity(b'"' + text.encode("utf-8", "replace") + b'"')


def text_count(text: str) -> int:
    """Read a count out of a decoded object."""
    return count(b'"' + text.encode("utf-8", "replace") + b'"')


def text_hash(text: str) -> str:
    """Read a 32-byte hash out of a decoded object, in lower case."""
    if not _HASH.match(text):
        raise BadAnswerError(f"not a 32-byte hash: {clean_text(text)}")
    return text.lower()


def stamp(raw: msgspec.Raw) -> Stamp | None:
    """Read the stamp of a block; `None` when the node has no such block."""
    if is_null(raw):
        return None
    block = decoded(_BLOCK, raw)
    return Stamp(
        number=text_count(block.number),
        hash=text_hash(block.hash),
        time=text_count(block.timestamp),
    )


def decoded(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw) -> T:
    """Decode a typed object."""
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadAnswerError(f"an answer has the wrong shape: {clean_text(str(error))}") from error


def _shown(raw: msgspec.Raw | bytes) -> str:
    return clean_text(bytes(raw)[:80].decode("utf-8", "replace"))
