"""Development treasurers: people with encrypted keystores of their own (Web3 Secret Storage v3).

The password of all of them lies in a file beside the keystores, because this is play money. The
daemon and the signer never see these files: treasurers sign with `treasuryctl`, like in real life.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import coincurve

from policies.crypto import address_of_public_key
from policies.terms import Address

NAMES = ("alice", "bob", "carol")
PASSWORD = "development only"  # noqa: S105
# A real keystore takes 2**18 rounds, which is a second per signature; play money needs no second.
_SCRYPT_ROUNDS = 2**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A development treasurer: name, address and where the keystore lies."""

    name: str
    address: Address
    keystore: Path
    password_file: Path


def enrol(directory: Path) -> tuple[Person, ...]:
    """Make a keystore for every development treasurer and return the people."""
    directory.mkdir(parents=True, mode=0o700, exist_ok=True)
    password_file = directory / "password.txt"
    _write_private(password_file, PASSWORD + "\n")
    return tuple(_enrol(name, directory, password_file) for name in NAMES)


def private_key_of(person: Person) -> bytes:
    """Decrypt a development treasurer's key."""
    from eth_keyfile import decode_keyfile_json

    document = json.loads(person.keystore.read_text())
    return bytes(decode_keyfile_json(document, PASSWORD.encode()))


def sign_digest(person: Person, digest: bytes) -> bytes:
    """Sign a 32-byte digest as that person: 65 bytes r, s, v with low s."""
    key = coincurve.PrivateKey(private_key_of(person))
    return bytes(key.sign_recoverable(digest, hasher=None))


def _enrol(name: str, directory: Path, password_file: Path) -> Person:
    from eth_keyfile import create_keyfile_json

    secret = coincurve.PrivateKey()
    document = create_keyfile_json(
        secret.secret, PASSWORD.encode(), kdf="scrypt", iterations=_SCRYPT_ROUNDS
    )
    keystore = directory / f"{name}.json"
    _write_private(keystore, json.dumps(document))
    public = secret.public_key.format(compressed=False)[1:]
    return Person(
        name=name,
        address=address_of_public_key(public),
        keystore=keystore,
        password_file=password_file,
    )


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
