"""The key ceremony: makes keys inside a token with a strict template and reads everything back.

Nothing else in this package creates a key. `import_key` puts a known key into a token for
development drills; such a key can never pass as one that was made there.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

import coincurve
import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import NoSuchKey, PKCS11Error

from hsm.curve import PARAMETERS, Curve, public_key_of
from hsm.errors import (
    Action,
    KeySetUpError,
    PinBlockedError,
    PinRefusedError,
    TokenAwayError,
    action_for,
)
from hsm.settings import KeyPlan
from hsm.token.keys import (
    MUST_BE_FALSE,
    MUST_BE_TRUE,
    PUBLIC_MUST_BE_FALSE,
    SigningKey,
    TokenKey,
    attribute_problems,
    read_flag,
    sign_raw,
)
from policies.crypto import address_of_public_key
from policies.terms import Address

Session: TypeAlias = pkcs11.Session
"""An open session of the PKCS#11 library, logged in."""

_SLOT = re.compile(r"slot (\d+)")
_ASKED_TRUE = (Attribute.TOKEN, Attribute.PRIVATE, Attribute.SENSITIVE, Attribute.SIGN)
_ASKED_FALSE = (*(Attribute[name] for name in MUST_BE_FALSE), Attribute.DESTROYABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeKey:
    """A key as the token reports it; `address` is empty for a checkpoint key.

    `attributes` maps a PKCS#11 attribute to its value, None where the token does not know it.
    """

    label: str
    cka_id: bytes
    curve: Curve
    public_key: bytes
    address: Address | None
    attributes: Mapping[str, bool | None]


def open_for_ceremony(module: str, serial: str, pin: str) -> Session:
    """Log in to a token for writing, with one try.

    Raises `PinRefusedError`, `PinBlockedError`, and `TokenAwayError` for anything else.
    """
    try:
        token = pkcs11.lib(module).get_token(token_serial=serial.encode())
        return token.open(rw=True, user_pin=pin)
    except PKCS11Error as error:
        name, action = type(error).__name__, action_for(error)
        if action is Action.STOP_PIN:
            text = f"token {serial} refused the PIN ({name}): a few more tries may lock it"
            raise PinRefusedError(text) from error
        if action is Action.STOP_BLOCKED:
            text = f"token {serial} takes no PIN any more ({name}): its security officer sets one"
            raise PinBlockedError(text) from error
        raise TokenAwayError(
            f"token {serial} cannot be opened ({name}): check its serial and the module"
        ) from error


def create_key(session: Session, *, label: str, cka_id: bytes, curve: Curve) -> MadeKey:
    """Make a key pair in the token and read it back.

    Raises `KeySetUpError` when the id is taken or the token made something else than asked.
    """
    _refuse_taken(session, cka_id)
    domain = session.create_domain_parameters(
        KeyType.EC, {Attribute.EC_PARAMS: PARAMETERS[curve].oid_der}, local=True
    )
    try:
        domain.generate_keypair(
            id=cka_id,
            label=label,
            store=True,
            mechanism=Mechanism.EC_KEY_PAIR_GEN,
            public_template=_public_template(),
            private_template={
                **dict.fromkeys(_ASKED_TRUE, True),
                **dict.fromkeys(_ASKED_FALSE, False),
            },
        )
    except PKCS11Error as error:
        raise KeySetUpError(f"key {label} cannot be made ({type(error).__name__})") from error
    made = read_key(session, cka_id=cka_id, curve=curve)
    wrong = [name for name in MUST_BE_TRUE if made.attributes[name] is False]
    wrong += [name for name in MUST_BE_FALSE if made.attributes[name] is True]
    if wrong:
        raise KeySetUpError(f"key {label}: the token ignored the template: {', '.join(wrong)}")
    return made


def import_key(session: Session, *, label: str, cka_id: bytes, private_key: bytes) -> MadeKey:
    """Put a known secp256k1 key into a token: development only, shown in every status."""
    _refuse_taken(session, cka_id)
    public_key = coincurve.PrivateKey(private_key).public_key.format(compressed=False)
    shared = {
        Attribute.KEY_TYPE: KeyType.EC,
        Attribute.TOKEN: True,
        Attribute.ID: cka_id,
        Attribute.LABEL: label,
        Attribute.EC_PARAMS: PARAMETERS[Curve.SECP256K1].oid_der,
    }
    session.create_object(
        {
            **shared,
            **dict.fromkeys(_ASKED_TRUE, True),
            **dict.fromkeys(_ASKED_FALSE, False),
            Attribute.CLASS: ObjectClass.PRIVATE_KEY,
            Attribute.VALUE: private_key,
        }
    )
    session.create_object(
        {
            **shared,
            **_public_template(),
            Attribute.CLASS: ObjectClass.PUBLIC_KEY,
            Attribute.PRIVATE: False,
            Attribute.EC_POINT: b"\x04\x41" + public_key,
        }
    )
    return read_key(session, cka_id=cka_id, curve=Curve.SECP256K1)


def read_key(session: Session, *, cka_id: bytes, curve: Curve) -> MadeKey:
    """Read a key pair as the token reports it. Raises `KeySetUpError`."""
    try:
        private = session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=cka_id)
        public = session.get_key(object_class=ObjectClass.PUBLIC_KEY, id=cka_id)
        public_key = public_key_of(public[Attribute.EC_POINT], curve)
    except PKCS11Error as error:
        raise KeySetUpError(
            f"no key with id {cka_id.hex()} can be read ({type(error).__name__})"
        ) from error
    flags = {name: read_flag(private, name) for name in (*MUST_BE_TRUE, *MUST_BE_FALSE)}
    return MadeKey(
        label=str(private.label),
        cka_id=cka_id,
        curve=curve,
        public_key=public_key,
        address=address_of_public_key(public_key) if curve is Curve.SECP256K1 else None,
        attributes=flags,
    )


def problems_of(session: Session, plan: KeyPlan) -> Sequence[str]:
    """Return how a key's attributes differ from what a treasury key must have; it was read before.

    What the plan waives is left out.
    """
    private = session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=plan.cka_id)
    public = session.get_key(object_class=ObjectClass.PUBLIC_KEY, id=plan.cka_id)
    return attribute_problems(cast("TokenKey", private), cast("TokenKey", public), plan)


def sign_digest(session: Session, *, cka_id: bytes, digest: bytes) -> bytes:
    """Let a key sign 32 bytes for the ceremony; the caller proves the answer.

    Raises `KeySetUpError`.
    """
    try:
        key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=cka_id)
        signature = sign_raw(cast("SigningKey", key), digest)
    except PKCS11Error as error:
        raise KeySetUpError(f"key {cka_id.hex()} does not sign ({type(error).__name__})") from error
    return signature


def list_keys(session: Session) -> Iterator[tuple[str, bytes]]:
    """Yield label and CKA_ID of every private key in the token."""
    for key in session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}):
        yield str(key[Attribute.LABEL]), bytes(key[Attribute.ID])


def init_softhsm_token(conf: Path, *, label: str, pin: str, so_pin: str, module: str) -> str:
    """Initialise a SoftHSM token of a private store and return its serial: development only."""
    command = ["softhsm2-util", "--init-token", "--free", "--label", label]
    try:
        done = subprocess.run(  # noqa: S603 - our own words and a fixed program
            [*command, "--pin", pin, "--so-pin", so_pin],
            env={**os.environ, "SOFTHSM2_CONF": str(conf)},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise TokenAwayError(
            f"softhsm2-util cannot initialise token {label}: {error}; is softhsm2 installed?"
        ) from error
    slot = _SLOT.findall(done.stdout)[-1]
    for token in _fresh_tokens(module):
        if token.slot.slot_id == int(slot):
            return token.serial.decode("ascii")
    raise TokenAwayError(f"token {label} was initialised but is not found in slot {slot}")


def _fresh_tokens(module: str) -> list[pkcs11.Token]:
    # A module that is already initialised does not see tokens that another process made.
    library = pkcs11.lib(module)
    library.reinitialize()
    return list(library.get_tokens())


def _public_template() -> dict[Attribute, bool]:
    denied = (*PUBLIC_MUST_BE_FALSE, "VERIFY_RECOVER", "MODIFIABLE", "COPYABLE")
    return {Attribute.VERIFY: True, **{Attribute[name]: False for name in denied}}


def _refuse_taken(session: Session, cka_id: bytes) -> None:
    try:
        session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=cka_id)
    except NoSuchKey:
        return
    except PKCS11Error as error:
        raise KeySetUpError(
            f"the id {cka_id.hex()} cannot be checked ({type(error).__name__})"
        ) from error
    raise KeySetUpError(f"a key with id {cka_id.hex()} exists already; choose another id")
