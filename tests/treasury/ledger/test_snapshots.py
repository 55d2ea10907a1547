"""Snapshots: whatever is kept in memory, every transaction gets exactly the cells that it sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import select

from policies.terms import Address, Stamp
from tests.fakes.ledgers import fresh_ledger
from tests.laws import address_of
from treasury.ledger import Ledger, Session, cell_marks, marks
from treasury.ledger.cell_marks import Cell
from treasury.ledger.facts import Standing
from treasury.ledger.queries import standings, watch
from treasury.ledger.queries.watch import NONCE, Depth
from treasury.ledger.tables import WalletRow
from treasury.ledger.tables_seen import CellRow

CHAIN = 7
WALLETS = tuple(address_of(name) for name in ("hot-a", "hot-b"))
ASSETS = tuple(address_of(name) for name in ("T1", "T2"))
AT = Stamp(number=9, hash="0x09", time=0)
CELLS = [(w, a) for w in WALLETS for a in ASSETS]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Return a fresh ledger."""
    found = fresh_ledger(tmp_path)
    yield found
    found.close()


def write(session: Session, *cells: tuple[Depth, Address, str, int | None]) -> None:
    """Write some cells without history."""
    cell_marks.write_newest(session, CHAIN, [Cell(*cell, 9) for cell in cells])


def head(session: Session) -> dict[tuple[Address, Address], int | None]:
    """Return the balances at the head."""
    return dict(watch.cells(session, CHAIN, Depth.HEAD, AT).balances)


def rows(session: Session) -> dict[tuple[str, str], int | None]:
    """Return the same from the rows themselves."""
    found = session.exec(select(CellRow).where(CellRow.depth == Depth.HEAD.value))
    return {(row.address, row.cell): row.value for row in found if row.cell != NONCE}


Step = tuple[str, int, int | None]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["write", "roll back", "read", "read while writing"]),
        st.integers(0, len(CELLS) - 1),
        st.none() | st.integers(0, 2**256 - 1),
    ),
    max_size=12,
)


def fail_while_writing(ledger: Ledger, cell: tuple[Depth, Address, str, int | None]) -> None:
    """Write a cell, read it back, and fail before the commit."""
    with ledger.write() as session:
        write(session, cell)
        assert cell[3] == head(session)[cell[1], Address(cell[2])]
        raise ZeroDivisionError


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
def test_a_snapshot_is_what_the_rows_say(ledger: Ledger, steps: list[Step]) -> None:
    """Any order of writes, rollbacks and reads: memory and rows never differ."""
    for deed, place, value in steps:
        cell = (Depth.HEAD, *CELLS[place], value)
        if deed == "write":
            with ledger.write() as session:
                write(session, cell)
        elif deed == "roll back":
            with pytest.raises(ZeroDivisionError):
                fail_while_writing(ledger, cell)
        elif deed == "read while writing":
            with ledger.write() as session:
                write(session, cell)
                assert rows(session) == head(session)
        with ledger.read() as session:
            assert rows(session) == head(session)


def test_an_older_transaction_sees_its_own_past(ledger: Ledger) -> None:
    """What another lane wrote since a transaction began is not in that transaction's cells."""
    with ledger.write() as session:
        write(session, (Depth.HEAD, *CELLS[0], 1))
    with ledger.read() as old:
        assert {CELLS[0]: 1} == head(old)
        with ledger.write() as session:
            write(session, (Depth.HEAD, *CELLS[0], 2))
        with ledger.read() as new:
            assert {CELLS[0]: 2} == head(new)
        assert {CELLS[0]: 1} == head(old)
    with ledger.read() as session:
        assert {CELLS[0]: 2} == head(session)


def test_an_unchanged_snapshot_is_the_same_object(ledger: Ledger) -> None:
    """Thousands of cells are not read again for one that changed, at another depth or chain."""
    with ledger.write() as session:
        write(session, (Depth.HEAD, *CELLS[0], 1), (Depth.HEAD, WALLETS[0], NONCE, 3))
    with ledger.read() as session:
        first = watch.cells(session, CHAIN, Depth.HEAD, AT)
    with ledger.write() as session:
        cell_marks.write_newest(session, CHAIN + 1, [Cell(Depth.HEAD, *CELLS[1], 5, 9)])
    with ledger.read() as session:
        again = watch.cells(session, CHAIN, Depth.HEAD, AT)

    assert first.balances is again.balances
    assert ({CELLS[0]: 1}, {WALLETS[0]: 3}) == (again.balances, again.nonces)


def test_what_was_just_written_is_not_read_back(ledger: Ledger) -> None:
    """The commit leaves its cells behind: the next reader asks for the revision alone."""
    with ledger.write() as session:
        write(session, (Depth.HEAD, *CELLS[0], 1))
    with ledger.read() as session:
        head(session)
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        asked.append(statement)

    event.listen(ledger._reading, "before_cursor_execute", note)
    with ledger.write() as session:
        write(session, (Depth.HEAD, *CELLS[1], 2), (Depth.CALM, *CELLS[1], 2))
    with ledger.read() as session:
        found = head(session)

    assert {CELLS[0]: 1, CELLS[1]: 2} == found
    assert [] == [statement for statement in asked if "FROM cell " in statement]


def test_what_follows_a_gap_is_not_taken_for_the_whole(ledger: Ledger) -> None:
    """A write that the memory did not see stands between: everything later is read again."""
    with ledger.write() as session:
        write(session, (Depth.HEAD, *CELLS[0], 1))
    with ledger.read() as session:
        head(session)
    with ledger.write() as session:
        write(session, (Depth.HEAD, *CELLS[1], 2))
        session.info.pop("written_cells")
    with ledger.write() as session:
        write(session, (Depth.HEAD, *CELLS[2], 3))

    with ledger.read() as session:
        assert {CELLS[0]: 1, CELLS[1]: 2, CELLS[2]: 3} == head(session)


def test_an_unfrozen_wallet_has_no_anchors_any_more(ledger: Ledger) -> None:
    """The loss is accepted: the guard begins anew with this wallet, and with no other."""
    row = WalletRow(name="hot-a", chain_id=CHAIN, address=WALLETS[0], role="hot", changed_at=0)
    with ledger.write() as session:
        session.add(row)
        write(session, (Depth.CALM, *CELLS[0], 1), (Depth.CALM, *CELLS[2], 2))
    with ledger.read() as session:
        assert {CELLS[0], CELLS[2]} == set(watch.anchors(session, CHAIN))
        (wallet,) = standings.wallets(session, CHAIN)
    assert isinstance(wallet, Standing)
    with ledger.write() as session:
        marks.unfreeze(session, wallet, actor="alice", why="accepted", now=1)

    with ledger.read() as session:
        assert {CELLS[2]: (2, 9)} == watch.anchors(session, CHAIN)
