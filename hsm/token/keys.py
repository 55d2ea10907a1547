"""Finds the keys in a token and proves that they are the ones that were pinned.

A key is known by token serial, CKA_ID and public key together; a label proves nothing. Nothing
here ever creates a key: "not found" may only mean "logged out".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from pkcs11 import Attribute, Mechanism, ObjectClass
from pkcs11.exceptions import AttributeTypeInvalid, PKCS11Error

from hsm.curve import PARAMETERS, Curve, public_key_of, verifies
from hsm.errors import KeySetUpError, SignatureRefusedError
from hsm.settings import KeyPlan
from hsm.token.direct import Road
from hsm.token.signature import SIGNATURE_BYTES, PinnedKey, Signature
from policies.crypto import keccak256

MUST_BE_TRUE = ("SENSITIVE", "ALWAYS_SENSITIVE", "NEVER_EXTRACTABLE", "LOCAL", "PRIVATE", "SIGN")
MUST_BE_FALSE = (
    "EXTRACTABLE",
    "DERIVE",
    "DECRYPT",
    "UNWRAP",
    "SIGN_RECOVER",
    "COPYABLE",
    "MODIFIABLE",
)
PUBLIC_MUST_BE_FALSE = ("WRAP", "ENCRYPT", "DERIVE")
BORN_OUTSIDE = frozenset({"LOCAL", "ALWAYS_SENSITIVE", "NEVER_EXTRACTABLE"})
"""What an imported key cannot have; development may waive these three and no others."""

_SELF_TEST = b"Treasury key self-test\n"


class Session(Protocol):
    """What is used of an open, logged-in session."""

    def get_key(self, *, object_class: ObjectClass, id: bytes) -> object:  # noqa: A002
        """Find exactly one key."""

    def close(self) -> None:
        """Log out and close."""


class TokenKey(Protocol):
    """An object in a token whose attributes can be read."""

    def __getitem__(self, key: Attribute) -> object:
        """Read one attribute."""


class SigningKey(TokenKey, Protocol):
    """A private key in a token."""

    def sign(self, data: bytes, *, mechanism: Mechanism, buffer_size: int) -> bytes:
        """Sign bytes as they are; the answer may be longer than the buffer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveKey:
    """A verified key of an open session; `pinned` proves its secp256k1 signatures.

    `road` is the shortest way to a signature, which may send to the library's own.
    """

    plan: KeyPlan
    handle: SigningKey
    pinned: PinnedKey | None
    road: Road

    def sign_unproved(self, digest: bytes) -> bytes:
        """Let the token sign 32 bytes; the answer is worth nothing until it is proved."""
        if len(digest) != 32:
            raise SignatureRefusedError(f"a digest has 32 bytes, this one {len(digest)}")
        return self.road(digest) or sign_raw(self.handle, digest)

    def prove(self, digest: bytes, answer: bytes) -> Signature:
        """Prove a token's answer against the pinned public key.

        Raises `SignatureRefusedError`.
        """
        if self.pinned is not None:
            return self.pinned.prove(digest, answer)
        if not verifies(self.plan.curve, self.plan.public_key, digest, answer):
            raise SignatureRefusedError(
                f"the signature of key {self.plan.name} does not belong to its pinned public key"
            )
        return Signature(answer, 0)


def sign_raw(handle: SigningKey, digest: bytes) -> bytes:
    """Let a token's key sign a digest as it is.

    The mechanism is always given: the library's default would hash the digest again. So is the
    size of the buffer: the default one costs more than the library's own code.
    """
    return handle.sign(digest, mechanism=Mechanism.ECDSA, buffer_size=SIGNATURE_BYTES)


def open_key(
    session: Session, plan: KeyPlan, challenge: bytes, road_to: Callable[[SigningKey], Road]
) -> LiveKey:
    """Find a key, verify attributes and public key, and let it sign a challenge of ours.

    Raises `KeySetUpError` with every problem, and the library's errors when the token fails.
    """
    found = session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=plan.cka_id)
    private = cast("SigningKey", found)
    public = cast("TokenKey", session.get_key(object_class=ObjectClass.PUBLIC_KEY, id=plan.cka_id))
    problems = [*_point_problems(public, plan), *attribute_problems(private, public, plan)]
    if problems:
        raise KeySetUpError(f"key {plan.name}: " + "; ".join(problems))
    pinned = PinnedKey(plan.public_key) if plan.curve is Curve.SECP256K1 else None
    live = LiveKey(plan=plan, handle=private, pinned=pinned, road=road_to(private))
    digest = keccak256(_SELF_TEST + plan.public_key + challenge)
    live.prove(digest, live.sign_unproved(digest))
    return live


def _point_problems(public: TokenKey, plan: KeyPlan) -> Sequence[str]:
    found = []
    if public[Attribute.EC_PARAMS] != PARAMETERS[plan.curve].oid_der:
        found.append(f"its curve is not {plan.curve.value}")
        return found
    if public_key_of(cast("bytes", public[Attribute.EC_POINT]), plan.curve) != plan.public_key:
        found.append("its public key is not the pinned one; was the token replaced?")
    return found


def attribute_problems(private: TokenKey, public: TokenKey, plan: KeyPlan) -> Sequence[str]:
    """Return how the key's attributes differ from what a treasury key must have.

    A waiver excuses a token's silence, never a wrong answer.
    """
    born_outside = BORN_OUTSIDE if plan.imported else frozenset()
    found = []
    for key, names, wanted in (
        (private, MUST_BE_TRUE, True),
        (private, MUST_BE_FALSE, False),
        (public, PUBLIC_MUST_BE_FALSE, False),
    ):
        for name in names:
            value = read_flag(key, name)
            excused = born_outside if value is not None else born_outside | plan.waived_attributes
            if value is not wanted and name not in excused:
                shown = "unknown to this token" if value is None else value
                found.append(f"{name} is {shown}, must be {wanted}")
    return found


def read_flag(key: TokenKey, name: str) -> bool | None:
    """Read one boolean attribute; None when the token does not know it."""
    try:
        return bool(key[Attribute[name]])
    except AttributeTypeInvalid:
        return None


def is_present(session: Session, plan: KeyPlan) -> bool:
    """Tell whether the private key can be found now: a cheap sign of life."""
    try:
        session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=plan.cka_id)
    except PKCS11Error:
        return False
    return True
