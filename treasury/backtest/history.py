"""Read a wallet's past from CSV, plain or gzipped, and say exactly where a file is wrong."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from treasury.backtest.columns import Columns, recognise
from treasury.backtest.errors import BacktestError, HistoryError

_ADDRESS_LENGTH = 42
_TIME_MAX = 32_503_680_000
"""The year 3000; a larger timestamp is in milliseconds."""
_AMOUNT_MAX = 1e60
_STYLES = ("%Y-%m-%d %H:%M:%S", "%m/%d/%Y %I:%M:%S %p")
"""How exports write a date and time of day in UTC."""


class Row(NamedTuple):
    """One transfer of a history file; `amount` is in token units, for statistics only."""

    time: int
    tx_hash: str
    sender: str
    recipient: str
    asset: str
    amount: float
    value: float | None


def read_histories(paths: list[Path]) -> list[Row]:
    """Return the transfers of all files in the order of time.

    Raises `HistoryError` for a malformed row and `BacktestError` for an unreadable file.
    """
    rows: list[Row] = []
    for path in paths:
        rows.extend(_ordered(list(_read(path))))
    if not rows:
        raise BacktestError(f"{paths[0]}: no transfer in it; give a history with at least one row")
    return _ordered(rows)


def _ordered(rows: list[Row]) -> list[Row]:
    """Sort by time; rows of one second keep their order, or reverse it in a newest-first file."""
    if all(a[0] <= b[0] for a, b in pairwise(rows)):
        return rows
    if rows[0].time > rows[-1].time:
        rows.reverse()
    return sorted(rows, key=itemgetter(0))


def _read(path: Path) -> Iterator[Row]:
    try:
        with open_history(path) as lines:
            yield from _parse(csv.reader(lines), str(path))
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BacktestError(f"{path}: cannot be read: {reason}") from error
    except UnicodeDecodeError as error:
        raise HistoryError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    except csv.Error as error:
        raise HistoryError(f"{path}: is not CSV: {error}") from error


def open_history(path: Path) -> io.TextIOBase:
    """Open a history file, plain or gzipped, as text."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _parse(reader: Iterator[list[str]], path: str) -> Iterator[Row]:
    header = next(reader, None)
    if header is None:
        raise HistoryError(f"{path}, line 1: the file is empty; its first line must name columns")
    columns = recognise(header, path)
    width = len(columns.header)
    quick = columns.asset is not None and not columns.thousands
    line = 1
    for cells in reader:
        line += 1
        if not cells:
            continue
        if len(cells) < width:
            raise HistoryError(f"{path}, line {line}: {len(cells)} cells, the header has {width}")
        row = _plain_row(cells, columns) if quick else None
        if row is None:
            row = _row(cells, columns, f"{path}, line {line}")
        if row is not None:
            yield row


def _plain_row(cells: list[str], columns: Columns) -> Row | None:
    """Return the row of a well-formed line in our layout, None to have it looked at closely."""
    try:
        time = int(cells[columns.time])
        amount = float(cells[columns.amount])
        sender, recipient = cells[columns.sender], cells[columns.recipient]
        value = cells[columns.value] if columns.value is not None else ""
        if not (0 < time < _TIME_MAX and 0.0 <= amount < _AMOUNT_MAX):
            return None
        if len(sender) != _ADDRESS_LENGTH or len(recipient) != _ADDRESS_LENGTH:
            return None
        int(sender, 16)
        int(recipient, 16)
        asset = cells[columns.asset or 0]
        return Row(
            time, cells[columns.tx_hash], sender.lower(), recipient.lower(),
            asset.lower() if asset[:2] == "0x" else asset, amount,
            float(value) if value else None,
        )  # fmt: skip
    except ValueError:
        return None


def _row(cells: list[str], columns: Columns, place: str) -> Row | None:
    """Return the row of any layout, None for one that moved nothing.

    Raises `HistoryError` that names the column.
    """
    if columns.failed is not None and cells[columns.failed].strip():
        return None
    time = _time(cells, columns, place)
    recipient = cells[columns.recipient].strip()
    if not recipient and columns.created is not None:
        recipient = cells[columns.created].strip()
    tx_hash = cells[columns.tx_hash].strip()
    if recipient:
        recipient = _address(recipient, columns.recipient, columns, place)
    return Row(
        time,
        tx_hash,
        _address(cells[columns.sender].strip(), columns.sender, columns, place),
        # A blank recipient makes a contract, whose address nobody was paid at before.
        recipient or tx_hash.lower(),
        _asset(cells, columns, place),
        _amount(cells, columns, place),
        _value(cells, columns, place),
    )


def _wrong(text: str, column: int, columns: Columns, place: str, advice: str) -> HistoryError:
    name = columns.header[column]
    return HistoryError(f"{place}, column {column + 1} ({name}): {text[:60]!r} is {advice}")


def _time(cells: list[str], columns: Columns, place: str) -> int:
    text = cells[columns.time].strip()
    try:
        time = int(text.removesuffix(".0"))
    except ValueError:
        # Our own layout has unix seconds and nothing else.
        time = _utc(text) if columns.thousands else 0
    if not 0 < time < _TIME_MAX:
        raise _wrong(text, columns.time, columns, place, "not a time; give unix seconds")
    return time


def _utc(text: str) -> int:
    """Return the unix seconds of a date and time of day in UTC, 0 for anything else."""
    for style in _STYLES:
        try:
            return int(datetime.strptime(text, style).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    return 0


def _address(text: str, column: int, columns: Columns, place: str) -> str:
    try:
        good = len(text) == _ADDRESS_LENGTH and text[:2].lower() == "0x" and int(text, 16) >= 0
    except ValueError:
        good = False
    if not good:
        advice = "not an address; give 0x and 40 hexadecimal digits"
        raise _wrong(text, column, columns, place, advice)
    return text.lower()


def _asset(cells: list[str], columns: Columns, place: str) -> str:
    if columns.asset is None:
        return columns.native
    text = cells[columns.asset].strip()
    if not text:
        advice = "blank; give the native symbol or a contract address"
        raise _wrong(text, columns.asset, columns, place, advice)
    return text.lower() if text[:2] in {"0x", "0X"} else text


def _amount(cells: list[str], columns: Columns, place: str) -> float:
    amount = _amount_in(columns.amount, cells, columns, place)
    if not amount and columns.incoming is not None:
        return _amount_in(columns.incoming, cells, columns, place)
    return amount


def _amount_in(column: int, cells: list[str], columns: Columns, place: str) -> float:
    text = cells[column].strip()
    try:
        amount = float(text.replace(",", "") if columns.thousands else text)
    except ValueError:
        amount = -1.0
    if not 0.0 <= amount < _AMOUNT_MAX:
        advice = "not an amount; give a decimal number of token units, zero or more"
        raise _wrong(text, column, columns, place, advice)
    return amount


def _value(cells: list[str], columns: Columns, place: str) -> float | None:
    """Return the price-weighted amount; an export that shows none writes a word or a blank."""
    if columns.value is None:
        return None
    text = cells[columns.value].strip().lstrip("$").replace(",", "")
    if not text or (columns.thousands and not text[0].isdigit()):
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < _AMOUNT_MAX:
        raise _wrong(text, columns.value, columns, place, "not an amount of money; leave it blank")
    return value or None
