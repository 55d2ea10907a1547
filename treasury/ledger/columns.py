"""Column types: what SQL itself would get wrong.

SQLite cannot hold wei in an integer, so amounts are 78-digit zero-padded text, which sorts and
compares as numbers do. JSON is stored in one canonical form, so that equal facts are equal text.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Dialect, String, Text
from sqlalchemy.types import TypeDecorator

from policies.terms import UINT256_MAX

WEI_DIGITS = 78
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


class WeiText(TypeDecorator[int]):
    """An amount in base units, 0 … 2^256 - 1, as text of 78 digits."""

    impl = String(WEI_DIGITS)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write an amount; raises `ValueError` for anything that is not an integer in range."""
        return wei_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ANN401, ARG002
        """Read an amount."""
        return None if value is None else int(value)


class JsonText(TypeDecorator[Any]):
    """A JSON value in canonical form: sorted keys, no spaces, ASCII, no floats."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401, ARG002
        """Write the value canonically."""
        return None if value is None else canonical_json(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002
        """Read the value."""
        return None if value is None else json.loads(value)


def wei_text(value: int | None) -> str | None:
    """Return an amount as the column stores it.

    Raises `ValueError` for anything that is not an integer in range.
    """
    text = short_text(value)
    return None if text is None else text.zfill(WEI_DIGITS)


def short_text(value: int | None) -> str | None:
    """Return an amount for rows that nobody sorts by it and that there are very many of.

    The column reads it like the long one. Raises `ValueError` as `wei_text` does.
    """
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= UINT256_MAX:
        msg = f"{value!r} is not an amount in base units"
        raise ValueError(msg)
    return str(value)


def canonical_json(value: object) -> str:
    """Return the canonical JSON text of a value without floats; raises `ValueError` for one."""
    _refuse_floats(value)
    return _CANONICAL.encode(value)


def _refuse_floats(value: object) -> None:
    if type(value) is str or value is None:
        return
    if isinstance(value, float):
        msg = "a float must not enter the ledger: write integers or decimal strings"
        raise ValueError(msg)  # noqa: TRY004 - the value is wrong, its type is what it is
    if isinstance(value, dict):
        for item in value.values():
            if type(item) is not str:
                _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
