"""What goes to the signer directly, without the daemon in between: status, isolate, veto.

A stolen or stopped daemon can neither delay nor swallow these.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hsm.client import SignerClient
from hsm.errors import HsmError, ProtocolError
from policies.consent import veto_digest
from treasury.cli.exits import BAD_DATA, NO_PERMISSION, REFUSED, UNAVAILABLE, USAGE, CommandError
from treasury.cli.keystore import open_keystore, read_secret
from treasury.cli.screen import clock, fields, plain

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_NO_LAW = "none: adopt one"


def ask_signer(call: Call, verb: str, body: Json) -> Json:
    """Ask the signer on its socket for people and return the answer's body.

    Raises `CommandError` when it refuses or cannot be reached.
    """
    path = Path(call.arguments.signer or call.environment.signer)
    client = SignerClient(path)
    try:
        answer = client.call(verb, body)
    except ProtocolError as error:
        raise CommandError(BAD_DATA, str(error)) from error
    except HsmError as error:
        if isinstance(error.__cause__, PermissionError):
            text = f"you may not open {path}: ask for membership in its group, then log in again"
            raise CommandError(NO_PERMISSION, text) from error
        text = f"{error}; name another socket with --signer or TREASURY_SIGNER"
        raise CommandError(UNAVAILABLE, text) from error
    finally:
        client.close()
    if answer.result.value == "ok":
        return dict(answer.body)
    told = "; ".join(reason.text for reason in answer.reasons)
    raise CommandError(REFUSED, f"the signer refused: {told}")


def status(call: Call) -> None:
    """Print how the signer is."""
    found = ask_signer(call, "status", {})
    lines = [
        f"Signer: {plain(found['health'])}{', FROZEN' if found['frozen'] == '1' else ''}",
        "",
        *fields(
            [
                ("its clock", clock(_number(found["now"]))),
                ("profile", found["profile"]),
                ("tokens", _pairs(found["tokens"])),
                ("active", _pairs(found["active"])),
                ("isolated", ", ".join(found["isolated"]) or "none"),
                ("retired", ", ".join(found["retired"]) or "none"),
                ("next nonces", _pairs(found["nonces"])),
                ("daemon", f"hears number {found['epoch']}, and none before it"),
                ("law", _NO_LAW if found["lawDigest"] == "0x" else found["lawDigest"]),
                ("deployment", found["deployment"]),
            ]
        ),
    ]
    lines += [f"WAIVED: {plain(waiver)}" for waiver in found["waivers"]]
    if found["nextLawFrom"]:
        when = clock(_number(found["nextLawFrom"]))
        lines.append(f"NEXT LAW from {when}: {plain(found['nextLawDigest'])}")
    call.show(found, lines)


def isolate(call: Call) -> None:
    """Cut a wallet off for ever, until a quorum reinstates it."""
    body = {"wallet": call.arguments.name, "why": call.arguments.why}
    answer = ask_signer(call, "isolate", body)
    text = f"{plain(call.arguments.name)} is isolated: it signs nothing but its evacuation"
    call.show(answer, [text, "`motion propose reinstate wallet=…` puts its return to the quorum"])


def unlock(call: Call) -> None:
    """Log in to an attended token for some minutes; the PIN is never stored."""
    arguments = call.arguments
    body = {
        "token": arguments.token,
        "pin": read_secret(f"PIN of {arguments.token}: ", arguments.pin_file),
        "minutes": str(arguments.minutes),
    }
    if arguments.signatures is not None:
        body["signatures"] = str(arguments.signatures)
    answer = ask_signer(call, "unlock", body)
    text = f"{plain(arguments.token)} is unlocked for {_count(arguments.minutes, 'minute')}"
    if arguments.signatures is not None:
        text += f" and {_count(arguments.signatures, 'signature')}"
    call.show(answer, [f"{text}: `signer lock` ends it sooner"])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def lock(call: Call) -> None:
    """Log out of a token."""
    answer = ask_signer(call, "lock", {"token": call.arguments.token})
    call.show(answer, [f"{plain(call.arguments.token)} is locked"])


def freeze(call: Call) -> None:
    """Stop every signature toward exposure, past the daemon."""
    answer = ask_signer(call, "freeze", {"why": call.arguments.why})
    call.show(answer, ["the signer is frozen: `motion propose resume` puts its end to the quorum"])


def veto(call: Call) -> None:
    """Sign a veto against a digest and hand it to the signer itself."""
    digest = call.arguments.digest
    if not digest.startswith("0x"):
        text = f"the signer knows no numbers: write the 0x-id of #{digest} (`refill show {digest}`)"
        raise CommandError(USAGE, text)
    deployment = bytes.fromhex(str(ask_signer(call, "status", {})["deployment"])[2:])
    key = open_keystore(call.arguments.keystore, call.arguments.password_file)
    signature = key.sign(veto_digest(bytes.fromhex(digest[2:]), deployment))
    answer = ask_signer(call, "veto", {"digest": digest, "signature": "0x" + signature.hex()})
    call.show(answer, [f"the signer keeps the veto of {key.address}: it never signs {digest}"])


def _number(text: object) -> int | None:
    return int(text) if isinstance(text, str) and text.isdecimal() else None


def _pairs(table: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in table.items()) or "none"
