"""Keccak-256, checksummed addresses and signature recovery: deterministic, no I/O.

The only file of this package that touches a cryptographic library, so that a missing native
library is an error at import and never a silent slow path.
"""

from __future__ import annotations

import re
from functools import lru_cache

import coincurve
import sha3

from policies.terms import Address

SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}\Z")
_SIGNATURE_BYTES = 65
_DIGEST_BYTES = 32
_UPPER_FROM = 8


class BadAddressError(ValueError):
    """The text is not an address, or its mixed-case checksum is wrong."""


class BadSignatureError(ValueError):
    """The bytes are not an acceptable 65-byte low-s signature."""


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 hash of `data`."""
    return bytes(sha3.keccak_256(data).digest())


@lru_cache(maxsize=4096)
def checksum_address(raw: bytes) -> Address:
    """Return the EIP-55 form of a 20-byte address; remembered, because the same few come again."""
    text = raw.hex()
    digest = keccak256(text.encode()).hex()
    cased = (
        c.upper() if int(d, 16) >= _UPPER_FROM else c for c, d in zip(text, digest, strict=False)
    )
    return Address("0x" + "".join(cased))


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address:
    """Parse an address; mixed case must carry a right EIP-55 checksum; remembered as well.

    Raises `BadAddressError`.
    """
    if not _ADDRESS.match(text):
        msg = f"{text!r} is not an address: write 0x and 40 hexadecimal digits"
        raise BadAddressError(msg)
    expected = checksum_address(bytes.fromhex(text[2:]))
    body = text[2:]
    if body not in (body.lower(), body.upper()) and text != expected:
        msg = f"{text} has a wrong checksum: expected {expected}"
        raise BadAddressError(msg)
    return expected


def address_bytes(address: Address) -> bytes:
    """Return the 20 bytes of an address."""
    return bytes.fromhex(address[2:])


def address_of_public_key(public_key: bytes) -> Address:
    """Return the address of a 64-byte public key (x followed by y)."""
    return checksum_address(keccak256(public_key)[12:])


@lru_cache(maxsize=4096)
def recover_address(digest: bytes, signature: bytes) -> Address:
    """Return the signer of a 32-byte digest; 65 bytes r, s, v with low s only (EIP-2).

    The same signatures are counted again at every tick, so the newest answers are kept.
    Raises `BadSignatureError` for another length, high s, r or s out of range, v not 0, 1, 27, 28,
    or a point that is not on the curve.
    """
    if len(digest) != _DIGEST_BYTES:
        msg = "the digest must be 32 bytes"
        raise BadSignatureError(msg)
    if len(signature) != _SIGNATURE_BYTES:
        msg = f"a signature is 65 bytes, this one has {len(signature)}"
        raise BadSignatureError(msg)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    parity = signature[64] - 27 if signature[64] in (27, 28) else signature[64]
    if not 0 < r < SECP256K1_N or not 0 < s <= SECP256K1_N // 2 or parity not in (0, 1):
        msg = "r, s or v is out of range, or s is in the upper half"
        raise BadSignatureError(msg)
    try:
        key = coincurve.PublicKey.from_signature_and_message(
            signature[:64] + bytes([parity]), digest, hasher=None
        )
    except Exception as error:
        msg = "no public key belongs to this signature"
        raise BadSignatureError(msg) from error
    return address_of_public_key(key.format(compressed=False)[1:])
