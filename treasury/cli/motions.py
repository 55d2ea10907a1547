"""`motion`: list, show, approve, reject, propose; and `halt`, for which one person is enough."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from policies.consent import (
    describe_motion,
    motion_digest,
    motion_to_json,
    payload_digest,
)
from policies.law import law_digest
from policies.terms import MotionKind, MotionTerms
from treasury.cli import consent, listing
from treasury.cli.api import CONSENT, HALT
from treasury.cli.exits import BAD_DATA, USAGE, CommandError
from treasury.cli.keystore import open_keystore
from treasury.cli.matter import Matter, approval_of, veto_of
from treasury.cli.screen import ago, moment
from treasury.cli.signing import ask, hand_in
from treasury.cli.terms_view import motion_lines

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_HEADINGS = ("ID", "STATE", "APPROVALS", "EXPIRES", "WHAT")
_LIFE_S = 86_400
_PAYLOADS = {
    MotionKind.RESUME: ("why",),
    MotionKind.ROTATE: ("pool", "wallet"),
    MotionKind.REINSTATE: ("wallet",),
    MotionKind.RETIRE: ("wallet",),
    MotionKind.CLOSE: ("incident", "outcome", "wallet"),
    MotionKind.SKIP_NONCE: ("nonce", "wallet"),
}


def list_all(call: Call) -> None:
    """Print motions, newest first."""
    found = call.api.get("/v1/motions", listing.query(call))

    def row(motion: Json) -> tuple[object, ...]:
        required = motion["required"]
        is_open = motion["state"] == "PROPOSED"
        return (
            f"#{motion['id']}",
            motion["state"],
            f"{len(motion['approved_by'])}{'' if required is None else f' of {required}'}",
            ago(motion["expires_at"], call.now) if is_open else "-",
            motion["what"],
        )

    rows = found["motions"]
    listing.show_rows(call, rows, headings=_HEADINGS, row=row, none="no motions")


def show(call: Call) -> None:
    """Print one motion, decoded from its terms."""
    found = call.api.get(f"/v1/motions/{call.arguments.id}")
    if call.wants_json:
        call.show(found, [])
        return
    reading = consent.read_motion(found, consent.known_law(call), call.now)
    call.show(found, motion_lines(_title(found), found, reading, call.now))


def approve(call: Call) -> None:
    """Sign exactly this motion and hand the approval in."""
    _decide(call, approval_of)


def reject(call: Call) -> None:
    """Sign a veto against this motion and hand it in."""
    _decide(call, veto_of)


def propose(call: Call) -> None:
    """Put an act to the quorum; its maker does not count as an approver."""
    kind = MotionKind(call.arguments.kind.replace("-", "_"))
    payload = _payload(kind, call.arguments.payload)
    known = consent.known_law(call)
    deployment = consent.deployment_of(call.api.get("/v1/status"))
    key = open_keystore(call.arguments.keystore, call.arguments.password_file)
    terms = MotionTerms(
        what="-",
        kind=kind,
        salt=secrets.token_bytes(16),
        payload_digest=payload_digest(payload),
        maker=key.address,
        proposed_at=call.now,
        expires_at=call.now + _LIFE_S,
        law_digest=law_digest(known.law),
    )
    terms = replace(terms, what=describe_motion(kind, payload))
    found: Json = {
        "terms": motion_to_json(terms),
        "payload": payload,
        "deployment": "0x" + deployment.hex(),
        "digest": "0x" + motion_digest(terms, deployment).hex(),
        "state": "not proposed yet",
    }
    reading = consent.read_motion(found, known, call.now)
    if reading.problems:
        raise CommandError(BAD_DATA, f"not proposed: {reading.problems[0]}")
    if not call.arguments.yes:
        print("\n".join(motion_lines("Motion", found, reading, call.now)))
        ask(f"Propose: {reading.sentence}? [y/N] ")
    signature = "0x" + key.sign(reading.digest).hex()
    body = {"terms": found["terms"], "payload": payload, "signature": signature}
    answer = call.api.post("/v1/motions", body, CONSENT)
    call.show(answer, [f"proposed as motion #{answer['id']}: other treasurers approve it now"])


def halt(call: Call) -> None:
    """Stop everything toward exposure."""
    answer = call.api.post("/v1/halt", {"why": call.arguments.why}, HALT)
    since = moment(answer["since"], call.now)
    call.show(answer, [f"{answer['state']} since {since}: `motion propose resume` ends it"])


def _payload(kind: MotionKind, pairs: list[str]) -> dict[str, str]:
    found = dict(pair.partition("=")[::2] for pair in pairs)
    wanted = _PAYLOADS[kind]
    if set(found) != set(wanted) or not all(found.values()):
        usage = " ".join(f"{name}=…" for name in wanted)
        raise CommandError(USAGE, f"a motion of kind {kind.value} takes exactly: {usage}")
    return found


def _decide(call: Call, matter_of: Callable[[consent.Reading, Sequence[str]], Matter]) -> None:
    found = call.api.get(f"/v1/motions/{call.arguments.id}")
    reading = consent.read_motion(found, consent.known_law(call), call.now)
    title = _title(found)
    matter = matter_of(reading, motion_lines(title, found, reading, call.now))
    hand_in(call, matter, found, title=title, path=f"/v1/motions/{found['digest']}")


def _title(found: Json) -> str:
    return f"Motion #{found.get('id')}"
