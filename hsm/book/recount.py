"""The book's way to count an order anew that waited for its signature.

What leaves together has to be counted together. A recorded order whose token failed may be signed
much later, beside everything that is signed then: so it is taken out of the windows of its
recording and counted in those of its signature, in the transaction that allows it.
"""

from __future__ import annotations

from hsm.book.book import Book
from hsm.book.spends import first_paid_at, parts, record_spend, withdrawal_windows
from hsm.wire.fields import to_hex
from policies.law import Law
from policies.terms import Purpose, TransferTerms


def counted_at(book: Book, order_id: bytes) -> int:
    """Return since when an order that has a nonce counts in its windows."""
    (at,) = book.connection.execute(
        "SELECT at FROM orders WHERE order_id = ?", (order_id,)
    ).fetchone()
    return int(at)


def take_out(book: Book, order_id: bytes, terms: TransferTerms, *, law: Law, at: int) -> None:
    """Take an order out of its windows, where it stands since `at`; inside a transaction.

    Only for one that is counted again, or given back with the transaction. Of rows that are alike
    in time and amount any one will do.
    """
    named = order_id if terms.purpose is Purpose.REFILL else None
    since = first_paid_at(book, terms.chain_id, terms.destination)
    was_new = since is None or since > at - withdrawal_windows(terms, law)[0]
    for series, amount in parts(terms, first_use=was_new):
        _lower(book, series, amount, named, at)
    book.forget()


def count_again(
    book: Book, order_id: bytes, terms: TransferTerms, *, first_use: bool, now: int
) -> None:
    """Count an order that was taken out from now on; inside the same transaction."""
    book.write("order_counted", {"orderId": to_hex(order_id)}, now)
    book.connection.execute("UPDATE orders SET at = ? WHERE order_id = ?", (now, order_id))
    record_spend(book, order_id, terms, first_use=first_use, now=now)


def _lower(book: Book, series: str, amount: int, named: bytes | None, at: int) -> None:
    """Lower the totals of a series from the row on that counts this amount."""
    earlier = book.connection.execute(
        "SELECT total FROM totals WHERE series = ? AND at < ? ORDER BY at DESC, id DESC LIMIT 1",
        (series, at),
    ).fetchone()
    before, is_past = 0 if earlier is None else int(earlier[0]), False
    rows = book.connection.execute(
        "SELECT at, id, total, order_id FROM totals WHERE series = ? AND at >= ? ORDER BY at, id",
        (series, at),
    ).fetchall()
    for row_at, id_, text, owner in rows:
        total = int(text)
        is_own = not is_past and (row_at, total - before, owner) == (at, amount, named)
        before, is_past = total, is_past or is_own
        if is_past:
            book.connection.execute(
                "UPDATE totals SET total = ?, order_id = ? WHERE series = ? AND at = ? AND id = ?",
                (
                    str(total - amount),
                    None if is_own else owner,
                    *(series, row_at, id_),
                ),
            )
