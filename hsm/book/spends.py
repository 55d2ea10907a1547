"""The book's pages on what was spent: the windows count from here.

A movement counts from the moment its nonce is assigned, with the most that it may cost in fees,
and is never given back: the daemon's word that it did not happen counts for nothing. One that
waited for its signature counts anew from then on, so that what leaves together is counted
together: in a *series* of running totals, so that a window is the difference of two rows however
long the past is, the last total less the last one that has left the window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hsm.book.book import Book
from policies.law import Asset, Law, Pool, Wallet
from policies.limits import SAFETY_FEE_WINDOW_S, fee_window
from policies.terms import NATIVE, Address, Purpose, TransferTerms


class Totals(NamedTuple):
    """What was signed before this order, inside the windows of the law; fees in native wei.

    `refilled`: of this asset toward the destination. `home_fees`: of sweeps and evacuations from
    the source in a day. `withdrawn`, `withdrawn_new`, `withdrawals` and `withdrawal_fees`: from
    the source in the window of this asset (amount, of it to new recipients, count and fees of all
    assets). `native_cost`: withdrawals from the source in the window of the native coin, with all
    fees. `topped_up`: from the source, with fees.
    """

    refilled: int = 0
    home_fees: int = 0
    withdrawn: int = 0
    withdrawn_new: int = 0
    withdrawals: int = 0
    withdrawal_fees: int = 0
    native_cost: int = 0
    topped_up: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """The names of the series that one movement belongs to."""

    terms: TransferTerms

    @property
    def _out(self) -> str:
        return f"{self.terms.chain_id}/{self.terms.source}"

    @property
    def refilled(self) -> str:
        """Name what was refilled of this asset toward the destination."""
        return f"refill/{self.terms.chain_id}/{self.terms.destination}/{self.terms.asset}"

    @property
    def home_fees(self) -> str:
        """Name the fees of moves to safety from the source."""
        return f"home-fees/{self._out}"

    @property
    def topped_up(self) -> str:
        """Name what the sponsor gave away, with fees."""
        return f"top-up/{self._out}"

    @property
    def new(self) -> str:
        """Name what the source paid of this asset to new recipients."""
        return f"new/{self._out}/{self.terms.asset}"

    @property
    def count(self) -> str:
        """Name how often the source paid, in any asset."""
        return f"count/{self._out}"

    @property
    def fees(self) -> str:
        """Name the fees of all withdrawals from the source."""
        return f"fees/{self._out}"

    def amount(self, asset: Address) -> str:
        """Name what the source paid of an asset."""
        return f"amount/{self._out}/{asset}"


class _Newest(NamedTuple):
    """Number and total of the newest row of a series."""

    number: int
    total: int


def totals_for(book: Book, terms: TransferTerms, law: Law, now: int) -> Totals:
    """Return the totals that the rules of this purpose look at, under one law."""
    names = _Names(terms=terms)
    match terms.purpose:
        case Purpose.REFILL:
            window_s = _refill_window(terms, law)
            return Totals(refilled=_window(book, names.refilled, now, window_s))
        case Purpose.SWEEP | Purpose.EVACUATION:
            return Totals(home_fees=_window(book, names.home_fees, now, SAFETY_FEE_WINDOW_S))
        case Purpose.TOP_UP:
            window_s = _top_up_window(terms, law)
            return Totals(topped_up=_window(book, names.topped_up, now, window_s))
        case Purpose.WITHDRAWAL:
            return _withdrawal_totals(book, names, law, now)


def _withdrawal_totals(book: Book, names: _Names, law: Law, now: int) -> Totals:
    terms = names.terms
    window_s, native_s = withdrawal_windows(terms, law)
    native = names.amount(NATIVE)
    return Totals(
        withdrawn=_window(book, names.amount(terms.asset), now, window_s),
        withdrawn_new=_window(book, names.new, now, window_s),
        withdrawals=_window(book, names.count, now, window_s),
        withdrawal_fees=_window(book, names.fees, now, window_s),
        native_cost=_window(book, native, now, native_s) + _window(book, names.fees, now, native_s),
    )


def withdrawal_windows(terms: TransferTerms, law: Law) -> tuple[int, int]:
    """Return the window of this asset and that of the native coin, in seconds."""
    source = law.wallet_at(terms.chain_id, terms.source)
    pool = law.pool_of(source.name) if source else None
    chain, asset = law.chain_by_id(terms.chain_id), law.asset_at(terms.chain_id, terms.asset)
    if pool is None or chain is None or asset is None:
        return 0, 0
    own, native = pool.withdrawals.get(asset.symbol), pool.withdrawals.get(chain.native)
    native_s, _ = fee_window(native, chain.fee_ceiling)
    return 0 if own is None else own.window_s, native_s


def shortest_window(terms: TransferTerms, law: Law) -> int:
    """Return the length of the shortest window that counts a movement; 0 where there is none."""
    match terms.purpose:
        case Purpose.REFILL:
            return _refill_window(terms, law)
        case Purpose.SWEEP | Purpose.EVACUATION:
            return SAFETY_FEE_WINDOW_S
        case Purpose.TOP_UP:
            return _top_up_window(terms, law)
        case Purpose.WITHDRAWAL:
            return min(withdrawal_windows(terms, law))


def _top_up_window(terms: TransferTerms, law: Law) -> int:
    chain = law.chain_by_id(terms.chain_id)
    rule = law.top_up(chain.name) if chain else None
    return 0 if rule is None else rule.window_s


def _refill_window(terms: TransferTerms, law: Law) -> int:
    wallet = law.wallet_at(terms.chain_id, terms.destination)
    pool: Pool | None = law.pool_of(wallet.name) if wallet else None
    asset = law.asset_at(terms.chain_id, terms.asset)
    rule = pool.refills.get(asset.symbol) if pool and asset else None
    return 0 if rule is None else rule.window_s


def left(book: Book, law: Law, wallet: Wallet, asset: Asset, now: int) -> dict[str, int]:
    """Return what may still be withdrawn from, and refilled to, a wallet inside its windows.

    In base units of the asset; what the law has no rule for is not named.
    """
    pool, chain = law.pool_of(wallet.name), law.chain(wallet.chain)
    if pool is None or chain is None:
        return {}
    place, out = f"{chain.chain_id}/{wallet.address}", {}
    band, refill = pool.bands.get(asset.symbol), pool.refills.get(asset.symbol)
    if band is not None and refill is not None:
        used = _window(book, f"refill/{place}/{asset.address}", now, refill.window_s)
        out["refill"] = max(0, band.cap - used)
    rule = pool.withdrawals.get(asset.symbol)
    if rule is not None:
        used = _window(book, f"amount/{place}/{asset.address}", now, rule.window_s)
        fees = _window(book, f"fees/{place}", now, rule.window_s) if asset.is_native else 0
        out["withdrawal"] = max(0, rule.window_amount - used - fees)
    return out


def record_spend(
    book: Book, order_id: bytes, terms: TransferTerms, *, first_use: bool, now: int
) -> None:
    """Count an order, once, when its nonce is assigned; inside a transaction."""
    # Only refills are asked for again by their order: the tier of a recorded one must not move.
    named = order_id if terms.purpose is Purpose.REFILL else None
    for series, amount in parts(terms, first_use=first_use):
        number, before = _last(book, series)
        total = before + amount
        book.connection.execute(
            "INSERT INTO totals (series, at, id, total, order_id) VALUES (?, ?, ?, ?, ?)",
            (series, now, number + 1, str(total), named),
        )
        book.remember(series, _Newest(number + 1, total))


def keep_recipient(book: Book, terms: TransferTerms, now: int) -> None:
    """Know whom a withdrawal paid, from its signature on; inside a transaction.

    What was recorded and not signed makes nobody known.
    """
    if terms.purpose is Purpose.WITHDRAWAL:
        book.connection.execute(
            "INSERT OR IGNORE INTO recipients VALUES (?, ?, ?)",
            (terms.chain_id, terms.destination, now),
        )


def parts(terms: TransferTerms, *, first_use: bool) -> Iterator[tuple[str, int]]:
    """Yield every series that counts a movement, and how much it adds to it."""
    names = _Names(terms=terms)
    match terms.purpose:
        case Purpose.REFILL:
            yield names.refilled, terms.amount
        case Purpose.SWEEP | Purpose.EVACUATION:
            yield names.home_fees, terms.max_fee
        case Purpose.TOP_UP:
            yield names.topped_up, terms.amount + terms.max_fee
        case Purpose.WITHDRAWAL:
            yield names.amount(terms.asset), terms.amount
            yield names.fees, terms.max_fee
            yield names.count, 1
            if first_use:
                yield names.new, terms.amount


def _last(book: Book, series: str) -> _Newest:
    """Return the newest row of a series; only series that were written to are remembered."""
    known = book.remembered(series)
    if isinstance(known, _Newest):
        return known
    row = book.connection.execute(
        "SELECT id, total FROM totals WHERE series = ? ORDER BY at DESC, id DESC LIMIT 1", (series,)
    ).fetchone()
    return _Newest(0, 0) if row is None else _Newest(row[0], int(row[1]))


def _window(book: Book, series: str, now: int, window_s: int) -> int:
    """Return what a series gained in the last `window_s` seconds; all of it where that is 0."""
    row = book.connection.execute(
        "SELECT total FROM totals WHERE series = ? AND at <= ? ORDER BY at DESC, id DESC LIMIT 1",
        (series, now - window_s if window_s else -1),
    ).fetchone()
    return _last(book, series).total - (0 if row is None else int(row[0]))


def refilled_before(book: Book, order_id: bytes, terms: TransferTerms, law: Law) -> int | None:
    """Return what had been refilled when this order was recorded; None when it was not yet."""
    row = book.connection.execute(
        "SELECT id, at, total FROM totals WHERE order_id = ? AND series = ?",
        (order_id, _Names(terms=terms).refilled),
    ).fetchone()
    if row is None:
        return None
    id_, at, total = row
    earlier = book.connection.execute(
        "SELECT total FROM totals WHERE series = ? AND at <= ? AND id < ?"
        " ORDER BY at DESC, id DESC LIMIT 1",
        (_Names(terms=terms).refilled, at - _refill_window(terms, law), id_),
    ).fetchone()
    return int(total) - terms.amount - (0 if earlier is None else int(earlier[0]))


def first_paid_at(book: Book, chain_id: int, destination: Address) -> int | None:
    """Return when an address was first paid by a withdrawal, None when never."""
    row = book.connection.execute(
        "SELECT first_at FROM recipients WHERE chain_id = ? AND address = ?",
        (chain_id, destination),
    ).fetchone()
    return None if row is None else int(row[0])
