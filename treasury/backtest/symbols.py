"""What tokens call themselves in a history, so that a report can be read.

A symbol is claimed by the token alone and anybody may claim any, so the contract stands beside it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from treasury.backtest.columns import recognise
from treasury.backtest.history import open_history

_COLUMNS = ("symbol", "TokenSymbol")
_LONGEST = 12


def read_symbols(paths: Iterable[Path]) -> dict[str, str]:
    """Return the symbol of every contract of files that were read before; the first one counts."""
    symbols: dict[str, str] = {}
    for path in paths:
        with open_history(path) as lines:
            _collect(symbols, csv.reader(lines), str(path))
    return symbols


def _collect(symbols: dict[str, str], reader: Iterable[list[str]], path: str) -> None:
    rows = iter(reader)
    columns = recognise(next(rows), path)
    named = next((name for name in _COLUMNS if name in columns.header), None)
    if named is None or columns.asset is None:
        return
    at, asset = columns.header.index(named), columns.asset
    for cells in rows:
        if cells and cells[asset][:2] in {"0x", "0X"} and (symbol := _plain(cells[at])):
            symbols.setdefault(cells[asset].strip().lower(), symbol)


def _plain(text: str) -> str:
    """Return a symbol that does no harm on a screen: letters, digits and few signs."""
    kept = "".join(letter for letter in text if letter.isascii() and letter.isalnum())
    return kept[:_LONGEST]


def said(text: str, symbols: dict[str, str]) -> str:
    """Return a text in which each contract has its symbol and is shortened."""
    for contract, symbol in symbols.items():
        if contract in text:
            text = text.replace(contract, f"{symbol} ({contract[:6]}…{contract[-4:]})")
    return text
