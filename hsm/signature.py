"""From 64 bytes that a token returned to a signature that Ethereum accepts, or an error.

The token is not trusted: r and s must be in range, s is folded to the lower half (EIP-2), and the
public key recovered from digest and signature must be the pinned one, which also yields the
parity. A token that returns garbage, swapped halves, a DER form, zero or another key's signature
is found out here, before the bytes leave. Uses libsecp256k1 through coincurve's cffi binding
directly, because the wrapper costs more than the mathematics. Not thread-safe, like the process.
"""

from __future__ import annotations

from dataclasses import dataclass

from coincurve._libsecp256k1 import ffi, lib
from coincurve.context import GLOBAL_CONTEXT

from hsm.errors import KeySetUpError, SignatureRefusedError
from policies.crypto import SECP256K1_N

DIGEST_BYTES = 32
SIGNATURE_BYTES = 64
PUBLIC_KEY_BYTES = 64
_HALF_N = SECP256K1_N // 2
_PARITIES = (0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A proved signature: 1 ≤ r < n, 1 ≤ s ≤ n/2, and the parity of the nonce point's y."""

    r: int
    s: int
    parity: int

    @property
    def rs(self) -> bytes:
        """Return r and s as 64 bytes."""
        return self.r.to_bytes(32, "big") + self.s.to_bytes(32, "big")

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
        self._candidate = ffi.new("secp256k1_ecdsa_recoverable_signature *")

    def prove(self, digest: bytes, answer: bytes) -> Signature:
        """Turn a token's answer for a digest into a proved signature.

        Raises `SignatureRefusedError`: then nothing of the answer may be used.
        """
        if len(digest) != DIGEST_BYTES:
            raise SignatureRefusedError(f"a digest has 32 bytes, this one {len(digest)}")
        r, s = _in_range(answer)
        if s > _HALF_N:
            s = SECP256K1_N - s
        return Signature(r=r, s=s, parity=self._parity(digest, answer[:32] + s.to_bytes(32, "big")))

    def _parity(self, digest: bytes, low: bytes) -> int:
        for parity in _PARITIES:
            if self._recovers(digest, low, parity):
                return parity
        raise SignatureRefusedError(
            "the token's signature does not belong to the pinned public key; nothing was used"
        )

    def _recovers(self, digest: bytes, low: bytes, parity: int) -> bool:
        context, candidate = self._context, self._candidate
        parsed = lib.secp256k1_ecdsa_recoverable_signature_parse_compact(
            context, candidate, low, parity
        )
        if not parsed or not lib.secp256k1_ecdsa_recover(context, self._found, candidate, digest):
            return False
        return bool(self._found_view[:] == self._pinned)


def _in_range(answer: bytes) -> tuple[int, int]:
    if len(answer) != SIGNATURE_BYTES:
        raise SignatureRefusedError(f"a signature has 64 bytes, the token returned {len(answer)}")
    r, s = int.from_bytes(answer[:32], "big"), int.from_bytes(answer[32:], "big")
    if not 0 < r < SECP256K1_N or not 0 < s < SECP256K1_N:
        raise SignatureRefusedError("the token returned r or s out of range")
    return r, s
