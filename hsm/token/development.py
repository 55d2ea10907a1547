"""Make the soft tokens and keys of a development deployment: play money, never production.

Run as a process of its own (`python -m hsm.token.development DIRECTORY`), so that no other program
maps the PKCS#11 module. It prints one JSON object: for every key its token's serial, CKA_ID,
public key and address. PINs are drawn at random and written to files of mode 0600.

A key may be imported instead of made in its token (`--imported hot-a`): then a copy lies outside,
in `stolen/hot-a.key`, for drills in which somebody has it. Production refuses such keys, and every
status names them.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
from collections.abc import Collection, Sequence
from pathlib import Path

import coincurve

from hsm.curve import Curve
from hsm.errors import HsmError
from hsm.token.provision import create_key, import_key, init_softhsm_token, open_for_ceremony

KEYS = {
    "vault": Curve.SECP256K1,
    "hot-a": Curve.SECP256K1,
    "hot-b": Curve.SECP256K1,
    "gas": Curve.SECP256K1,
    "checkpoint": Curve.P256,
}
_CKA_ID = b"\x01"


def make_tokens(
    directory: Path, module: str, imported: Collection[str] = ()
) -> dict[str, dict[str, str]]:
    """Make one token with one key for each of `KEYS`; a token serves one key only.

    The keys named in `imported` are drawn here and leave a copy in the folder `stolen`.

    Raises `HsmError` when SoftHSM is missing or a token cannot be made.
    """
    conf = _softhsm_conf(directory)
    os.environ["SOFTHSM2_CONF"] = str(conf)  # read by the module when it is initialised
    pins = directory / "pins"
    pins.mkdir(mode=0o700)
    made = {name: _make(name, conf, pins / f"{name}.pin", module) for name in KEYS}
    copies = directory / "stolen"
    if imported:
        copies.mkdir(mode=0o700)
    return {
        name: _create(name, module, token, copies / f"{name}.key" if name in imported else None)
        for name, token in made.items()
    }


def _softhsm_conf(directory: Path) -> Path:
    tokens = directory / "tokens"
    tokens.mkdir(parents=True, mode=0o700)
    conf = directory / "softhsm2.conf"
    conf.write_text(
        f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    return conf


def _make(name: str, conf: Path, pin_file: Path, module: str) -> tuple[str, str]:
    pin = secrets.token_hex(8)
    _write_private(pin_file, pin + "\n")
    so_pin = secrets.token_hex(8)
    serial = init_softhsm_token(conf, label=name, pin=pin, so_pin=so_pin, module=module)
    return serial, pin


def _create(name: str, module: str, token: tuple[str, str], copy: Path | None) -> dict[str, str]:
    serial, pin = token
    session = open_for_ceremony(module, serial, pin)
    if copy is None:
        key = create_key(session, label=name, cka_id=_CKA_ID, curve=KEYS[name])
    else:
        secret = coincurve.PrivateKey().secret
        _write_private(copy, secret.hex() + "\n")
        key = import_key(session, label=name, cka_id=_CKA_ID, private_key=secret)
    session.close()
    return {
        "serial": serial,
        "cka_id": key.cka_id.hex(),
        "public_key": key.public_key.hex(),
        "curve": key.curve.value,
        "address": key.address or "",
        "imported": "" if copy is None else "true",
    }


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the tokens below a directory and print what was made."""
    parser = argparse.ArgumentParser(prog="python -m hsm.token.development", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--module", default="/usr/lib/softhsm/libsofthsm2.so")
    parser.add_argument("--imported", action="append", default=[], choices=list(KEYS)[:-1])
    chosen = parser.parse_args(arguments)
    try:
        made = make_tokens(chosen.directory, chosen.module, chosen.imported)
    except HsmError as error:
        parser.exit(78, f"hsm.token.development: {error}\n")
    print(json.dumps(made, indent=1))  # noqa: T201 - the answer of this program
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
