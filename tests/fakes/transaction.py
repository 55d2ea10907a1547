"""Decodes raw EIP-1559 transactions for the fakes, independently of the code under test."""

from __future__ import annotations

from dataclasses import dataclass

import rlp  # type: ignore[import-untyped]

from policies.crypto import checksum_address, keccak256, recover_address
from policies.terms import NATIVE, Address

_TYPE = 2
_FIELDS = 12
_TOKEN_TRANSFER = bytes.fromhex("a9059cbb")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedTransaction:
    """One raw transaction, its sender recovered; `asset`, `payee`, `amount` see through ERC-20."""

    raw: bytes
    hash: str
    chain_id: int
    nonce: int
    priority_fee: int
    max_fee: int
    gas_limit: int
    sender: Address
    to: Address
    value: int
    data: bytes

    @property
    def max_cost(self) -> int:
        """Return the most native coin that it can take from its sender, in wei."""
        return self.value + self.gas_limit * self.max_fee

    @property
    def is_token_transfer(self) -> bool:
        """Say whether it calls ERC-20 `transfer(address,uint256)`."""
        return len(self.data) == 4 + 64 and self.data[:4] == _TOKEN_TRANSFER

    @property
    def asset(self) -> Address:
        """Return the asset that moves: `NATIVE` or the token contract."""
        return self.to if self.is_token_transfer else NATIVE

    @property
    def payee(self) -> Address:
        """Return who receives the asset."""
        return checksum_address(self.data[16:36]) if self.is_token_transfer else self.to

    @property
    def amount(self) -> int:
        """Return how much of the asset moves, in base units."""
        return int.from_bytes(self.data[36:68], "big") if self.is_token_transfer else self.value


def decode_transaction(raw: bytes) -> DecodedTransaction:
    """Decode a signed type-2 transaction and recover its sender; raises `ValueError`."""
    if not raw or raw[0] != _TYPE:
        msg = "only EIP-1559 transactions are understood"
        raise ValueError(msg)
    fields = rlp.decode(raw[1:])
    if len(fields) != _FIELDS:
        msg = f"an EIP-1559 transaction has {_FIELDS} fields, not {len(fields)}"
        raise ValueError(msg)
    digest = keccak256(raw[:1] + rlp.encode(fields[:9]))
    r, s, parity = fields[10].rjust(32, b"\0"), fields[11].rjust(32, b"\0"), fields[9] or b"\0"
    chain_id, nonce, priority_fee, max_fee, gas_limit = (
        int.from_bytes(f, "big") for f in fields[:5]
    )
    return DecodedTransaction(
        raw=raw,
        hash="0x" + keccak256(raw).hex(),
        chain_id=chain_id,
        nonce=nonce,
        priority_fee=priority_fee,
        max_fee=max_fee,
        gas_limit=gas_limit,
        sender=recover_address(digest, r + s + parity),
        to=checksum_address(fields[5]),
        value=int.from_bytes(fields[6], "big"),
        data=fields[7],
    )
