"""Points as tokens write them, and P-256, against an independent library and known values."""

from __future__ import annotations

import random
from collections import Counter

import coincurve
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hsm.curve import PARAMETERS, Curve, public_key_of, verifies
from hsm.errors import KeySetUpError

_KEYS = st.integers(1, PARAMETERS[Curve.SECP256K1].n - 1).map(
    lambda n: coincurve.PrivateKey(n.to_bytes(32, "big")).public_key
)
_P256_SAMPLE = bytes.fromhex(
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
_P256_DIGEST = bytes.fromhex("af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf")
_P256_SIGNATURE = bytes.fromhex(
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
)


@given(_KEYS)
@settings(max_examples=60, deadline=None)
def test_all_vendor_forms_name_the_same_key(key: coincurve.PublicKey) -> None:
    """Raw and DER, whole and compressed points decode to the same 64 bytes (R3.5)."""
    whole, short = key.format(compressed=False), key.format(compressed=True)
    forms = [whole, b"\x04\x41" + whole, short, b"\x04\x21" + short]

    assert {whole[1:]} == {public_key_of(form, Curve.SECP256K1) for form in forms}


@given(st.binary(max_size=80) | st.binary(min_size=65, max_size=65))
@settings(max_examples=2000, deadline=None)
def test_garbage_is_refused_never_a_crash(data: bytes) -> None:
    """Random bytes are refused, or, compressed, happen to be a point (R3.5)."""
    for curve in Curve:
        try:
            found = public_key_of(data, curve)
        except KeySetUpError:
            continue
        assert 64 == len(found)


@pytest.mark.soak
def test_a_million_points_never_crash_the_parser() -> None:
    """R3.5: noise of every length, and true points with one byte spoiled, cut off or added."""
    lots = random.Random(35)
    key = coincurve.PrivateKey(b"\x07" * 32).public_key
    whole, short = key.format(compressed=False), key.format(compressed=True)
    forms = [whole, b"\x04\x41" + whole, short, b"\x04\x21" + short]
    told: Counter[str] = Counter()
    for number in range(1_000_000):
        data = bytearray(lots.choice(forms) if number % 2 else lots.randbytes(lots.randrange(81)))
        at = lots.randrange(len(data) + 1)
        data[at : at + lots.randrange(2)] = lots.randbytes(lots.randrange(2))
        try:
            told[f"{len(public_key_of(bytes(data), Curve.SECP256K1))} bytes"] += 1
        except KeySetUpError:
            told["refused"] += 1

    assert {"64 bytes", "refused"} == set(told)
    assert told["refused"] > told["64 bytes"]


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p[:-1],
        lambda p: p + b"\0",
        lambda p: b"\x05" + p[1:],
        lambda p: p[:64] + bytes([p[64] ^ 1]),
        lambda p: b"\x04\x40" + p,
        lambda p: b"\x30\x41" + p,
        lambda _: b"",
        lambda _: b"\x04" + b"\xff" * 64,
        lambda _: b"\x02" + b"\xff" * 32,
    ],
)
def test_wrong_length_header_or_curve_is_refused(change: object) -> None:
    """Trailing bytes, another header, a point off the curve or above p are refused (R3.5)."""
    assert callable(change)
    point = coincurve.PrivateKey(b"\x07" * 32).public_key.format(compressed=False)
    with pytest.raises(KeySetUpError):
        public_key_of(change(point), Curve.SECP256K1)


def test_the_published_p256_vector_verifies() -> None:
    """RFC 6979 A.2.5 (SHA-256, "sample") verifies; a flipped bit anywhere does not."""
    assert _P256_SAMPLE == public_key_of(b"\x04" + _P256_SAMPLE, Curve.P256)
    assert verifies(Curve.P256, _P256_SAMPLE, _P256_DIGEST, _P256_SIGNATURE)
    for at in (0, 31, 32, 63):
        bad = bytearray(_P256_SIGNATURE)
        bad[at] ^= 1
        assert not verifies(Curve.P256, _P256_SAMPLE, _P256_DIGEST, bytes(bad))
    for bad_signature in (b"", bytes(64), _P256_SIGNATURE[:63], _P256_SIGNATURE + b"\0"):
        assert not verifies(Curve.P256, _P256_SAMPLE, _P256_DIGEST, bad_signature)


@given(st.binary(min_size=32, max_size=32))
@settings(max_examples=20, deadline=None)
def test_plain_verification_agrees_with_the_fast_library(digest: bytes) -> None:
    """What libsecp256k1 signs, the plain integers verify."""
    key = coincurve.PrivateKey(b"\x07" * 32)
    answer = key.sign_recoverable(digest, hasher=None)[:64]

    assert verifies(Curve.SECP256K1, key.public_key.format(compressed=False)[1:], digest, answer)
