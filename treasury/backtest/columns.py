"""Which column of a history file means what: our own layout and Etherscan's three exports."""

from __future__ import annotations

import re
from dataclasses import dataclass

from treasury.backtest.errors import HistoryError

_OURS = ("timestamp", "tx_hash", "from", "to", "asset", "amount")
_HASHES = ("Transaction Hash", "Txhash")
_TIMES = ("UnixTimestamp", "DateTime (UTC)")
"""Some exports write the time of day alone, in one of two styles."""
_RECIPIENTS = ("To", "TxTo")
"""The export of internal transfers calls its recipient `TxTo`."""
_TOKEN_VALUES = ("TokenValue", "Value", "Quantity")
_OUT = re.compile(r"Value_OUT\((\w+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Positions of the columns in a row; `native` is the symbol when a file has one asset only."""

    header: tuple[str, ...]
    time: int
    tx_hash: int
    sender: int
    recipient: int
    amount: int
    incoming: int | None
    """Where the amount stands when the wallet received it, in files that write it elsewhere."""
    asset: int | None
    value: int | None
    created: int | None
    failed: int | None
    native: str
    thousands: bool


def recognise(header: list[str], path: str) -> Columns:
    """Return the layout of a file by its header line.

    Raises `HistoryError` when it is neither our layout nor an export that we know.
    """
    names = [name.strip().lstrip("\ufeff") for name in header]
    if set(_OURS) <= set(names):
        return _ours(names)
    out = next((name for name in names if _OUT.fullmatch(name)), None)
    if out is not None:
        return _native_export(names, out, path)
    if "ContractAddress" in names and not {*_TOKEN_VALUES}.isdisjoint(names):
        return _token_export(names, path)
    missing = ", ".join(name for name in _OURS if name not in names)
    raise HistoryError(
        f"{path}, line 1: the header lacks {missing}; give our columns or an Etherscan export"
    )


def _ours(names: list[str]) -> Columns:
    return Columns(
        header=tuple(names),
        time=names.index("timestamp"),
        tx_hash=names.index("tx_hash"),
        sender=names.index("from"),
        recipient=names.index("to"),
        amount=names.index("amount"),
        incoming=None,
        asset=names.index("asset"),
        value=names.index("usd") if "usd" in names else None,
        created=None,
        failed=None,
        native="",
        thousands=False,
    )


def _token_export(names: list[str], path: str) -> Columns:
    return Columns(
        header=tuple(names),
        time=_find(names, _TIMES, path),
        tx_hash=_find(names, _HASHES, path),
        sender=_find(names, ("From",), path),
        recipient=_find(names, _RECIPIENTS, path),
        amount=_find(names, _TOKEN_VALUES, path),
        incoming=None,
        asset=names.index("ContractAddress"),
        value=names.index("USDValueDayOfTx") if "USDValueDayOfTx" in names else None,
        created=None,
        failed=None,
        native="",
        thousands=True,
    )


def _native_export(names: list[str], out: str, path: str) -> Columns:
    found = _OUT.fullmatch(out)
    return Columns(
        header=tuple(names),
        time=_find(names, _TIMES, path),
        tx_hash=_find(names, _HASHES, path),
        sender=_find(names, ("From",), path),
        recipient=_find(names, _RECIPIENTS, path),
        amount=names.index(out),
        incoming=names.index(into) if (into := out.replace("OUT", "IN")) in names else None,
        asset=None,
        value=None,
        created=names.index("ContractAddress") if "ContractAddress" in names else None,
        failed=names.index("ErrCode") if "ErrCode" in names else None,
        native=found.group(1) if found else "",
        thousands=True,
    )


def _find(names: list[str], wanted: tuple[str, ...], path: str) -> int:
    for name in wanted:
        if name in names:
            return names.index(name)
    raise HistoryError(f"{path}, line 1: the header lacks the column {wanted[0]}")
