"""Whose key signs: an encrypted keystore (Web3 Secret Storage v3), opened for one signature.

The keystore library is imported only here and only when a key is needed.
"""

from __future__ import annotations

import getpass
import json
from dataclasses import dataclass
from pathlib import Path

from policies.crypto import BadAddressError, address_of_public_key, parse_address
from policies.terms import Address
from treasury.cli.exits import BAD_DATA, USAGE, CommandError

_MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SigningKey:
    """A private key in memory and the address that it signs for."""

    address: Address
    secret: bytes

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest: 65 bytes r, s, v with low s and v 27 or 28."""
        import coincurve

        signature = bytes(coincurve.PrivateKey(self.secret).sign_recoverable(digest, hasher=None))
        return signature[:64] + bytes([signature[64] + 27])


def open_keystore(path: str | None, password_file: str | None) -> SigningKey:
    """Decrypt a keystore; the password comes from a file or is asked for.

    Raises `CommandError`.
    """
    if not path:
        raise CommandError(USAGE, "whose key signs? Name it with --keystore FILE")
    document = _document(Path(path))
    secret = _decrypt(document, read_secret(f"Password of {path}: ", password_file).encode(), path)
    import coincurve

    public = coincurve.PrivateKey(secret).public_key.format(compressed=False)[1:]
    return SigningKey(address=address_of_public_key(public), secret=secret)


def address_in(path: str) -> Address:
    """Return the address that a keystore names, unproved. Raises `CommandError`."""
    text = str(_document(Path(path)).get("address", ""))
    try:
        return parse_address("0x" + text.removeprefix("0x"))
    except BadAddressError as error:
        raise CommandError(BAD_DATA, f"{path}: does not say its address") from error


def _document(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_MAX_BYTES))
    except OSError as error:
        raise CommandError(BAD_DATA, f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CommandError(BAD_DATA, f"{path}: is no keystore: not JSON") from error
    if not isinstance(document, dict) or "crypto" not in {str(k).lower() for k in document}:
        raise CommandError(BAD_DATA, f"{path}: is no keystore: it has no `crypto` part")
    return document


def read_secret(prompt: str, file: str | None) -> str:
    """Return a password or PIN from a file's only line, or typed unseen.

    Raises `CommandError`.
    """
    if file is None:
        try:
            return getpass.getpass(prompt)
        except EOFError as error:
            text = "nothing was typed: use a terminal, or name a file that holds it"
            raise CommandError(USAGE, text) from error
    try:
        return Path(file).read_bytes().decode().rstrip("\r\n")
    except OSError as error:
        raise CommandError(BAD_DATA, f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(BAD_DATA, f"{file}: is no text: name the password's file") from error


def _decrypt(document: dict[str, object], password: bytes, path: str) -> bytes:
    from eth_keyfile.keyfile import decode_keyfile_json

    try:
        secret = bytes(decode_keyfile_json(document, password))
    except ValueError as error:
        told = "wrong password" if "MAC" in str(error) else str(error)
        raise CommandError(BAD_DATA, f"{path}: cannot be opened: {told}") from error
    except Exception as error:
        # The library has no error class of its own; a damaged file ends in any of Python's.
        text = f"{path}: is no keystore: {type(error).__name__}"
        raise CommandError(BAD_DATA, text) from error
    if len(secret) != 32:
        raise CommandError(BAD_DATA, f"{path}: holds no 32-byte key")
    return secret
