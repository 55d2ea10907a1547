"""`incident`: list and show; `motion propose close` puts the end of one to the quorum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from treasury.cli.screen import fields, moment, past, plain, reasons, table

if TYPE_CHECKING:
    from treasury.cli.main import Call

_HEADINGS = ("ID", "STATE", "WALLET", "OPENED", "OUTCOME", "WHY")


def list_all(call: Call) -> None:
    """Print incidents, newest first."""
    query = {"open_only": "true"} if call.arguments.open else {}
    found = call.api.get("/v1/incidents", query)["incidents"]
    rows = [
        (
            f"#{incident['id']}",
            incident["state"],
            incident["wallet"],
            past(incident["opened_at"], call.now),
            incident["outcome"],
            incident["reasons"][0]["text"] if incident["reasons"] else "-",
        )
        for incident in found
    ]
    call.show(found, table(_HEADINGS, rows) if rows else ["no incidents"])


def show(call: Call) -> None:
    """Print one incident with all its reasons."""
    found = call.api.get(f"/v1/incidents/{call.arguments.id}")
    lines = [
        f"Incident #{found['id']}: {plain(found['state'])}",
        "",
        *fields(
            [
                ("wallet", found["wallet"]),
                ("opened", moment(found["opened_at"], call.now)),
                ("changed", moment(found["changed_at"], call.now)),
                ("outcome", found["outcome"]),
            ]
        ),
        *reasons(found["reasons"]),
    ]
    call.show(found, lines)
