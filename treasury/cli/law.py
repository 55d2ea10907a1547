"""`law`: show the one in force, sign the adoption of another, hand the signatures to the signer.

The file that `law sign` writes travels from treasurer to treasurer; each adds a signature over
the digest that they compute themselves from the law in it. It holds nothing secret.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.errors import ConfigError
from config.load import load_law
from policies.consent import (
    TermsError,
    describe_motion,
    motion_digest,
    motion_from_json,
    motion_to_json,
    payload_digest,
)
from policies.law import Law, LawError, canonical_law, law_digest, law_from_canonical
from policies.terms import NATIVE, MotionKind, MotionTerms
from treasury.cli.exits import BAD_DATA, USAGE, CommandError
from treasury.cli.keystore import open_keystore
from treasury.cli.people import ask_signer
from treasury.cli.screen import clock, fields
from treasury.cli.signing import ask
from treasury.cli.terms_view import digest_lines

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_LIFE_S = 3 * 86_400
_MAX_BYTES = 2_500_000
_KEYS = {"motion", "law", "deployment", "signatures"}


def show(call: Call) -> None:
    """Print the law in force, as the daemon reports it, and its digest as computed here."""
    found = call.api.get("/v1/law")
    try:
        law = law_from_canonical(str(found.get("text")).encode())
    except LawError as error:
        raise CommandError(BAD_DATA, f"the daemon sent no law: {error}") from error
    document = json.loads(canonical_law(law))
    lines = json.dumps(document, indent=2).splitlines()
    call.show(
        {"law": document, "digest": "0x" + law_digest(law).hex()},
        [*lines, "DIGEST", *digest_lines(law_digest(law))],
    )


def sign(call: Call) -> None:
    """Add a signature to a file; the first one makes the file from --law FILE."""
    path = Path(call.arguments.file)
    status = ask_signer(call, "status", {})
    collected = _read(path) if path.exists() else _begin(call, status)
    law, terms = _checked(collected, call.now)
    if collected["deployment"] != status["deployment"]:
        raise CommandError(BAD_DATA, f"{path}: was made for another deployment than this signer's")
    deployment = bytes.fromhex(str(collected["deployment"])[2:])
    digest = motion_digest(terms, deployment)
    key = open_keystore(call.arguments.keystore, call.arguments.password_file)
    if not call.arguments.yes:
        print("\n".join(_page(law, terms, digest)))
        ask(f"Sign as {key.address}? [y/N] ")
    signature = "0x" + key.sign(digest).hex()
    if signature not in collected["signatures"]:
        collected["signatures"].append(signature)
    _write(path, collected)
    count = len(collected["signatures"])
    call.show(collected, [f"{path}: {count} signature{'' if count == 1 else 's'}"])


def adopt(call: Call) -> None:
    """Hand the law and its signatures to the signer; on an empty book this is genesis."""
    collected = _read(Path(call.arguments.file))
    _checked(collected, call.now)
    body = {key: collected[key] for key in ("motion", "law", "signatures")}
    answer = ask_signer(call, "adopt", body)
    lines = [f"adopted: law {answer['lawDigest']}"]
    if str(answer.get("activeFrom", "")).isdecimal():
        lines.append(f"in force from {clock(int(answer['activeFrom']))}")
    call.show(answer, lines)


def _begin(call: Call, status: Json) -> Json:
    own = call.arguments.law or call.environment.law
    if not own:
        raise CommandError(USAGE, "which law? Name its file with --law FILE")
    try:
        law = load_law(Path(own))
    except ConfigError as error:
        raise CommandError(BAD_DATA, str(error)) from error
    payload = _payload(law)
    present = str(status["lawDigest"])[2:]
    terms = MotionTerms(
        what="-",
        kind=MotionKind.ADOPT,
        salt=secrets.token_bytes(16),
        payload_digest=payload_digest(payload),
        maker=NATIVE,
        proposed_at=call.now,
        expires_at=call.now + _LIFE_S,
        law_digest=bytes.fromhex(present) or bytes(32),
    )
    terms = replace(terms, what=describe_motion(MotionKind.ADOPT, payload))
    return {
        "motion": motion_to_json(terms),
        "law": canonical_law(law).decode(),
        "deployment": status["deployment"],
        "signatures": [],
    }


def _checked(collected: Json, now: int) -> tuple[Law, MotionTerms]:
    try:
        law = law_from_canonical(str(collected["law"]).encode())
        terms = motion_from_json(collected["motion"])
    except (LawError, TermsError) as error:
        raise CommandError(BAD_DATA, f"the file holds no adoption of a law: {error}") from error
    payload = _payload(law)
    is_right = terms.payload_digest == payload_digest(payload) and terms.kind is MotionKind.ADOPT
    if not is_right or terms.what != describe_motion(MotionKind.ADOPT, payload):
        raise CommandError(BAD_DATA, "the motion in the file does not adopt the law in the file")
    if terms.expires_at <= now:
        raise CommandError(BAD_DATA, "the motion in the file has expired: begin a new file")
    return law, terms


def _payload(law: Law) -> dict[str, str]:
    return {"lawDigest": "0x" + law_digest(law).hex()}


def _page(law: Law, terms: MotionTerms, digest: bytes) -> list[str]:
    people = [(person.name, person.address) for person in law.roster.treasurers]
    wallets = [(f"{w.name} ({w.role.value}, {w.chain})", w.address) for w in law.wallets]
    return [
        terms.what,
        "",
        f"TREASURERS, {law.roster.quorum} of {len(people)} carry a motion",
        *fields(people),
        "WALLETS",
        *fields(wallets),
        f"EXPIRES {clock(terms.expires_at)}",
        "DIGEST of the law",
        *digest_lines(law_digest(law)),
        "DIGEST, to compare with another treasurer",
        *digest_lines(digest),
    ]


def _read(path: Path) -> Json:
    try:
        with path.open("rb") as file:
            collected = json.loads(file.read(_MAX_BYTES))
    except OSError as error:
        raise CommandError(BAD_DATA, f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CommandError(BAD_DATA, f"{path}: was not made by `law sign`: no JSON") from error
    if not isinstance(collected, dict) or set(collected) != _KEYS:
        raise CommandError(BAD_DATA, f"{path}: was not made by `law sign`")
    if not isinstance(collected["signatures"], list):
        raise CommandError(BAD_DATA, f"{path}: has no list of signatures")
    return collected


def _write(path: Path, collected: Json) -> None:
    try:
        path.write_text(json.dumps(collected, indent=2) + "\n")
    except OSError as error:
        raise CommandError(BAD_DATA, f"{path}: cannot be written: {error.strerror}") from error
