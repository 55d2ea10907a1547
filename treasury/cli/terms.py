"""`terms`: sign on a machine without a network, in three steps over a file or a QR code.

    treasuryctl terms export 17 > terms.json               beside the daemon
    treasuryctl terms sign terms.json --law law.toml …     anywhere; asks nobody, needs your law
    treasuryctl terms import signed.json                   beside the daemon

The file in the middle is believed as little as the daemon: the page that is shown is computed
from the terms, under the treasurer's own copy of the law, which is required here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treasury.cli import consent
from treasury.cli.api import CONSENT
from treasury.cli.exits import BAD_DATA, USAGE, CommandError
from treasury.cli.matter import Matter, approval_of
from treasury.cli.signing import sign_matter
from treasury.cli.terms_view import motion_lines, transfer_lines

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_MAX_BYTES = 100_000
_KEPT = ("kind_of_terms", "state", "digest", "deployment", "terms", "payload")


def export(call: Call) -> None:
    """Print what is to be signed elsewhere: terms, payload and deployment, nothing else."""
    kind = "motions" if call.arguments.motion else "refills"
    found = call.api.get(f"/v1/{kind}/{call.arguments.id}")
    document = {name: found[name] for name in _KEPT if name in found}
    document["kind_of_terms"] = kind
    print(json.dumps(document, indent=2, sort_keys=True))


def sign(call: Call) -> None:
    """Sign exported terms with a keystore and print the signed document."""
    if not (call.arguments.law or call.environment.law):
        raise CommandError(
            USAGE, "without the daemon your own copy of the law is needed: --law FILE"
        )
    document = _read(call.arguments.file)
    matter = _matter(document, call)
    # The page goes to stderr, so that the signed document stands alone on stdout.
    call.arguments.json = True
    signature = sign_matter(call, matter)
    print(json.dumps({**document, "signature": signature}, indent=2, sort_keys=True))


def hand_in(call: Call) -> None:
    """Hand a document that was signed elsewhere to the daemon."""
    document = _read(call.arguments.file)
    matter = _matter(document, call)
    if matter.problems:
        raise CommandError(BAD_DATA, f"not handed in: {matter.problems[0]}")
    signature = document.get("signature")
    if not isinstance(signature, str):
        raise CommandError(BAD_DATA, f"{call.arguments.file}: is not signed: `terms sign` first")
    path = f"/v1/{document['kind_of_terms']}/0x{matter.digest.hex()}/approvals"
    answer = call.api.post(path, {"signature": signature}, CONSENT)
    call.show(
        answer, [f"#{answer['id']}: handed in, approvals so far: {len(answer['approved_by'])}"]
    )


def _read(file: str) -> Json:
    try:
        with Path(file).open("rb") as opened:
            document = json.loads(opened.read(_MAX_BYTES))
    except OSError as error:
        raise CommandError(BAD_DATA, f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CommandError(BAD_DATA, f"{file}: was not made by `terms export`") from error
    kinds = ("refills", "motions")
    if not isinstance(document, dict) or document.get("kind_of_terms") not in kinds:
        raise CommandError(BAD_DATA, f"{file}: was not made by `terms export`")
    return document


def _matter(document: Json, call: Call) -> Matter:
    known = consent.known_law(call)
    title = "Exported terms"
    if document["kind_of_terms"] == "motions":
        reading = consent.read_motion(document, known, call.now)
        page = motion_lines(title, document, reading, call.now)
    else:
        reading = consent.read_transfer(document, known, call.now)
        page = transfer_lines(title, document, reading, call.now)
    return approval_of(reading, page)
