"""Tells who signed a transaction of any kind, by nothing but its bytes.

A node can lie about a transaction, but nobody can make up a signature of ours: what this recovers
is proof, whoever handed out the bytes. Known are legacy transactions and the types 1, 2 and 4; the
fields are not judged, only hashed as the signer did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policies.crypto import BadSignatureError, keccak256, recover_address
from policies.terms import Address
from treasury.chain.errors import BadAnswerError

_SIGNATURE = 3
_LEGACY_FIELDS = 9
_NONCE_PLACES = {1: 1, 2: 1, 4: 1}
_LEGACY_V, _PROTECTED_V = 27, 35
_STRING, _LONG_STRING, _LIST, _LONG_LIST = 0x80, 0xB8, 0xC0, 0xF8
_WORD = 32
_MOST_V = 1 << 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBy:
    """Who signed which nonce; `hash` is the transaction's, 0x-hex."""

    sender: Address
    nonce: int
    hash: str


def signed_by(raw: bytes) -> SignedBy:
    """Recover the signer; raises `BadAnswerError` for bytes that are no known transaction."""
    if not raw:
        raise BadAnswerError("the transaction is empty")
    kind = 0 if raw[0] >= _LIST else raw[0]
    if kind and kind not in _NONCE_PLACES:
        raise BadAnswerError(f"transactions of type {kind} are not known here")
    items = _items(raw[1:] if kind else raw)
    if len(items) < _LEGACY_FIELDS:
        raise BadAnswerError("the transaction has too few fields")
    *fields, v, r, s = items
    parity, unsigned = _parity(kind, _number(v), b"".join(fields))
    digest = keccak256((bytes([kind]) if kind else b"") + _head(len(unsigned)) + unsigned)
    return SignedBy(
        sender=_recovered(digest, parity, _number(r), _number(s)),
        nonce=_number(fields[_NONCE_PLACES.get(kind, 0)]),
        hash="0x" + keccak256(raw).hex(),
    )


def _parity(kind: int, v: int, unsigned: bytes) -> tuple[int, bytes]:
    """Return the parity, and what was hashed: a protected legacy one ends with the chain id."""
    if v >= _MOST_V:
        raise BadAnswerError("the transaction names a chain that cannot be")
    if kind:
        return v, unsigned
    if v < _PROTECTED_V:
        return v - _LEGACY_V, unsigned
    chain_id = (v - _PROTECTED_V) // 2
    return (v - _PROTECTED_V) % 2, unsigned + _encoded(chain_id) + b"\x80\x80"


def _recovered(digest: bytes, parity: int, r: int, s: int) -> Address:
    if parity not in (0, 1) or max(r, s) >= 1 << 256:
        raise BadAnswerError("the transaction carries a malformed signature")
    packed = r.to_bytes(_WORD, "big") + s.to_bytes(_WORD, "big") + bytes([parity])
    try:
        return recover_address(digest, packed)
    except BadSignatureError as error:
        raise BadAnswerError(f"the transaction's signature is bad: {error}") from error


def _items(encoded: bytes) -> Sequence[bytes]:
    """Split one RLP list into its items, each still encoded."""
    at, end = _span(encoded, 0)
    if end != len(encoded) or encoded[0] < _LIST:
        raise BadAnswerError("the transaction is not one list")
    items = []
    while at < end:
        _, after = _span(encoded, at)
        items.append(encoded[at:after])
        at = after
    if at != end:
        raise BadAnswerError("the transaction is cut off")
    return items


def _span(encoded: bytes, at: int) -> tuple[int, int]:
    """Return where the content of an item begins, and where the item ends."""
    if at >= len(encoded):
        raise BadAnswerError("the transaction is cut off")
    head = encoded[at]
    if head < _STRING:
        return at, at + 1
    short, long = (_LIST, _LONG_LIST) if head >= _LIST else (_STRING, _LONG_STRING)
    if head < long:
        start, size = at + 1, head - short
    else:
        start = at + 2 + head - long
        size = int.from_bytes(encoded[at + 1 : start], "big")
    if start + size > len(encoded):
        raise BadAnswerError("the transaction is cut off")
    return start, start + size


def _number(item: bytes) -> int:
    start, end = _span(item, 0)
    return int.from_bytes(item[start:end], "big")


def _encoded(number: int) -> bytes:
    content = number.to_bytes((number.bit_length() + 7) // 8, "big")
    if len(content) == 1 and content[0] < _STRING:
        return content
    return bytes([_STRING + len(content)]) + content


def _head(length: int) -> bytes:
    if length < _LONG_LIST - _LIST:
        return bytes([_LIST + length])
    size = (length.bit_length() + 7) // 8
    return bytes([_LONG_LIST - 1 + size]) + length.to_bytes(size, "big")
