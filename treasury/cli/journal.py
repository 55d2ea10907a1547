"""`journal`: read the newest lines, or let the chain be verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from treasury.cli.exits import REFUSED, CommandError
from treasury.cli.screen import clock, plain, wrapped

if TYPE_CHECKING:
    from treasury.cli.main import Call


def tail(call: Call) -> None:
    """Print journal lines, oldest first."""
    wanted = {"after": call.arguments.after, "limit": call.arguments.limit}
    found = call.api.get("/v1/journal", wanted)
    lines: list[str] = []
    for entry in found["entries"]:
        head = f"{entry['seq']:>6}  {clock(entry['at'])}  {entry['kind']}  {entry['subject']}"
        lines.append(f"{plain(head)}  by {plain(entry['actor'])}")
        lines += wrapped(plain(entry["body"]), indent="        ")
    call.show(found, lines or ["the journal is empty"])


def verify(call: Call) -> None:
    """Walk the chain; end with an error when a line does not fit."""
    found = call.api.get("/v1/journal/verify")
    if not found["ok"]:
        if call.wants_json:
            call.show(found, [])
        text = f"the journal is broken at line {found['first_bad']}: {found['why']}"
        raise CommandError(REFUSED, text)
    lines = [f"the journal is whole: {found['entries']} lines", f"head {plain(found['head'])}"]
    call.show(found, lines)
