"""From terms to a signature: show, refuse what does not fit, ask, sign, hand in.

Three ways lead to a signature: a keystore here, `--typed-data` for another wallet, and
`--signature` with what that wallet answered. All three show the same page first.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from policies.crypto import BadSignatureError, recover_address
from policies.terms import Address
from treasury.cli.api import CONSENT
from treasury.cli.exits import BAD_DATA, REFUSED, CommandError
from treasury.cli.keystore import open_keystore
from treasury.cli.matter import Act, Matter
from treasury.cli.screen import plain

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}\Z")


def hand_in(call: Call, matter: Matter, found: Json, *, title: str, path: str) -> None:
    """Sign, and hand the signature in below `path`; say what it did.

    `found` is what was there before. Nothing is handed in when only the typed data was asked for.
    """
    signature = sign_matter(call, matter)
    if signature is None:
        return
    answer = call.api.post(f"{path}/{matter.act}", {"signature": signature}, CONSENT)
    call.show(answer, _outcome(matter.act, title, found, answer))


def sign_matter(call: Call, matter: Matter) -> str | None:
    """Return the signature as 0x-hex, or None when only the typed data was asked for.

    Raises `CommandError` for a mismatch, a "no", a key that does not count.
    """
    arguments = call.arguments
    given = getattr(arguments, "signature", None)
    only_data = bool(getattr(arguments, "typed_data", False))
    aside = call.wants_json or only_data
    print("\n".join(matter.page), file=sys.stderr if aside else sys.stdout, flush=True)
    if matter.problems:
        count = len(matter.problems)
        text = f"not signed: {count} mismatch{'es' if count > 1 else ''}; {matter.problems[0]}"
        raise CommandError(BAD_DATA, text)
    if only_data:
        print(json.dumps(matter.typed_data, indent=2))
        return None
    if given:
        signature = _given(given)
    else:
        key = open_keystore(arguments.keystore, arguments.password_file)
        _require_counting(key.address, matter)
        if not arguments.yes:
            ask(f"{matter.question} [y/N] ")
        signature = key.sign(matter.digest)
    _require_counting(_recovered(matter.digest, signature), matter)
    return "0x" + signature.hex()


def ask(question: str) -> None:
    """Ask on the terminal. Raises `CommandError` unless the answer is yes."""
    print(question, end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline().strip().lower()
    if answer not in ("y", "yes"):
        raise CommandError(REFUSED, "not signed: the answer was not yes")


def _given(text: str) -> bytes:
    if not _SIGNATURE.match(text):
        raise CommandError(BAD_DATA, "the signature must be 0x and 130 hexadecimal digits")
    return bytes.fromhex(text[2:])


def _recovered(digest: bytes, signature: bytes) -> Address:
    try:
        return recover_address(digest, signature)
    except BadSignatureError as error:
        raise CommandError(BAD_DATA, f"the signature does not count: {error}") from error


def _require_counting(address: Address, matter: Matter) -> None:
    person = matter.law.treasurer_at(address)
    if person is None:
        text = f"not signed: {address} is no treasurer of the law, or signed other terms"
        raise CommandError(BAD_DATA, text)
    if address == matter.maker:
        text = (
            f"not signed: {plain(person.name)} made this proposal, another treasurer must approve"
        )
        raise CommandError(REFUSED, text)


def _outcome(act: Act, title: str, before: Json, after: Json) -> list[str]:
    """Say what handing in a signature did, in one line."""
    kind = "vetoes" if act is Act.VETO else "approvals"
    if len(after[kind]) == len(before[kind]):
        return [f"{title}: this signature was there already, nothing changed"]
    if act is Act.VETO:
        return [f"{title}: vetoed, the next tick ends it"]
    makers = sum(1 for a in after["approvals"] if a["treasurer"] == after.get("maker"))
    count, required = len(after["approvals"]) - makers, after.get("required")
    if required is None and count == 1:
        return [f"{title}: approved, 1 approval is in"]
    needed = "" if required is None else f" of {required}"
    return [f"{title}: approved, {count}{needed} approvals are in"]
