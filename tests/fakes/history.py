"""A long history without living it: rows that are over, copied many times and laid far back.

Only what tells the rows apart is changed, so they are in every index as real ones would be.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

from treasury.ledger import Ledger

_YEAR_S = 365 * 86_400
_FIRST = 1_000_000
"""Where the numbers of the copies begin: before it are rows that the test lives itself."""
_DIGEST = "'0x' || printf('%064x', n)"
_LONG_AGO = f"- {_YEAR_S} + n"
_COPIES: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    (
        "transfer",
        "state = 'CONFIRMED'",
        {
            "id": f"{_FIRST} + n",
            "order_id": _DIGEST,
            "cause": "'long-ago:' || n",
            "nonce": f"n - {_FIRST}",
            "created_at": f"created_at {_LONG_AGO}",
            "changed_at": f"changed_at {_LONG_AGO}",
            "block_number": "0",
        },
    ),
    (
        "attempt",
        "state = 'WON'",
        {
            "id": f"{_FIRST} + n",
            "transfer_id": f"{_FIRST} + n",
            "hash": _DIGEST,
            "signed_at": f"signed_at {_LONG_AGO}",
        },
    ),
    (
        "withdrawal",
        "state = 'PAID'",
        {
            "id": f"{_FIRST} + n",
            "idempotency_key": "'long-ago:' || n",
            "order_id": _DIGEST,
            "transfer_id": f"{_FIRST} + n",
            "created_at": f"created_at {_LONG_AGO}",
            "changed_at": f"changed_at {_LONG_AGO}",
        },
    ),
    (
        "refill",
        "state = 'SETTLED'",
        {
            "id": f"{_FIRST} + n",
            "order_id": _DIGEST,
            "transfer_id": "NULL",
            "proposed_at": f"proposed_at {_LONG_AGO}",
            "changed_at": f"changed_at {_LONG_AGO}",
        },
    ),
    (
        "outflow",
        "1 = 1",
        {
            "id": f"n - {_FIRST}",
            "subject": "'long-ago:' || n",
            "at": f"at {_LONG_AGO}",
        },
    ),
    ("tick", "ok", {"id": f"n - {_FIRST}", "at": f"at {_LONG_AGO}"}),
    ("observation", "1 = 1", {"id": f"n - {_FIRST}", "tick_id": f"1 - {_FIRST}"}),
)


def grow_old(ledger: Ledger, copies: int) -> None:
    """Copy all that is over that many times: transfers, payouts, refills, verdicts and looks."""
    with ledger.write() as session:
        connection = session.connection()
        for table, condition, changes in _COPIES:
            _copy(connection, table, condition, changes, copies)


def _copy(
    connection: Connection, table: str, condition: str, changes: Mapping[str, str], copies: int
) -> None:
    names = [row[1] for row in connection.execute(text(f"PRAGMA table_info({table})"))]
    values = ", ".join(changes.get(name, f'"{name}"') for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    # Each original gets numbers of its own.
    copied = f"""
        WITH RECURSIVE copies(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM copies WHERE k < {copies})
        INSERT INTO {table} ({columns}) SELECT {values} FROM (
            SELECT t.*, (dense_rank() OVER (ORDER BY t.id) - 1) * {copies} + copies.k AS n
            FROM {table} AS t JOIN copies WHERE {condition}
        )
    """  # noqa: S608 - all of it is written in this file
    connection.execute(text(copied))
