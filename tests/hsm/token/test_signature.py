"""A token's answer is proved before it is used, whatever the token returns."""

from __future__ import annotations

import random

import coincurve
import pytest

from hsm.errors import KeySetUpError, SignatureRefusedError
from hsm.token.signature import PinnedKey
from policies.crypto import SECP256K1_N, address_of_public_key, recover_address

_KEY = coincurve.PrivateKey(bytes(range(1, 33)))
_OTHER = coincurve.PrivateKey(bytes(range(2, 34)))
_PUBLIC = _KEY.public_key.format(compressed=False)[1:]
_DIGEST = bytes(range(32))


def _answer(digest: bytes, key: coincurve.PrivateKey = _KEY) -> bytes:
    found: bytes = key.sign_recoverable(digest, hasher=None)[:64]
    return found


def _high(answer: bytes) -> bytes:
    s = SECP256K1_N - int.from_bytes(answer[32:], "big")
    return answer[:32] + s.to_bytes(32, "big")


def test_ten_thousand_digests_low_s_and_parity() -> None:
    """Every answer, also with s in the upper half, ends in a low s that recovers (R3.2)."""
    pinned, source = PinnedKey(_PUBLIC), random.Random(7)
    address = address_of_public_key(_PUBLIC)
    for turn in range(10_000):
        digest = source.randbytes(32)
        recoverable = _KEY.sign_recoverable(digest, hasher=None)
        answer = recoverable[:64]
        found = pinned.prove(digest, _high(answer) if turn % 2 else answer)
        assert 0 < int.from_bytes(found.rs[32:], "big") <= SECP256K1_N // 2
        assert (found.rs, found.parity) == (answer, recoverable[64])
        if turn % 50 == 0:
            assert address == recover_address(digest, found.rsv)


@pytest.mark.parametrize(
    "answer",
    [
        bytes(64),
        bytes([255]) * 64,
        _answer(_DIGEST)[32:] + _answer(_DIGEST)[:32],
        _answer(_DIGEST, _OTHER),
        _answer(bytes(32)),
        _answer(_DIGEST)[:63],
        _answer(_DIGEST) + b"\0",
        _KEY.sign(_DIGEST, hasher=None),
        _KEY.sign(_DIGEST, hasher=None).ljust(72, b"\0"),
        b"",
        _answer(_DIGEST)[:32] + bytes(32),
        bytes(32) + _answer(_DIGEST)[32:],
        SECP256K1_N.to_bytes(32, "big") + _answer(_DIGEST)[32:],
        random.Random(1).randbytes(64),
    ],
)
def test_a_lying_token_is_found_out(answer: bytes) -> None:
    """Zero, garbage, swapped halves, another key or digest, and wrong lengths refuse (R3.3)."""
    with pytest.raises(SignatureRefusedError):
        PinnedKey(_PUBLIC).prove(_DIGEST, answer)


def test_an_r_that_wraps_is_refused() -> None:
    """The point behind a tiny r may have x = r + n, which has no parity that a chain could read."""
    tiny = (2**128).to_bytes(32, "big")
    with pytest.raises(SignatureRefusedError, match="chance never gives"):
        PinnedKey(_PUBLIC).prove(_DIGEST, tiny + _answer(_DIGEST)[32:])


@pytest.mark.parametrize("length", [0, 20, 31, 33, 64])
def test_only_32_byte_digests(length: int) -> None:
    """The token would sign any length, so the length is ours to check (R3.2)."""
    with pytest.raises(SignatureRefusedError):
        PinnedKey(_PUBLIC).prove(bytes(length), _answer(_DIGEST))


@pytest.mark.parametrize("public_key", [bytes(64), b"", bytes(63), bytes(range(64))])
def test_a_pin_off_the_curve_is_refused(public_key: bytes) -> None:
    """A pinned key of wrong length or off the curve is the operator's error."""
    with pytest.raises(KeySetUpError):
        PinnedKey(public_key)
