"""From 64 bytes that a token returned to a signature that Ethereum accepts, or an error.

The token is not trusted: r and s must be in range, s is folded to the lower half (EIP-2), and the
public key recovered from digest and signature must be the pinned one, which also yields the
parity. A token that returns garbage, swapped halves, a DER form, zero or another key's signature
is found out here, before the bytes leave. Uses libsecp256k1 through coincurve's cffi binding
directly, because the wrapper costs more than the mathematics. Not thread-safe, like the process.
"""

from __future__ import annotations

from typing import NamedTuple

from coincurve._libsecp256k1 import ffi, lib
from coincurve.context import GLOBAL_CONTEXT

from hsm.errors import KeySetUpError, SignatureRefusedError
from policies.crypto import SECP256K1_N

DIGEST_BYTES = 32
SIGNATURE_BYTES = 64
PUBLIC_KEY_BYTES = 64
_FIELD_P = 2**256 - 2**32 - 977
# Big-endian numbers of one length compare like their bytes, at a fraction of the cost.
_ZERO = bytes(32)
_N = SECP256K1_N.to_bytes(32, "big")
_HALF_N = (SECP256K1_N // 2).to_bytes(32, "big")
_AMBIGUOUS_BELOW = (_FIELD_P - SECP256K1_N).to_bytes(32, "big")
"""An r below may stand for a point whose x is r + n, which no transaction can express."""


class Signature(NamedTuple):
    """A proved signature: `rs` is r and s in 32 bytes each, 1 ≤ r < n, 1 ≤ s ≤ n/2.

    `parity` is that of the nonce point's y, 0 or 1.
    """

    rs: bytes
    parity: int

    @property
    def rsv(self) -> bytes:
        """Return r, s and v (27 or 28) as 65 bytes."""
        return self.rs + bytes([27 + self.parity])


class PinnedKey:
    """A secp256k1 public key from the settings, against which every signature is proved."""

    def __init__(self, public_key: bytes) -> None:
        """Parse 64 bytes x, y. Raises `KeySetUpError` when they are no point of the curve."""
        if len(public_key) != PUBLIC_KEY_BYTES:
            raise KeySetUpError(f"a pinned public key has 64 bytes, this one {len(public_key)}")
        self.public_key = public_key
        self._context = GLOBAL_CONTEXT.ctx
        parsed = ffi.new("secp256k1_pubkey *")
        point = b"\x04" + public_key
        if not lib.secp256k1_ec_pubkey_parse(self._context, parsed, point, len(point)):
            raise KeySetUpError("the pinned public key is not a point of secp256k1")
        self._pinned = bytes(ffi.buffer(parsed))
        self._found = ffi.new("secp256k1_pubkey *")
        self._found_view = ffi.buffer(self._found)
        self._parsed = parsed
        self._candidate = ffi.new("secp256k1_ecdsa_recoverable_signature *")
        self._plain = ffi.new("secp256k1_ecdsa_signature *")

    def prove(self, digest: bytes, answer: bytes) -> Signature:
        """Turn a token's answer for a digest into a proved signature.

        Raises `SignatureRefusedError`: then nothing of the answer may be used.
        """
        if len(digest) != DIGEST_BYTES:
            raise SignatureRefusedError(f"a digest has 32 bytes, this one {len(digest)}")
        low = _low(answer)
        # A valid signature recovers with exactly one of the two parities, so when the even one
        # names another key, verifying proves the odd one, and costs less than recovering again.
        if self._recovers_even(digest, low):
            return Signature(low, 0)
        if self._verifies(digest, low):
            return Signature(low, 1)
        raise SignatureRefusedError(
            "the token's signature does not belong to the pinned public key; nothing was used"
        )

    def _recovers_even(self, digest: bytes, low: bytes) -> bool:
        context, candidate = self._context, self._candidate
        parsed = lib.secp256k1_ecdsa_recoverable_signature_parse_compact(context, candidate, low, 0)
        if not parsed or not lib.secp256k1_ecdsa_recover(context, self._found, candidate, digest):
            return False
        return bool(self._found_view[:] == self._pinned)

    def _verifies(self, digest: bytes, low: bytes) -> bool:
        context, plain = self._context, self._plain
        if not lib.secp256k1_ecdsa_signature_parse_compact(context, plain, low):
            return False
        return bool(lib.secp256k1_ecdsa_verify(context, plain, digest, self._parsed))


def _low(answer: bytes) -> bytes:
    """Return r and s with s in the lower half. Raises `SignatureRefusedError` out of range."""
    if len(answer) != SIGNATURE_BYTES:
        raise SignatureRefusedError(f"a signature has 64 bytes, the token returned {len(answer)}")
    r, s = answer[:32], answer[32:]
    if not _ZERO < r < _N or not _ZERO < s < _N:
        raise SignatureRefusedError("the token returned r or s out of range")
    if r < _AMBIGUOUS_BELOW:
        raise SignatureRefusedError("the token returned an r that chance never gives")
    if s <= _HALF_N:
        return answer
    return r + (SECP256K1_N - int.from_bytes(s, "big")).to_bytes(32, "big")
