"""A treasurer's own key: made on the treasurer's machine, kept in an encrypted file.

Asks neither daemon nor signer, so it also works on a machine without a network.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from treasury.cli.exits import BAD_DATA, USAGE, CommandError
from treasury.cli.keystore import address_in, read_secret
from treasury.cli.screen import plain

if TYPE_CHECKING:
    from treasury.cli.main import Call

# About a second on a desk: what a thief of the file pays for every password that he tries.
_SCRYPT_ROUNDS = 2**18


def new(call: Call) -> None:
    """Make a key, encrypt it under a password, and write it where no file is yet."""
    path = Path(call.arguments.file)
    if path.exists():
        raise CommandError(USAGE, f"{path} exists: a key is never overwritten; name another file")
    _write(path, _encrypted(_new_password(call)))
    show(call)


def show(call: Call) -> None:
    """Print the address that a keystore says it signs for; needs no password."""
    address = address_in(call.arguments.file)
    document = {"file": call.arguments.file, "address": address}
    call.show(document, [f"{plain(call.arguments.file)} signs for {address}"])


def _new_password(call: Call) -> str:
    password = read_secret("Password of the new key: ", call.arguments.password_file)
    if not password:
        raise CommandError(USAGE, "an empty password protects nothing: choose another")
    typed = call.arguments.password_file is None
    if typed and read_secret("The same once more: ", None) != password:
        raise CommandError(USAGE, "the two passwords differ: nothing was written")
    return password


def _encrypted(password: str) -> str:
    from eth_keyfile.keyfile import create_keyfile_json

    secret = _draw()
    return json.dumps(
        create_keyfile_json(secret, password.encode(), kdf="scrypt", iterations=_SCRYPT_ROUNDS)
    )


def _draw() -> bytes:
    import coincurve

    while True:
        secret = secrets.token_bytes(32)
        try:
            return coincurve.PrivateKey(secret).secret
        except ValueError:
            continue  # zero, or not below the order of the curve: once in 2^127 draws


def _write(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(BAD_DATA, f"{path}: cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
