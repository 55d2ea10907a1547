"""A book of an older program is brought forward with all it knows, and signs nothing twice."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hsm.book.audit import check
from hsm.book.schema import MIGRATIONS
from hsm.wire.fields import to_hex
from hsm.wire.message import Result
from policies.terms import Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom, codes, nonce_of
from tests.hsm.verbs.test_orders import HIGHER

OLD_COLUMNS = {
    2: {
        "orders": "order_id, terms, purpose, chain_id, source, nonce, 1",
        "totals": "NULL, series, at, total, order_id",
    },
    4: {"orders": "order_id, terms, purpose, chain_id, source, nonce, series, number"},
}


def write_version(version: int, newest: Path, old: Path) -> None:
    """Write what a newest book holds into the tables that an older version had."""
    connection = sqlite3.connect(old, isolation_level=None)
    for script in MIGRATIONS[:version]:
        connection.executescript(script)
    connection.execute("ATTACH ? AS newest", (str(newest),))
    tables = connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")
    for (table,) in tables.fetchall():
        columns = OLD_COLUMNS[version].get(table, "*")
        connection.execute(f"INSERT INTO main.{table} SELECT {columns} FROM newest.{table}")  # noqa: S608
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


@pytest.mark.parametrize("version", OLD_COLUMNS)
def test_an_older_book_keeps_orders_windows_and_nonces(
    tmp_path: Path, clock: FakeClock, version: int
) -> None:
    """Bytes, nonces, windows, salts and the tier of a refill are the same after the change."""
    room = VaultRoom(tmp_path, clock)
    refill, payout = room.order(), room.order(Purpose.WITHDRAWAL)
    first = [
        room.sign(refill, "alice", "bob"),
        room.again("bump", refill, HIGHER),
        room.sign(payout),
    ]
    told = room.call("status", {}).body, room.call("orders_since", {"seq": "0", "limit": "9"}).body
    room.close()
    write_version(version, room.settings.book, tmp_path / "old")
    (tmp_path / "old").rename(room.settings.book)
    room.reopen()
    check(room.book)

    now = room.call("status", {}).body, room.call("orders_since", {"seq": "0", "limit": "9"}).body
    fees = first[0].body["fees"]
    asks = [{"orderId": to_hex(room.id_of(terms)), "fees": fees} for terms in (refill, payout)]
    same_salt = room.order(Purpose.WITHDRAWAL, salt=payout.salt, amount=1)
    later = room.sign(room.order(Purpose.WITHDRAWAL))

    assert told == now
    assert [first[0].body["raw"], first[2].body["raw"]] == [
        room.call("sign", ask).body["raw"] for ask in asks
    ]
    assert {"salt_used"} == codes(room.sign(same_salt))
    assert (Result.SIGNED, 1) == (later.result, nonce_of(later))
    room.close()
