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
    if getattr(call.arguments, "csv", False) and not call.wants_json:
        print(_csv(rows), end="")
    else:
        call.show(list(rows), table(headings, map(row, rows)) if rows else [none])


def _csv(rows: Sequence[Json]) -> str:
    flat = [{k: v for k, v in row.items() if not isinstance(v, dict | list)} for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(flat[0]) if flat else [], lineterminator="\n")
    writer.writeheader()
    for row in flat:
        writer.writerow({name: "" if v is None else _cell(v) for name, v in row.items()})
    return text.getvalue()


def _cell(value: object) -> str:
    text = plain(value)
    # A spreadsheet takes a leading sign for a formula.
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
