"""Verify an ECDSA signature on P-256 (FIPS 186-5, section 6.4.2), the curve of checkpoints.

Plain integers and nothing imported, so that who checks the journal shares no code with who signs
it. Not constant-time, which matters to nobody: it sees public values only.
"""

from __future__ import annotations

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_HALF, _WHOLE = 32, 64
_Point = tuple[int, int] | None


def is_valid_key(public_key: bytes) -> bool:
    """Say whether 64 bytes x, y are a point of the curve."""
    if len(public_key) != _WHOLE:
        return False
    x, y = _pair(public_key)
    return x < _P and y < _P and (y * y - x**3 + 3 * x - _B) % _P == 0


def is_signed(public_key: bytes, digest: bytes, signature: bytes) -> bool:
    """Say whether 64 bytes r, s are this key's signature of a 32-byte digest."""
    if len(signature) != _WHOLE or len(digest) != _HALF or not is_valid_key(public_key):
        return False
    r, s = _pair(signature)
    if not (0 < r < _N and 0 < s < _N):
        return False
    inverse = pow(s, -1, _N)
    mine = _multiple(int.from_bytes(digest, "big") * inverse % _N, _G)
    theirs = _multiple(r * inverse % _N, _pair(public_key))
    found = _sum(mine, theirs)
    return found is not None and found[0] % _N == r


def _pair(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[:_HALF], "big"), int.from_bytes(data[_HALF:], "big")


def _sum(one: _Point, two: _Point) -> _Point:
    if one is None or two is None:
        return one or two
    if one[0] == two[0] and (one[1] + two[1]) % _P == 0:
        return None
    if one == two:
        slope = 3 * (one[0] - 1) * (one[0] + 1) * pow(2 * one[1], -1, _P)
    else:
        slope = (one[1] - two[1]) * pow(one[0] - two[0], -1, _P)
    x = (slope * slope - one[0] - two[0]) % _P
    return x, (slope * (one[0] - x) - one[1]) % _P


def _multiple(factor: int, point: _Point) -> _Point:
    found: _Point = None
    for bit in f"{factor:b}":
        found = _sum(found, found)
        if bit == "1":
            found = _sum(found, point)
    return found
