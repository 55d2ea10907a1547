"""`incident`: list, show, export; `motion propose close` puts the end of one to the quorum."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treasury.cli import listing
from treasury.cli.api import HALT
from treasury.cli.exits import BAD_DATA, REFUSED, CommandError
from treasury.cli.screen import brief, fields, moment, past, plain, reasons, table

if TYPE_CHECKING:
    from treasury.cli.main import Call

_NAMES = ("before", "lost", "saved", "arriving", "left")
_HEADINGS = ("ID", "STATE", "WALLET", "OPENED", "OUTCOME", "WHY")


def list_all(call: Call) -> None:
    """Print incidents, newest first."""
    query = {"open_only": "true"} if call.arguments.open else {}
    found = call.api.get("/v1/incidents", query)["incidents"]
    recent = [incident for incident in found if listing.is_since(call, incident["changed_at"])]

    def row(incident: dict[str, Any]) -> tuple[object, ...]:
        return (
            f"#{incident['id']}",
            incident["state"],
            incident["wallet"],
            past(incident["opened_at"], call.now),
            incident["outcome"],
            incident["reasons"][0]["text"] if incident["reasons"] else "-",
        )

    listing.show_rows(call, recent, headings=_HEADINGS, row=row, none="no incidents")


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
        *_figures(found["figures"]),
        *reasons(found["reasons"]),
    ]
    call.show(found, lines)


def export(call: Call) -> None:
    """Write the incident file as JSON and Markdown; what arrived is digested again."""
    made = call.api.post(f"/v1/incidents/{call.arguments.id}/file", {}, HALT)
    if hashlib.sha256(made["json"].encode()).hexdigest() != made["sha256"]:
        raise CommandError(BAD_DATA, "the file does not fit its hash: ask again, over another way")
    folder = Path(call.arguments.out)
    written = [
        write_new(folder / f"{made['name']}.{ending}", made[form])
        for form, ending in (("json", "json"), ("markdown", "md"))
    ]
    lines = [f"wrote {path}" for path in written]
    lines.append(f"the journal seals the JSON file: SHA-256 {made['sha256']}")
    call.show({"files": written, "sha256": made["sha256"]}, lines)


def _figures(figures: list[dict[str, Any]]) -> list[str]:
    headings = ("ASSET", "BEFORE", "LOST", "SAVED", "ARRIVING", "LEFT")
    rows = [
        (
            figure["asset"],
            *(brief(figure[f"{name}_text"]) for name in _NAMES),
        )
        for figure in figures
    ]
    return ["", *table(headings, rows)] if rows else []


def write_new(path: Path, text: str) -> str:
    """Write a file that does not exist yet and return its path."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise CommandError(REFUSED, f"{path} exists: name another folder") from error
    except OSError as error:
        raise CommandError(REFUSED, f"{path} cannot be written: {error.strerror}") from error
    return str(path)
