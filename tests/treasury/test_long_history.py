"""What is over costs nothing: a tick does not read the payments of former years again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import event

from tests.fakes.belt import Belt
from tests.fakes.history import grow_old
from tests.laws import ETH, make_law

_SHORT, _LONG = 10, 500
_FLOOR = {"pools.main.assets.ETH.band.floor": "58 ETH"}
"""So near the target of 60 that each payout asks for a refill."""
_LEAST_PER_ROW = 3
"""Steps of SQLite's machine that reading one row of an index takes at least."""


@contextmanager
def effort(belt: Belt) -> Iterator[Counter[str]]:
    """Count the steps of SQLite's machine for each statement while the context lasts."""
    steps: Counter[str] = Counter()
    asked = [""]

    def count() -> None:
        steps[asked[0]] += 1

    def begin(connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked[0] = " ".join(statement.split())
        connection.connection.driver_connection.set_progress_handler(count, 1)  # type: ignore[attr-defined]

    engine = belt.ledger._writing
    event.listen(engine, "before_cursor_execute", begin)
    try:
        yield steps
    finally:
        event.remove(engine, "before_cursor_execute", begin)


def live(belt: Belt, key: str) -> None:
    """Pay a customer so much that the wallet needs a refill, and bring that home too."""
    belt.ask_withdrawal(3 * ETH, "customer", key=key)
    belt.until(lambda: bool(belt.open_refills()))
    belt.approve(belt.open_refills()[0], "alice", "bob")
    belt.until(lambda: not belt.open_refills() and not belt.open_transfers())
    belt.clock.advance(86_400)
    belt.run(3)


def lived(directory: Path, copies: int) -> Counter[str]:
    """Return what a payout and a refill cost after so many of each."""
    directory.mkdir()
    belt = Belt(directory, law=make_law(**_FLOOR).law, hot=60 * ETH)
    live(belt, "first")
    grow_old(belt.ledger, copies)
    belt.restart()
    with effort(belt) as steps:
        live(belt, "second")
    return steps


def test_no_statement_of_a_tick_reads_what_is_over(directory: Path, quiet: None) -> None:
    """A payout and a refill after 1,000 old ones ask the ledger for no more than after twenty."""
    short, long = lived(directory / "short", _SHORT), lived(directory / "long", _LONG)
    grown = {
        statement: (short[statement], count)
        for statement, count in long.items()
        if count - short[statement] >= _LEAST_PER_ROW * (_LONG - _SHORT)
    }
    assert not grown, "\n".join(f"{counts}: {statement}" for statement, counts in grown.items())
