"""Read a parsed document (TOML or JSON) strictly, collecting every problem.

Each getter takes one key; a missing key, a wrong type or a bad value becomes one line
"<file>: <key> = <value>: <what to do>" in the shared list, and a harmless placeholder is
returned so that reading goes on and all problems are told at once. `finish` refuses the keys
that nobody asked for. Whoever reads must look at `problems` before using anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeGuard, TypeVar

from policies.amounts import AmountError, parse_amount
from policies.crypto import BadAddressError, parse_address
from policies.terms import NATIVE, Address

_Choice = TypeVar("_Choice", bound=StrEnum)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z")
_DIGEST = re.compile(r"0x[0-9a-fA-F]{64}\Z")
_SHOWN = 80
_TEXT_MOST = 200
MISSING = object()


class Table:
    """One table of a document, with its path for messages."""

    def __init__(
        self, values: Mapping[str, object], *, source: str, path: str, problems: list[str]
    ) -> None:
        """Wrap `values`; `source` is the file's name, `path` the dotted key of this table."""
        self._values = values
        self._source = source
        self._path = path
        self._seen: set[str] = set()
        self.problems = problems

    def key(self, name: str) -> str:
        """Return the dotted path of a key of this table."""
        return f"{self._path}.{name}" if self._path else name

    def refuse(self, name: str, advice: str) -> None:
        """Note a problem with a key of this table, showing its value."""
        value = self._values.get(name, MISSING)
        shown = "" if value is MISSING else f" = {_show(value)}"
        self.problems.append(f"{self._source}: {self.key(name)}{shown}: {advice}")

    def has(self, name: str) -> bool:
        """Say whether the key is present."""
        return name in self._values

    def text(self, name: str, default: str | None = None) -> str:
        """Read printable ASCII text of at most 200 characters."""
        value = self._take(name, default)
        if _is_text(value):
            return value
        return self._wrong(
            name, value, "write a text in quotes, printable ASCII, at most 200 characters", ""
        )

    def name(self, name: str, default: str | None = None) -> str:
        """Read a name: ASCII letters, digits, dot, dash and underscore, at most 40."""
        value = self._take(name, default)
        if isinstance(value, str) and _NAME.match(value):
            return value
        return self._wrong(name, value, "use letters, digits, '.', '-' and '_', at most 40", "")

    def integer(
        self, name: str, *, least: int, most: int = 2**63 - 1, default: int | None = None
    ) -> int:
        """Read a whole number within bounds."""
        value = self._take(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        return self._wrong(name, value, f"write a whole number from {least} to {most}", least)

    def seconds(
        self, name: str, *, least: float, most: float, default: float | None = None
    ) -> float:
        """Read a duration in seconds, whole or with a decimal point, within bounds."""
        value = self._take(name, default)
        if (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and least <= value <= most
        ):
            return float(value)
        return self._wrong(name, value, f"write seconds from {least:g} to {most:g}", least)

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        """Read true or false."""
        value = self._take(name, default)
        if isinstance(value, bool):
            return value
        return bool(self._wrong(name, value, "write true or false", 0))

    def choice(self, name: str, options: type[_Choice], default: _Choice | None = None) -> _Choice:
        """Read one of a closed set of words."""
        value = self._take(name, default)
        words = [option.value for option in options]
        if isinstance(value, str) and value in words:
            return options(value)
        return self._wrong(name, value, f"write one of {', '.join(words)}", next(iter(options)))

    def amount(self, name: str, symbol: str, decimals: int, default: int | None = None) -> int:
        """Read an amount such as "12.5" or "12.5 ETH" into base units."""
        if default is not None and name not in self._values:
            self._seen.add(name)
            return default
        value = self._take(name, None)
        if not isinstance(value, str):
            return self._wrong(
                name, value, f'write an amount in quotes, for example "12.5 {symbol}"', 0
            )
        try:
            return parse_amount(value, symbol, decimals)
        except AmountError as error:
            return self._wrong(name, value, str(error), 0)

    def address(self, name: str) -> Address:
        """Read an address; a mixed-case one must have a right checksum."""
        return self._address(name, self._take(name, None))

    def addresses(self, name: str) -> tuple[Address, ...]:
        """Read a list of distinct addresses (missing: empty)."""
        values = self._take(name, [])
        if not isinstance(values, list):
            return self._wrong(name, values, "write a list of addresses", ())
        found = tuple(self._address(name, value) for value in values)
        if len(set(found)) != len(found):
            self.refuse(name, "an address stands twice")
        return found

    def digest(self, name: str) -> bytes:
        """Read 32 bytes, written as 0x and 64 hexadecimal digits."""
        value = self._take(name, None)
        if isinstance(value, str) and _DIGEST.match(value):
            return bytes.fromhex(value[2:])
        return self._wrong(name, value, "write 0x and 64 hexadecimal digits in quotes", bytes(32))

    def texts(self, name: str) -> tuple[str, ...]:
        """Read a list of distinct printable ASCII texts with at least one entry."""
        values = self._take(name, None)
        if isinstance(values, list) and values and all(_is_text(value) for value in values):
            if len(set(values)) != len(values):
                self.refuse(name, "an entry stands twice")
            return tuple(values)
        return self._wrong(name, values, "write a list of texts in quotes, at least one", ())

    def names(self, name: str) -> tuple[str, ...]:
        """Read a list of distinct names with at least one entry."""
        values = self._take(name, None)
        if (
            isinstance(values, list)
            and values
            and all(isinstance(v, str) and _NAME.match(v) for v in values)
        ):
            if len(set(values)) != len(values):
                self.refuse(name, "a name stands twice")
            return tuple(values)
        return self._wrong(name, values, "write a list of names, at least one", ())

    def table(self, name: str, *, optional: bool = False) -> Table:
        """Read a table; a missing optional one reads as empty."""
        value = self._take(name, {} if optional else None)
        if not isinstance(value, dict):
            value = self._wrong(name, value, f"write a table [{self.key(name)}]", {})
        return self._child(self.key(name), value)

    def tables(self, name: str, *, optional: bool = False) -> dict[str, Table]:
        """Read a table of named tables, in the document's order."""
        value = self._take(name, {} if optional else None)
        if not isinstance(value, dict) or not all(isinstance(v, dict) for v in value.values()):
            value = self._wrong(name, value, f"write tables such as [{self.key(name)}.<name>]", {})
        for entry in value:
            if not _NAME.match(entry):
                self.problems.append(
                    f"{self._source}: {self.key(name)}.{_show(entry)}: "
                    "use letters, digits, '.', '-' and '_' for the name, at most 40"
                )
        return {entry: self._child(f"{self.key(name)}.{entry}", v) for entry, v in value.items()}

    def rows(self, name: str) -> list[Table]:
        """Read a list of tables with at least one entry."""
        value = self._take(name, None)
        if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
            value = self._wrong(name, value, "write a list of tables, at least one", [])
        return [self._child(f"{self.key(name)}[{i}]", v) for i, v in enumerate(value)]

    def finish(self) -> None:
        """Refuse every key that nobody asked for."""
        for name in self._values:
            if name not in self._seen:
                known = ", ".join(sorted(self._seen))
                self.refuse(name, f"unknown key; remove it (known here: {known})")

    def _address(self, name: str, value: object) -> Address:
        if not isinstance(value, str):
            return self._wrong(name, value, "write an address in quotes, 0x and 40 digits", NATIVE)
        try:
            return parse_address(value)
        except BadAddressError as error:
            return self._wrong(name, value, str(error), NATIVE)

    def _take(self, name: str, default: object) -> object:
        self._seen.add(name)
        value = self._values.get(name, MISSING)
        return default if value is MISSING and default is not None else value

    def _wrong(
        self, name: str, value: object, advice: str, placeholder: _Placeholder
    ) -> _Placeholder:
        self.refuse(name, f"missing; {advice}" if value is MISSING else advice)
        return placeholder

    def _child(self, path: str, values: Mapping[str, object]) -> Table:
        return Table(values, source=self._source, path=path, problems=self.problems)


_Placeholder = TypeVar("_Placeholder")


def _is_text(value: object) -> TypeGuard[str]:
    return (
        isinstance(value, str)
        and 0 < len(value) <= _TEXT_MOST
        and value.isascii()
        and value.isprintable()
    )


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
