"""Builds, encodes and reads EIP-1559 (type 2) transactions: the only kind this project signs.

Only two shapes exist: native coin to an address with empty data, and `transfer(address,uint256)`
of an ERC-20 token. No contract creation, no access list, no other type. RLP is written by hand:
it is forty lines, and a library costs more time than the HSM's own Python binding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from hsm.errors import ProtocolError
from hsm.token.signature import Signature
from hsm.wire.answers import Fees
from policies.crypto import (
    BadSignatureError,
    address_bytes,
    checksum_address,
    keccak256,
    recover_address,
)
from policies.terms import NATIVE, Address, TransferTerms

TYPE_2 = b"\x02"
TRANSFER_SELECTOR = bytes.fromhex("a9059cbb")
_TRANSFER_BYTES = 68
_SIGNED_FIELDS = 12
_SHORT = 55
_BYTE = tuple(bytes([value]) for value in range(256))


class Transaction(NamedTuple):
    """The fields of a type-2 transaction; `to` is never empty."""

    chain_id: int
    nonce: int
    max_priority_fee_per_gas: int
    max_fee_per_gas: int
    gas_limit: int
    to: Address
    value: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """A raw transaction, read: who signed it, its hash, and what it moves to whom.

    `asset` zero is the native coin; `destination` is the final receiver, not the token contract.
    """

    hash: bytes
    digest: bytes
    sender: Address
    transaction: Transaction
    asset: Address
    destination: Address
    amount: int


def build_transfer(terms: TransferTerms, nonce: int, fees: Fees) -> Transaction:
    """Build the transaction that carries out the terms on a nonce."""
    native = terms.asset == NATIVE
    return Transaction(
        chain_id=terms.chain_id,
        nonce=nonce,
        max_priority_fee_per_gas=fees.max_priority_fee_per_gas,
        max_fee_per_gas=fees.max_fee_per_gas,
        gas_limit=fees.gas_limit,
        to=terms.destination if native else terms.asset,
        value=terms.amount if native else 0,
        data=b"" if native else transfer_calldata(terms.destination, terms.amount),
    )


def build_cancel(terms: TransferTerms, nonce: int, fees: Fees) -> Transaction:
    """Build zero to self on a nonce: it consumes the nonce and moves nothing."""
    return Transaction(
        chain_id=terms.chain_id,
        nonce=nonce,
        max_priority_fee_per_gas=fees.max_priority_fee_per_gas,
        max_fee_per_gas=fees.max_fee_per_gas,
        gas_limit=fees.gas_limit,
        to=terms.source,
        value=0,
        data=b"",
    )


def transfer_calldata(destination: Address, amount: int) -> bytes:
    """Return the calldata of ERC-20 `transfer(address,uint256)`."""
    return (
        TRANSFER_SELECTOR + address_bytes(destination).rjust(32, b"\0") + amount.to_bytes(32, "big")
    )


def unsigned_payload(transaction: Transaction) -> bytes:
    """Return the RLP items of a transaction without signature, not yet put in a list."""
    return b"".join(
        (
            _integer(transaction.chain_id),
            _integer(transaction.nonce),
            _integer(transaction.max_priority_fee_per_gas),
            _integer(transaction.max_fee_per_gas),
            _integer(transaction.gas_limit),
            b"\x94" + address_bytes(transaction.to),
            _integer(transaction.value),
            _string(transaction.data),
            b"\xc0",
        )
    )


def digest_of(payload: bytes) -> bytes:
    """Return the 32 bytes that the key signs, from `unsigned_payload`."""
    return keccak256(TYPE_2 + _list(payload))


def encode_signed(payload: bytes, signature: Signature) -> bytes:
    """Return the raw transaction, from `unsigned_payload` and a proved signature."""
    r, s = signature.rs[:32].lstrip(b"\0"), signature.rs[32:].lstrip(b"\0")
    return TYPE_2 + _list(payload + _integer(signature.parity) + _string(r) + _string(s))


def read_back(raw: bytes) -> ReadBack:
    """Read a raw transaction of ours strictly, recovering its sender.

    Raises `ProtocolError` for anything that this file would not have written.
    """
    if raw[:1] != TYPE_2:
        raise ProtocolError("the raw transaction is not of type 2")
    fields = _split(_open_list(raw[1:]))
    if len(fields) != _SIGNED_FIELDS or fields[8] != b"\xc0":
        raise ProtocolError("the raw transaction has other fields than type 2 without access list")
    transaction = _transaction(fields)
    payload = unsigned_payload(transaction)
    rs = _content(fields[10]).rjust(32, b"\0") + _content(fields[11]).rjust(32, b"\0")
    signature = Signature(rs, _to_int(fields[9]))
    if signature.parity > 1 or encode_signed(payload, signature) != raw:
        raise ProtocolError("the raw transaction is not in canonical form")
    digest = digest_of(payload)
    try:
        sender = recover_address(digest, signature.rsv)
    except BadSignatureError as error:
        raise ProtocolError(f"the raw transaction's signature is bad: {error}") from error
    asset, destination, amount = _movement(transaction)
    return ReadBack(
        hash=keccak256(raw),
        digest=digest,
        sender=sender,
        transaction=transaction,
        asset=asset,
        destination=destination,
        amount=amount,
    )


def _movement(transaction: Transaction) -> tuple[Address, Address, int]:
    data = transaction.data
    if not data:
        return NATIVE, transaction.to, transaction.value
    if len(data) != _TRANSFER_BYTES or data[:4] != TRANSFER_SELECTOR or any(data[4:16]):
        raise ProtocolError("the raw transaction calls something else than transfer")
    if transaction.value:
        raise ProtocolError("a token transfer carries no native value")
    destination = checksum_address(data[16:36])
    return transaction.to, destination, int.from_bytes(data[36:], "big")


def _transaction(fields: list[bytes]) -> Transaction:
    to = _content(fields[5])
    if len(to) != 20:
        raise ProtocolError("the raw transaction has no receiver")
    return Transaction(
        chain_id=_to_int(fields[0]),
        nonce=_to_int(fields[1]),
        max_priority_fee_per_gas=_to_int(fields[2]),
        max_fee_per_gas=_to_int(fields[3]),
        gas_limit=_to_int(fields[4]),
        to=checksum_address(to),
        value=_to_int(fields[6]),
        data=_content(fields[7]),
    )


def _integer(value: int) -> bytes:
    if 0 < value < 0x80:
        return _BYTE[value]
    size = (value.bit_length() + 7) >> 3
    return _BYTE[0x80 + size] + value.to_bytes(size, "big")


def _string(data: bytes) -> bytes:
    if len(data) == 1 and data[0] < 0x80:
        return data
    return _header(len(data), 0x80) + data


def _list(payload: bytes) -> bytes:
    return _header(len(payload), 0xC0) + payload


def _header(length: int, offset: int) -> bytes:
    if length <= _SHORT:
        return _BYTE[offset + length]
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return _BYTE[offset + _SHORT + len(size)] + size


def _open_list(data: bytes) -> bytes:
    start, length = _measure(data, 0xC0)
    if start + length != len(data):
        raise ProtocolError("the raw transaction has trailing or missing bytes")
    return data[start:]


def _split(payload: bytes) -> list[bytes]:
    found = []
    while payload:
        offset = 0xC0 if payload[0] >= 0xC0 else 0x80
        start, length = (0, 1) if payload[0] < 0x80 else _measure(payload, offset)
        if start + length > len(payload):
            raise ProtocolError("the raw transaction is cut off")
        found.append(payload[: start + length])
        payload = payload[start + length :]
    return found


def _measure(data: bytes, offset: int) -> tuple[int, int]:
    """Return where the content of an item begins and how long it is."""
    first = data[0] - offset if data else -1
    if not 0 <= first <= _SHORT + 8:
        raise ProtocolError("the raw transaction is not RLP")
    if first <= _SHORT:
        return 1, first
    size = first - _SHORT
    return 1 + size, int.from_bytes(data[1 : 1 + size], "big")


def _content(item: bytes) -> bytes:
    if item[0] < 0x80:
        return item
    start, _ = _measure(item, 0x80)
    return item[start:]


def _to_int(item: bytes) -> int:
    return int.from_bytes(_content(item), "big")
