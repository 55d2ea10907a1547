"""The key ceremony on the command line: `treasuryd key create | list | verify | ceremony`.

Works on the tokens of signer.toml while the signer is stopped. `ceremony` writes a transcript of
every key, with its attributes, addresses and the hash of this software, and signs it with the
checkpoint key, so that it can be shown to be the one that was made then.
"""

from __future__ import annotations

import argparse
import getpass
import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from hsm.curve import Curve, verifies
from hsm.errors import HsmError, KeySetUpError, PinRefusedError, SettingsError
from hsm.server import EXIT_CODES
from hsm.settings import KeyPurpose, Settings, TokenPlan, UnlockMode, load_settings
from hsm.token.pins import CredentialFiles, PinGuardFiles
from hsm.token.provision import (
    MadeKey,
    Session,
    create_key,
    list_keys,
    open_for_ceremony,
    problems_of,
    read_key,
    sign_digest,
)

_TRANSCRIPT = b"Treasury key ceremony\n"
OpenToken = Callable[[TokenPlan], Session]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command of the ceremony; return an exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        settings = load_settings(chosen.config)
        document = chosen.run(settings, _opening(settings, os.environ), chosen)
    except HsmError as error:
        print(f"treasuryd key: {error}", file=sys.stderr)  # noqa: T201 - talks to a person
        return EXIT_CODES[error.blame]
    text = document if isinstance(document, str) else json.dumps(document, indent=1, sort_keys=True)
    print(text)  # noqa: T201 - the answer
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="treasuryd key", description="Keys in a token.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    create = commands.add_parser("create", help="make a key inside a token")
    create.add_argument("--token", required=True, help="name of the token in signer.toml")
    create.add_argument("--label", required=True, help="label of the new key")
    create.add_argument("--id", required=True, type=_cka_id, help="its CKA_ID, hexadecimal")
    create.add_argument("--curve", type=Curve, choices=list(Curve), default=Curve.SECP256K1)
    create.add_argument("--toml", action="store_true", help="print its table for signer.toml")
    create.set_defaults(run=_create)
    listing = commands.add_parser("list", help="list the keys of every token")
    listing.set_defaults(run=_list)
    verify = commands.add_parser("verify", help="compare every key of signer.toml with its token")
    verify.set_defaults(run=_verify)
    ceremony = commands.add_parser("ceremony", help="verify, and write a signed transcript")
    ceremony.add_argument("--witness", action="append", default=[], help="name of a person present")
    ceremony.set_defaults(run=_ceremony)
    for command in (create, listing, verify, ceremony):
        command.add_argument("--config", type=Path, default=Path("/etc/treasury/signer.toml"))
    return parser


def _cka_id(text: str) -> bytes:
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if not 1 <= len(found) <= 64:
        msg = f"{text!r} is no CKA_ID: write 1 to 64 bytes in hexadecimal, such as 0a"
        raise argparse.ArgumentTypeError(msg)
    return found


def _opening(settings: Settings, environment: Mapping[str, str]) -> OpenToken:
    """Return what opens a token, by the PIN of its credential or one that a person types once.

    A stored PIN is tried once in all: the file that remembers a refusal is the signer's own.
    """
    directory = environment.get("CREDENTIALS_DIRECTORY", "")
    credentials = CredentialFiles(
        directory=Path(directory) if directory else None,
        base=settings.base,
        profile=settings.profile,
    )
    guard, typed = PinGuardFiles(directory=settings.book.parent), dict[str, str]()

    def opened(plan: TokenPlan) -> Session:
        stored = plan.mode is UnlockMode.CREDENTIAL
        if stored and (directory or "/" in plan.pin_credential):
            return _opened_by(credentials, guard, plan, settings.module)
        if plan.name not in typed:
            typed[plan.name] = _typed_pin(plan.name)
        return open_for_ceremony(settings.module, plan.serial, typed[plan.name])

    return opened


def _opened_by(
    credentials: CredentialFiles, guard: PinGuardFiles, plan: TokenPlan, module: str
) -> Session:
    refusal = guard.refusal_of(plan.name)
    if refusal is not None:
        raise PinRefusedError(refusal)
    try:
        return open_for_ceremony(module, plan.serial, credentials.pin_of(plan))
    except PinRefusedError as error:
        raise PinRefusedError(f"{error}; {guard.remember(plan.name)}") from error


def _typed_pin(token: str) -> str:
    try:
        pin = getpass.getpass(f"PIN of token {token}: ")
    except EOFError:
        pin = ""
    if not pin:
        raise SettingsError(f"no PIN was typed for token {token}; nothing was tried")
    return pin


def _create(settings: Settings, open_token: OpenToken, chosen: argparse.Namespace) -> object:
    plan = settings.tokens.get(chosen.token)
    if plan is None:
        raise SettingsError(f"signer.toml has no token {chosen.token!r}; add [tokens.…] first")
    session = open_token(plan)
    made = create_key(session, label=chosen.label, cka_id=chosen.id, curve=chosen.curve)
    session.close()
    return _table(made, plan.name) if chosen.toml else _shown(made)


def _table(made: MadeKey, token: str) -> str:
    """Write a key as signer.toml pins it; the label is its name, the address for the law."""
    purpose = KeyPurpose.CHECKPOINT if made.curve is Curve.P256 else KeyPurpose.TRANSACTION
    lines = [
        "",
        f"[keys.{made.label}]",
        f"# address {made.address or 'none'}",
        f'token = "{token}"',
        f'cka_id = "{made.cka_id.hex()}"',
        f'public_key = "{made.public_key.hex()}"',
        f'curve = "{made.curve.value}"',
        f'purpose = "{purpose.value}"',
    ]
    return "\n".join(lines)


def _list(settings: Settings, open_token: OpenToken, _chosen: argparse.Namespace) -> object:
    found = {}
    for plan in settings.tokens.values():
        session = open_token(plan)
        found[plan.name] = [
            {"label": label, "cka_id": cka_id.hex()} for label, cka_id in list_keys(session)
        ]
        session.close()
    return found


def _verify(settings: Settings, open_token: OpenToken, _chosen: argparse.Namespace) -> object:
    return {name: _shown(made) for name, made in read_all(settings, open_token).items()}


def read_all(settings: Settings, open_token: OpenToken) -> dict[str, MadeKey]:
    """Read every key of the settings from its token.

    Raises `KeySetUpError` with every key that differs from its pin or could leave its token.
    """
    found, wrong = {}, []
    for plan in settings.tokens.values():
        session = open_token(plan)
        for key in (key for key in settings.keys.values() if key.token == plan.name):
            made = read_key(session, cka_id=key.cka_id, curve=key.curve)
            found[key.name] = made
            if made.public_key != key.public_key:
                wrong.append(f"key {key.name} of token {plan.name} is not the pinned one")
            wrong += [f"key {key.name}: {problem}" for problem in problems_of(session, key)]
        session.close()
    if wrong:
        raise KeySetUpError("; ".join(wrong))
    return found


def _ceremony(settings: Settings, open_token: OpenToken, chosen: argparse.Namespace) -> object:
    keys = {name: _shown(made) for name, made in read_all(settings, open_token).items()}
    transcript = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "profile": settings.profile.value,
        "tokens": {token.name: token.serial for token in settings.tokens.values()},
        "keys": keys,
        "software": software_hash(),
        "witnesses": chosen.witness,
    }
    signature = _sign_transcript(settings, open_token, transcript_digest(transcript))
    return {"transcript": transcript, "signature": signature.hex()}


def transcript_digest(transcript: Mapping[str, object]) -> bytes:
    """Return the SHA-256 that the checkpoint key signs for a transcript."""
    text = json.dumps(transcript, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(_TRANSCRIPT + text.encode()).digest()


def _sign_transcript(settings: Settings, open_token: OpenToken, digest: bytes) -> bytes:
    key = next((k for k in settings.keys.values() if k.purpose is KeyPurpose.CHECKPOINT), None)
    if key is None:
        raise SettingsError("signer.toml has no checkpoint key to sign the transcript with")
    plan = settings.tokens[key.token]
    session = open_token(plan)
    signature = sign_digest(session, cka_id=key.cka_id, digest=digest)
    session.close()
    if not verifies(key.curve, key.public_key, digest, signature):
        raise KeySetUpError("the checkpoint key's signature does not verify")
    return signature


def software_hash() -> str:
    """Return the SHA-256 over every source file of the two packages, by name and content."""
    total = hashlib.sha256()
    root = Path(__file__).parents[1]
    for package in ("hsm", "policies"):
        for path in sorted((root / package).rglob("*.py")):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{path.relative_to(root)} {content}\n".encode())
    return total.hexdigest()


def _shown(made: MadeKey) -> dict[str, object]:
    return {
        "label": made.label,
        "cka_id": made.cka_id.hex(),
        "curve": made.curve.value,
        "public_key": made.public_key.hex(),
        "address": made.address or "",
        "attributes": dict(made.attributes),
    }
