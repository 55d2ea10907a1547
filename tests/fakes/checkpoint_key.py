"""A signer whose checkpoint key is the test's own: the room's soft tokens have none.

`SigningClient` answers everything else as the room does; `sign_head` signs by hand.
"""

from __future__ import annotations

import hashlib
from typing import Any

from hsm.wire.answers import BookPlace, Proof
from tests.fakes.belt import RoomClient
from treasury.cli import p256

_D, _K = 0x1234567, 0x7654321
KEY = b"".join(part.to_bytes(32, "big") for part in p256._multiple(_D, p256._G) or ())
_DOMAIN = b"Treasury checkpoint\n"


def sign_head(deployment: bytes, seq: int, head: bytes) -> bytes:
    """Return the signature of the checkpoint key over a line of the journal."""
    signed = _DOMAIN + deployment + seq.to_bytes(8, "big") + head
    digest = int.from_bytes(hashlib.sha256(signed).digest(), "big")
    point = p256._multiple(_K, p256._G)
    assert point is not None
    r = point[0] % p256._N
    s = pow(_K, -1, p256._N) * (digest + r * _D) % p256._N
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class SigningClient:
    """A room with a checkpoint key."""

    def __init__(self, room: RoomClient, deployment: bytes) -> None:
        self._room = room
        self._deployment = deployment

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the room answers
        return getattr(self._room, name)

    def checkpoint(self, seq: int, head: bytes) -> Proof:
        signature = sign_head(self._deployment, seq, head)
        return Proof(book=BookPlace(seq=0, head=bytes(32)), signature=signature, public_key=KEY)
