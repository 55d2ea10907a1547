"""Read a raw transaction back: who signed it, and what it really moves to whom.

Independent of the code that wrote the bytes, because it checks that code. Strict: only EIP-1559
transactions (type 2) with an empty access list, in canonical RLP, in one of the two shapes that
this project sends (plain native coin, or ERC-20 `transfer`). Everything else is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from policies.crypto import BadSignatureError, checksum_address, keccak256, recover_address
from policies.terms import NATIVE, Address
from treasury.chain.errors import BadAnswerError

_TYPE_2 = 2
_FIELDS = 12
_SIGNED_FIELDS = 9
_TRANSFER = bytes.fromhex("a9059cbb")
_TRANSFER_BYTES = 68
_STRING, _LONG_STRING, _LIST, _LONG_LIST = 0x80, 0xB8, 0xC0, 0xF8
_WORD = 32
_ADDRESS_BYTES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTransaction:
    """What the bytes say; amounts in base units of `asset`, prices in wei per gas."""

    hash: str
    chain_id: int
    nonce: int
    max_priority_fee_per_gas: int
    max_fee_per_gas: int
    gas_limit: int
    sender: Address
    asset: Address
    destination: Address
    amount: int


def parse_raw(raw: bytes) -> RawTransaction:
    """Read raw bytes and recover the sender; raises `BadAnswerError` for any other shape."""
    if not raw or raw[0] != _TYPE_2:
        raise BadAnswerError("the raw transaction is not of type 2")
    fields, spans = _items(raw[1:])
    if len(fields) != _FIELDS or fields[8] != b"\xc0":
        raise BadAnswerError("the raw transaction has other fields than type 2 without access list")
    numbers = [_integer(fields[i]) for i in (0, 1, 2, 3, 4, 6)]
    asset, destination, amount = _movement(fields[5], numbers[5], fields[7])
    unsigned = raw[1 + spans[0] : 1 + spans[_SIGNED_FIELDS]]
    return RawTransaction(
        hash="0x" + keccak256(raw).hex(),
        chain_id=numbers[0],
        nonce=numbers[1],
        max_priority_fee_per_gas=numbers[2],
        max_fee_per_gas=numbers[3],
        gas_limit=numbers[4],
        sender=_sender(unsigned, fields[9:]),
        asset=asset,
        destination=destination,
        amount=amount,
    )


def _movement(to: bytes, value: int, data: bytes) -> tuple[Address, Address, int]:
    if len(to) != _ADDRESS_BYTES:
        raise BadAnswerError("the raw transaction would create a contract")
    if not data:
        return NATIVE, checksum_address(to), value
    padding = data[len(_TRANSFER) : len(_TRANSFER) + _WORD - _ADDRESS_BYTES]
    if len(data) != _TRANSFER_BYTES or data[:4] != _TRANSFER or any(padding) or value:
        raise BadAnswerError("the raw transaction calls something other than a token's transfer")
    payee, amount = data[16:36], int.from_bytes(data[36:], "big")
    return checksum_address(to), checksum_address(payee), amount


def _sender(unsigned: bytes, signature: list[bytes]) -> Address:
    digest = keccak256(bytes([_TYPE_2]) + _list_head(len(unsigned)) + unsigned)
    parity, r, s = (_integer(field) for field in signature)
    if parity > 1 or max(r, s) >= 1 << 256:
        raise BadAnswerError("the raw transaction carries a malformed signature")
    packed = r.to_bytes(_WORD, "big") + s.to_bytes(_WORD, "big") + bytes([parity])
    try:
        return recover_address(digest, packed)
    except BadSignatureError as error:
        raise BadAnswerError(f"the raw transaction's signature is bad: {error}") from error


def _items(encoded: bytes) -> tuple[list[bytes], list[int]]:
    """Split one RLP list into its items, with the offset at which each begins."""
    start, end = _span(encoded, 0, _LIST, _LONG_LIST)
    if end != len(encoded):
        raise BadAnswerError("the raw transaction has bytes before or after its list")
    fields: list[bytes] = []
    offsets: list[int] = []
    at = start
    while at < end and len(fields) <= _FIELDS:
        offsets.append(at)
        field, at = _item(encoded, at)
        fields.append(field)
    if at != end:
        raise BadAnswerError("the raw transaction has too many fields")
    return fields, offsets


def _item(encoded: bytes, at: int) -> tuple[bytes, int]:
    if encoded[at] < _STRING:
        return encoded[at : at + 1], at + 1
    if encoded[at] == _LIST:
        return encoded[at : at + 1], at + 1
    start, end = _span(encoded, at, _STRING, _LONG_STRING)
    if end - start == 1 and encoded[start] < _STRING:
        raise BadAnswerError("the raw transaction is not in canonical form")
    return encoded[start:end], end


def _span(encoded: bytes, at: int, short: int, long: int) -> tuple[int, int]:
    """Return where the content of a string or list begins and ends."""
    head = encoded[at] if at < len(encoded) else 0
    if short <= head < long:
        start, end = at + 1, at + 1 + head - short
    elif long <= head < long + 8:
        start = at + 2 + head - long
        end = start + int.from_bytes(encoded[at + 1 : start], "big")
        if encoded[at + 1 : at + 2] == b"\0" or end - start < long - short:
            raise BadAnswerError("the raw transaction is not in canonical form")
    else:
        raise BadAnswerError("the raw transaction is not RLP")
    if end > len(encoded):
        raise BadAnswerError("the raw transaction is cut off")
    return start, end


def _integer(field: bytes) -> int:
    if field[:1] == b"\0" or len(field) > _WORD:
        raise BadAnswerError("the raw transaction is not in canonical form")
    return int.from_bytes(field, "big")


def _list_head(length: int) -> bytes:
    if length < _LONG_LIST - _LIST:
        return bytes([_LIST + length])
    size = (length.bit_length() + 7) // 8
    return bytes([_LONG_LIST - 1 + size]) + length.to_bytes(size, "big")
