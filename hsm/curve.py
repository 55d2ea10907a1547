"""The two curves of this project as plain integers: points as tokens write them, and P-256.

Used when keys are found and for checkpoints, never on the path of a transaction, where
libsecp256k1 does the work. Not constant-time: it handles public values only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hsm.errors import KeySetUpError
from policies.crypto import SECP256K1_N

_DER_OCTET_STRING = 4
_UNCOMPRESSED = 4
_Point = tuple[int, int] | None


class Curve(StrEnum):
    """secp256k1 signs transactions; P-256 signs checkpoints and nothing else."""

    SECP256K1 = "secp256k1"
    P256 = "p256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """y² = x³ + ax + b over the field of p, with generator and order (SEC 2)."""

    oid_der: bytes
    p: int
    a: int
    b: int
    n: int
    generator: tuple[int, int]


_SECP256K1_P = 2**256 - 2**32 - 977
_P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1

PARAMETERS = {
    Curve.SECP256K1: Parameters(
        oid_der=bytes.fromhex("06052b8104000a"),
        p=_SECP256K1_P,
        a=0,
        b=7,
        n=SECP256K1_N,
        generator=(
            0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
            0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
        ),
    ),
    Curve.P256: Parameters(
        oid_der=bytes.fromhex("06082a8648ce3d030107"),
        p=_P256_P,
        a=_P256_P - 3,
        b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        n=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        generator=(
            0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
            0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
        ),
    ),
}


def public_key_of(ec_point: bytes, curve: Curve) -> bytes:
    """Return the 64 bytes x, y from any vendor's form of CKA_EC_POINT.

    The form is told by the total length alone (65 raw, 67 DER, 33 and 35 compressed), because
    guessing DER first is ambiguous for raw points. Raises `KeySetUpError`.
    """
    point = ec_point
    if len(ec_point) in (35, 67):
        if ec_point[0] != _DER_OCTET_STRING or ec_point[1] != len(ec_point) - 2:
            raise KeySetUpError("EC_POINT has the length of a DER octet string but is none")
        point = ec_point[2:]
    if len(point) == 65 and point[0] == _UNCOMPRESSED:
        return _checked(point[1:], curve)
    if len(point) == 33 and point[0] in (2, 3):
        return _decompressed(point, curve)
    raise KeySetUpError(f"EC_POINT of {len(ec_point)} bytes is in no known form")


def _checked(public_key: bytes, curve: Curve) -> bytes:
    c = PARAMETERS[curve]
    x, y = int.from_bytes(public_key[:32], "big"), int.from_bytes(public_key[32:], "big")
    if x >= c.p or y >= c.p or (y * y - (x * x * x + c.a * x + c.b)) % c.p:
        raise KeySetUpError(f"EC_POINT is not on the curve {curve.value}")
    return public_key


def _decompressed(point: bytes, curve: Curve) -> bytes:
    c = PARAMETERS[curve]
    x = int.from_bytes(point[1:], "big")
    # Both primes are 3 modulo 4, so this power is a square root when there is one.
    y = pow(x * x * x + c.a * x + c.b, (c.p + 1) // 4, c.p)
    if y & 1 != point[0] & 1:
        y = c.p - y
    return _checked(point[1:] + (y % c.p).to_bytes(32, "big"), curve)


def verifies(curve: Curve, public_key: bytes, digest: bytes, signature: bytes) -> bool:
    """Tell whether 64 bytes r, s are an ECDSA signature of a 32-byte digest (SEC 1, 4.1.4)."""
    c = PARAMETERS[curve]
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or len(digest) != 32 or not 0 < r < c.n or not 0 < s < c.n:
        return False
    inverse = pow(s, -1, c.n)
    key = (int.from_bytes(public_key[:32], "big"), int.from_bytes(public_key[32:], "big"))
    left = _times(c, int.from_bytes(digest, "big") * inverse % c.n, c.generator)
    right = _times(c, r * inverse % c.n, key)
    total = _plus(c, left, right)
    return total is not None and total[0] % c.n == r


def _plus(c: Parameters, one: _Point, two: _Point) -> _Point:
    if one is None or two is None:
        return two if one is None else one
    if one[0] == two[0]:
        if (one[1] + two[1]) % c.p == 0:
            return None
        slope = (3 * one[0] * one[0] + c.a) * pow(2 * one[1], -1, c.p)
    else:
        slope = (two[1] - one[1]) * pow(two[0] - one[0], -1, c.p)
    x = (slope * slope - one[0] - two[0]) % c.p
    return x, (slope * (one[0] - x) - one[1]) % c.p


def _times(c: Parameters, factor: int, point: _Point) -> _Point:
    total: _Point = None
    while factor:
        if factor & 1:
            total = _plus(c, total, point)
        point = _plus(c, point, point)
        factor >>= 1
    return total
