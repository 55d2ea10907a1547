"""`journal`: read the newest lines, or compute the whole chain anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treasury.cli import listing
from treasury.cli.chain_of_hashes import Walk, is_genuine
from treasury.cli.consent import deployment_of
from treasury.cli.exits import BAD_DATA, REFUSED, USAGE, CommandError
from treasury.cli.p256 import is_valid_key
from treasury.cli.screen import clock, plain, wrapped

if TYPE_CHECKING:
    from treasury.cli.main import Call

_PAGE = 500
_LINES = 20


def tail(call: Call) -> None:
    """Print journal lines, oldest first."""
    few = _LINES if call.arguments.since is None else _PAGE
    wanted = {"after": call.arguments.after, "limit": call.arguments.limit or few}
    found = call.api.get("/v1/journal", wanted)
    entries = [entry for entry in found["entries"] if listing.is_since(call, entry["at"])]
    if listing.wants_csv(call):
        listing.print_csv(entries)
        return
    lines: list[str] = []
    for entry in entries:
        what = f"{entry['kind']} by {entry['actor']}"
        lines.append(plain(f"{entry['seq']:>6}  {clock(entry['at'])}  {what}"))
        lines += wrapped(plain(entry["subject"]), indent="        ")
        lines += wrapped(_told(entry["body"]), indent="        ")
    none = "no line since then" if found["entries"] else "the journal is empty"
    call.show({**found, "entries": entries}, lines or [none])


def _told(body: str) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        return plain(body)
    if not isinstance(found, dict) or not found:
        return "-"
    return ", ".join(f"{plain(name)} {_value(found[name])}" for name in found)


def _value(value: object) -> str:
    return plain(value if isinstance(value, str) else json.dumps(value))


def verify(call: Call) -> None:
    """Fetch every line and compute the chain anew; hold it against signed checkpoints.

    The daemon is not asked whether its journal is whole: it might say so.
    """
    key, outside = _pinned_key(call.arguments.key), _read(call.arguments.checkpoints)
    deployment = deployment_of(call.api.get("/v1/status"))
    walk = Walk(wanted={int(point["seq"]): str(point["head"]) for point in outside})
    newest = _walk(call, walk)
    why, bad = walk.why, walk.bad
    missing = [seq for seq in walk.wanted if seq > newest]
    if not why and missing:
        bad, why = newest + 1, f"line {min(missing)} has a checkpoint and is gone: it was cut off"
    points = [*outside, *walk.checkpoints]
    forged = [p for p in points if key and not is_genuine(p, key, deployment)]
    if not why and forged:
        why = f"the checkpoint of line {forged[0].get('seq')} was not signed by that key"
    found = {
        "ok": not why,
        "entries": walk.entries,
        "head": walk.head,
        "first_bad": bad,
        "why": why,
        "checkpoints": len(points),
        "signatures_checked": bool(key),
    }
    _show(call, found)


def _walk(call: Call, walk: Walk) -> int:
    """Take page after page, up to the line that was the newest at the beginning."""
    newest: int | None = None
    while newest is None or walk.entries < newest:
        page = call.api.get("/v1/journal", {"after": walk.entries, "limit": _PAGE})
        newest = int(page["newest"]) if newest is None else newest
        walk.take(page["entries"])
        if walk.bad is not None or not page["entries"]:
            break
    return max(newest, walk.entries)


def _show(call: Call, found: dict[str, Any]) -> None:
    if not found["ok"]:
        if call.wants_json:
            call.show(found, [])
        where = f" at line {found['first_bad']}" if found["first_bad"] else ""
        raise CommandError(REFUSED, f"the journal is broken{where}: {plain(found['why'])}")
    count, checked = found["checkpoints"], found["signatures_checked"]
    told = "signatures checked" if checked else "signatures not checked: give --key"
    lines = [
        f"the journal is whole: {found['entries']} lines, computed anew here",
        f"head {plain(found['head'])}",
        f"{count} checkpoints fit it ({told})",
    ]
    call.show(found, lines)


def _pinned_key(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        key = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        key = b""
    if not is_valid_key(key):
        raise CommandError(
            USAGE, "--key is the checkpoint key's public key of signer.toml: 64 bytes in hex"
        )
    return key


def _read(path: str | None) -> list[dict[str, Any]]:
    """Read signed checkpoints from the copy that is kept outside, one JSON object a line."""
    if path is None:
        return []
    try:
        lines = [json.loads(line) for line in Path(path).read_text().splitlines() if line.strip()]
        return [{**line, "seq": int(line["seq"]), "head": str(line["head"])} for line in lines]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandError(BAD_DATA, f"{path} holds no checkpoints: {error}") from error
