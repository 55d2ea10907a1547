"""`journal`: read the newest lines, or let the chain be verified."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from treasury.cli.exits import REFUSED, CommandError
from treasury.cli.screen import clock, plain, wrapped

if TYPE_CHECKING:
    from treasury.cli.main import Call


_VERIFY_DEADLINE_S = 900.0


def tail(call: Call) -> None:
    """Print journal lines, oldest first."""
    wanted = {"after": call.arguments.after, "limit": call.arguments.limit}
    found = call.api.get("/v1/journal", wanted)
    lines: list[str] = []
    for entry in found["entries"]:
        what = f"{entry['kind']} by {entry['actor']}"
        lines.append(plain(f"{entry['seq']:>6}  {clock(entry['at'])}  {what}"))
        lines += wrapped(plain(entry["subject"]), indent="        ")
        lines += wrapped(_told(entry["body"]), indent="        ")
    call.show(found, lines or ["the journal is empty"])


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
    """Walk the chain; end with an error when a line does not fit."""
    call.api.deadline_s = _VERIFY_DEADLINE_S
    found = call.api.get("/v1/journal/verify")
    if not found["ok"]:
        if call.wants_json:
            call.show(found, [])
        text = f"the journal is broken at line {found['first_bad']}: {found['why']}"
        raise CommandError(REFUSED, text)
    lines = [f"the journal is whole: {found['entries']} lines", f"head {plain(found['head'])}"]
    call.show(found, lines)
