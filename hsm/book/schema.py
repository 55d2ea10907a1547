"""The tables of the signer's book, as numbered migrations that only ever go forward.

Amounts are decimal text; times are unix seconds of the signer's clock; `seq` numbers are those of
the chained entries.
"""

from __future__ import annotations

import sqlite3

from hsm.errors import BookError

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE entries (
        seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL,
        content TEXT NOT NULL, head BLOB NOT NULL) STRICT;
    CREATE TABLE tokens (name TEXT PRIMARY KEY, serial TEXT NOT NULL) STRICT;
    CREATE TABLE laws (
        seq INTEGER PRIMARY KEY, digest BLOB NOT NULL, text TEXT NOT NULL,
        active_from INTEGER NOT NULL, motion_id BLOB NOT NULL, dropped INTEGER NOT NULL) STRICT;
    CREATE TABLE motions (motion_id BLOB PRIMARY KEY, kind TEXT NOT NULL, at INTEGER NOT NULL)
        STRICT;
    CREATE TABLE marks (
        wallet TEXT PRIMARY KEY, mark TEXT NOT NULL CHECK (mark IN ('isolated', 'retired')),
        at INTEGER NOT NULL, why TEXT NOT NULL) STRICT;
    CREATE TABLE active (pool TEXT PRIMARY KEY, wallet TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE TABLE nonces (
        chain_id INTEGER NOT NULL, address TEXT NOT NULL, next INTEGER NOT NULL,
        PRIMARY KEY (chain_id, address)) STRICT;
    CREATE TABLE orders (
        order_id BLOB PRIMARY KEY, terms TEXT NOT NULL, purpose TEXT NOT NULL,
        chain_id INTEGER NOT NULL, source TEXT NOT NULL, nonce INTEGER,
        changed INTEGER NOT NULL) STRICT;
    CREATE INDEX orders_changed ON orders (changed);
    CREATE UNIQUE INDEX one_order_per_nonce ON orders (chain_id, source, nonce)
        WHERE nonce IS NOT NULL AND purpose <> 'evacuation';
    CREATE TABLE attempts (
        order_id BLOB NOT NULL REFERENCES orders, attempt INTEGER NOT NULL, kind TEXT NOT NULL,
        fees TEXT NOT NULL, digest BLOB NOT NULL, at INTEGER NOT NULL, raw BLOB, hash BLOB,
        PRIMARY KEY (order_id, attempt)) STRICT;
    CREATE TABLE approvals (
        digest BLOB NOT NULL, signer TEXT NOT NULL, signature BLOB NOT NULL,
        seen_at INTEGER NOT NULL, PRIMARY KEY (digest, signer)) STRICT;
    CREATE TABLE vetoes (
        digest BLOB NOT NULL, signer TEXT NOT NULL, signature BLOB NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (digest, signer)) STRICT;
    CREATE TABLE totals (
        id INTEGER PRIMARY KEY, series TEXT NOT NULL, at INTEGER NOT NULL, total TEXT NOT NULL,
        order_id BLOB) STRICT;
    CREATE INDEX totals_series ON totals (series, at, id);
    CREATE INDEX totals_order ON totals (order_id) WHERE order_id IS NOT NULL;
    CREATE TABLE recipients (
        chain_id INTEGER NOT NULL, address TEXT NOT NULL, first_at INTEGER NOT NULL,
        PRIMARY KEY (chain_id, address)) STRICT;
    CREATE TABLE signatures (
        key TEXT NOT NULL, r BLOB NOT NULL, digest BLOB NOT NULL, s BLOB NOT NULL,
        at INTEGER NOT NULL, PRIMARY KEY (key, r)) STRICT;
    """,
    # A payment keeps its salt whatever the daemon forgot: so no second order for it gets a nonce.
    # The last byte of a salt counts the orders of one payment, the others name it.
    """
    CREATE UNIQUE INDEX one_nonce_per_salt ON orders (
        substr(json_extract(terms, '$.salt'), 1, 32), substr(json_extract(terms, '$.salt'), 33))
        WHERE nonce IS NOT NULL;
    """,
    # An order touches as few pages as it can, because each is written and flushed: rows that are
    # asked for by their key lie in its tree, and when an order changed is what the entries say.
    """
    DROP INDEX one_nonce_per_salt;
    DROP INDEX orders_changed;
    ALTER TABLE orders DROP COLUMN changed;
    ALTER TABLE orders ADD COLUMN series TEXT NOT NULL DEFAULT '';
    ALTER TABLE orders ADD COLUMN number TEXT NOT NULL DEFAULT '';
    UPDATE orders SET series = substr(json_extract(terms, '$.salt'), 1, 32),
        number = substr(json_extract(terms, '$.salt'), 33);
    CREATE UNIQUE INDEX one_nonce_per_salt ON orders (series, number) WHERE nonce IS NOT NULL;

    CREATE TABLE attempts_by_order (
        order_id BLOB NOT NULL REFERENCES orders, attempt INTEGER NOT NULL, kind TEXT NOT NULL,
        fees TEXT NOT NULL, digest BLOB NOT NULL, at INTEGER NOT NULL, raw BLOB, hash BLOB,
        PRIMARY KEY (order_id, attempt)) STRICT, WITHOUT ROWID;
    INSERT INTO attempts_by_order SELECT * FROM attempts;
    DROP TABLE attempts;
    ALTER TABLE attempts_by_order RENAME TO attempts;

    CREATE TABLE nonces_by_address (
        chain_id INTEGER NOT NULL, address TEXT NOT NULL, next INTEGER NOT NULL,
        PRIMARY KEY (chain_id, address)) STRICT, WITHOUT ROWID;
    INSERT INTO nonces_by_address SELECT * FROM nonces;
    DROP TABLE nonces;
    ALTER TABLE nonces_by_address RENAME TO nonces;

    CREATE TABLE totals_by_series (
        series TEXT NOT NULL, at INTEGER NOT NULL, id INTEGER NOT NULL, total TEXT NOT NULL,
        order_id BLOB, PRIMARY KEY (series, at, id)) STRICT, WITHOUT ROWID;
    INSERT INTO totals_by_series SELECT series, at, id, total, order_id FROM totals;
    DROP TABLE totals;
    ALTER TABLE totals_by_series RENAME TO totals;
    CREATE INDEX totals_order ON totals (order_id) WHERE order_id IS NOT NULL;
    """,
    # One tree where there was a table beside its index: a page less for every signature.
    """
    CREATE TABLE signatures_by_key (
        key TEXT NOT NULL, r BLOB NOT NULL, digest BLOB NOT NULL, s BLOB NOT NULL,
        at INTEGER NOT NULL, PRIMARY KEY (key, r)) STRICT, WITHOUT ROWID;
    INSERT INTO signatures_by_key SELECT * FROM signatures;
    DROP TABLE signatures;
    ALTER TABLE signatures_by_key RENAME TO signatures;
    """,
    # The first attempt of an order lies in the order's own row, and almost every order has one.
    """
    ALTER TABLE orders ADD COLUMN fees TEXT;
    ALTER TABLE orders ADD COLUMN digest BLOB;
    ALTER TABLE orders ADD COLUMN at INTEGER;
    ALTER TABLE orders ADD COLUMN raw BLOB;
    ALTER TABLE orders ADD COLUMN hash BLOB;
    UPDATE orders SET (fees, digest, at, raw, hash) = (
        SELECT fees, digest, at, raw, hash FROM attempts
        WHERE attempts.order_id = orders.order_id AND attempt = 1);
    CREATE TABLE further_attempts (
        order_id BLOB NOT NULL REFERENCES orders, attempt INTEGER NOT NULL CHECK (attempt > 1),
        kind TEXT NOT NULL, fees TEXT NOT NULL, digest BLOB NOT NULL, at INTEGER NOT NULL,
        raw BLOB, hash BLOB, PRIMARY KEY (order_id, attempt)) STRICT, WITHOUT ROWID;
    INSERT INTO further_attempts SELECT * FROM attempts WHERE attempt > 1;
    DROP TABLE attempts;
    CREATE VIEW attempts AS
        SELECT order_id, 1 AS attempt, 'original' AS kind, fees, digest, at, raw, hash FROM orders
        WHERE digest IS NOT NULL
        UNION ALL SELECT order_id, attempt, kind, fees, digest, at, raw, hash
        FROM further_attempts;
    """,
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to the newest form, one committed step at a time.

    Raises `BookError` when the book was written by a newer program.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise BookError(
            f"the book is of version {version}, this program knows {len(MIGRATIONS)}: "
            "run the newer program"
        )
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;"
        )
