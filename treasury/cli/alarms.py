"""`alarm`: what rings; take it on; see what could not be told, and tell it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from treasury.cli import listing
from treasury.cli.api import HALT
from treasury.cli.screen import past, plain, table, wrapped

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_HEADINGS = ("ID", "SEVERITY", "ALARM", "RAISED", "STANDING")
_DELIVERIES = ("ID", "STATE", "CHANNEL", "TRIES", "CHANGED", "TELLS", "ERROR")


def list_all(call: Call) -> None:
    """Print what rings, or with --all also what is over."""
    query = {"open_only": "false"} if call.arguments.all else {}
    found = call.api.get("/v1/alarms", query)["alarms"]
    found = [alarm for alarm in found if listing.is_since(call, alarm["raised_at"])]
    if listing.wants_csv(call):
        listing.print_csv(found)
        return
    call.show(found, list(_listed(found, call.now)) or ["nothing rings"])


def acknowledge(call: Call) -> None:
    """Take an alarm on."""
    path = f"/v1/alarms/{call.arguments.id}/acknowledge"
    found = call.api.post(path, {"why": call.arguments.why}, HALT)
    text = f"alarm #{found['id']} ({found['kind']} {found['subject']}) is {_standing(found)}"
    call.show(found, [plain(text)])


def list_deliveries(call: Call) -> None:
    """Print how the telling of notices fared."""
    query = {"state": "DEAD"} if call.arguments.dead else {}
    found = call.api.get("/v1/alarms/deliveries", query)["deliveries"]
    rows = [
        (
            f"#{one['id']}",
            one["state"],
            one["channel"],
            one["tries"],
            past(one["changed_at"], call.now),
            f"{one['notice']['event']} {one['notice']['kind']} {one['notice']['subject']}",
            one["error"],
        )
        for one in found
    ]
    call.show(found, table(_DELIVERIES, rows) if rows else ["no deliveries"])


def send_again(call: Call) -> None:
    """Try a dead delivery anew."""
    found = call.api.post(f"/v1/alarms/deliveries/{call.arguments.id}/send-again", {}, HALT)
    call.show(found, [f"delivery #{found['id']} is tried again on {plain(found['channel'])}"])


def test(call: Call) -> None:
    """Tell every channel a test."""
    found = call.api.post("/v1/alarms/test", {}, HALT)
    call.show(found, ["a test is on its way to every channel: see `alarm deliveries`"])


def _listed(found: list[Json], now: int) -> Iterator[str]:
    rows = [
        (
            f"#{alarm['id']}",
            alarm["severity"].upper(),
            f"{alarm['kind']} {alarm['subject']}",
            past(alarm["raised_at"], now),
            _standing(alarm),
        )
        for alarm in found
    ]
    if rows:
        yield from table(_HEADINGS, rows)
    for alarm in found:
        yield from wrapped(f"#{alarm['id']}: {plain(alarm['text'])}")


def _standing(alarm: Json) -> str:
    if alarm["over_at"] is not None:
        return "over"
    if alarm["acknowledged_at"] is not None:
        return "acknowledged"
    return "calming" if alarm["calm_since"] is not None else f"rings, level {alarm['level']}"
