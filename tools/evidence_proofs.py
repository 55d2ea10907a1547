"""Curves, hashes and encodings for `verify_evidence`: nothing of the daemon's own code.

The standard library, `coincurve` for recovery on secp256k1 and `sha3` for Keccak-256.
"""

from __future__ import annotations

from typing import Any

import coincurve
import sha3

NATIVE = "0x" + "00" * 20
_TYPES = {
    "Transfer": "string what,string purpose,bytes16 salt,uint256 chainId,address asset,"
    "address from,address to,uint256 amount,uint256 maxFee,address maker,uint64 proposedAt,"
    "uint64 expiresAt,bytes32 lawDigest",
    "Motion": "string what,string kind,bytes16 salt,bytes32 payloadDigest,address maker,"
    "uint64 proposedAt,uint64 expiresAt,bytes32 lawDigest",
    "Veto": "bytes32 digest",
}
_P256_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_P256_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    1,
)
_HALF_N = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_SIGNATURE = 65
Jacobian = tuple[int, int, int]


def unhex(text: str) -> bytes:
    """Read 0x-hex."""
    if not text.startswith("0x"):
        msg = f"{text[:20]!r} is not 0x-hex"
        raise ValueError(msg)
    return bytes.fromhex(text[2:])


def keccak(data: bytes) -> bytes:
    """Return the Keccak-256 digest."""
    digest: bytes = sha3.keccak_256(data).digest()
    return digest


def eip712(kind: str, message: dict[str, str], deployment: bytes) -> bytes:
    """Return the digest that a treasurer's wallet signs for terms of this kind."""
    name, version = keccak(b"Treasury"), keccak(b"1")
    domain_type = keccak(b"EIP712Domain(string name,string version,bytes32 salt)")
    domain = keccak(domain_type + name + version + deployment)
    fields = [field.split(" ") for field in _TYPES[kind].split(",")]
    if set(message) != {field for _, field in fields}:
        msg = f"other fields than those of {kind}"
        raise ValueError(msg)
    words = [_word(solidity, message[field]) for solidity, field in fields]
    struct = keccak(keccak(f"{kind}({_TYPES[kind]})".encode()) + b"".join(words))
    return keccak(b"\x19\x01" + domain + struct)


def _word(kind: str, value: str) -> bytes:
    if kind == "string":
        return keccak(value.encode())
    if kind.startswith("uint"):
        return int(value).to_bytes(32, "big")
    raw = unhex(value)
    return raw.rjust(32, b"\0") if kind == "address" else raw.ljust(32, b"\0")


def signer_of(digest: bytes, signature: bytes) -> str:
    """Return the lower-case address that signed a digest; raises `ValueError` for a bad form."""
    if len(signature) != _SIGNATURE or signature[64] not in (27, 28):
        raise ValueError("a signature has 65 bytes and ends in 27 or 28")
    if int.from_bytes(signature[32:64], "big") > _HALF_N:
        raise ValueError("a signature has a high s")
    compact = signature[:64] + bytes([signature[64] - 27])
    key = coincurve.PublicKey.from_signature_and_message(compact, digest, hasher=None)
    return "0x" + keccak(key.format(compressed=False)[1:])[-20:].hex()


def rlp(data: bytes) -> tuple[Any, bytes]:
    """Decode one RLP item; return it and what follows."""
    first = data[0]
    if first < 0x80:
        return data[:1], data[1:]
    is_list, base = first >= 0xC0, 0xC0 if first >= 0xC0 else 0x80
    size, start = first - base, 1
    if size > 55:
        start += size - 55
        size = int.from_bytes(data[1:start], "big")
    body, rest = data[start : start + size], data[start + size :]
    if len(body) != size:
        raise ValueError("an RLP item is cut off")
    if not is_list:
        return body, rest
    items = []
    while body:
        item, body = rlp(body)
        items.append(item)
    return items, rest


def rlp_list(items: list[Any]) -> bytes:
    """Encode a list of byte strings and lists."""
    body = b"".join(rlp_list(i) if isinstance(i, list) else _rlp_text(i) for i in items)
    return _rlp_head(len(body), 0xC0) + body


def _rlp_text(data: bytes) -> bytes:
    is_itself = len(data) == 1 and data[0] < 0x80
    return data if is_itself else _rlp_head(len(data), 0x80) + data


def _rlp_head(size: int, base: int) -> bytes:
    if size <= 55:
        return bytes([base + size])
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([base + 55 + len(length)]) + length


def p256_signed(key: bytes, digest: bytes, signature: bytes) -> bool:
    """Say whether 64 bytes r, s are the signature of a P-256 key (64 bytes x, y)."""
    if len(key) != 64 or len(signature) != 64:
        return False
    x, y = (int.from_bytes(part, "big") for part in (key[:32], key[32:]))
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
    if (y * y - x * x * x + 3 * x - _P256_B) % _P256_P or not (0 < r < _P256_N and 0 < s < _P256_N):
        return False
    z, w = int.from_bytes(digest, "big"), pow(s, -1, _P256_N)
    point = _add(_times(z * w % _P256_N, _P256_G), _times(r * w % _P256_N, (x, y, 1)))
    if point[2] == 0:
        return False
    found = point[0] * pow(point[2], -2, _P256_P) % _P256_P
    return found % _P256_N == r


def _double(point: Jacobian) -> Jacobian:
    x, y, z = point
    if y == 0 or z == 0:
        return 1, 1, 0
    s = 4 * x * y * y % _P256_P
    m = 3 * (x - z * z) * (x + z * z) % _P256_P
    x2 = (m * m - 2 * s) % _P256_P
    return x2, (m * (s - x2) - 8 * y**4) % _P256_P, 2 * y * z % _P256_P


def _add(one: Jacobian, two: Jacobian) -> Jacobian:
    if one[2] == 0 or two[2] == 0:
        return two if one[2] == 0 else one
    za, zb = one[2] ** 2 % _P256_P, two[2] ** 2 % _P256_P
    u1, u2 = one[0] * zb % _P256_P, two[0] * za % _P256_P
    s1, s2 = one[1] * zb * two[2] % _P256_P, two[1] * za * one[2] % _P256_P
    if u1 == u2:
        return _double(one) if s1 == s2 else (1, 1, 0)
    h, r = u2 - u1, s2 - s1
    x = (r * r - h**3 - 2 * u1 * h * h) % _P256_P
    return x, (r * (u1 * h * h - x) - s1 * h**3) % _P256_P, h * one[2] * two[2] % _P256_P


def _times(factor: int, point: Jacobian) -> Jacobian:
    found: Jacobian = (1, 1, 0)
    while factor:
        if factor & 1:
            found = _add(found, point)
        point, factor = _double(point), factor >> 1
    return found
