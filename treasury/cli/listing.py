"""Lists: the filters of the command line as a query, and rows as a table or as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from treasury.cli.screen import plain, table

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]


def query(call: Call, **more: object) -> Json:
    """Return the query that the filters of a list make."""
    arguments = call.arguments
    since = arguments.since
    return {
        "state": arguments.state,
        "asset": getattr(arguments, "asset", None),
        "since": call.now + since if since is not None and since < 0 else since,
        "limit": arguments.limit,
        **more,
    }


def show_rows(
    call: Call,
    rows: Sequence[Json],
    *,
    headings: Sequence[str],
    row: Callable[[Json], Sequence[object]],
    none: str,
) -> None:
    """Print a list as JSON, as CSV with all its columns, or as a table."""
    if wants_csv(call):
        print_csv(rows)
    else:
        call.show(list(rows), table(headings, map(row, rows)) if rows else [none])


def wants_csv(call: Call) -> bool:
    """Say whether a list goes into a spreadsheet."""
    return bool(getattr(call.arguments, "csv", False)) and not call.wants_json


def print_csv(rows: Sequence[Json]) -> None:
    """Print rows with all their plain columns; a column that any row has stands in all."""
    print(_csv(rows), end="")


def is_since(call: Call, at: int) -> bool:
    """Say whether something that happened then (unix) belongs into the list."""
    since = call.arguments.since
    return since is None or at >= (call.now + since if since < 0 else since)


def _csv(rows: Sequence[Json]) -> str:
    flat = [{k: v for k, v in row.items() if not isinstance(v, dict | list)} for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in flat:
        writer.writerow({name: "" if v is None else _cell(v) for name, v in row.items()})
    return text.getvalue()


def _cell(value: object) -> str:
    text = plain(value)
    # A spreadsheet takes a leading sign for a formula.
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
