"""Ask the ledger's questions past the toolkit: compiled once, run by the driver itself.

What surrounds a question in the library costs several times what the question costs the database,
and one play asks a thousand. Its text, its values and the reading of its columns are still those
of the library; they are only put together once per question instead of each time.

    with quick():
        ...                            # every room of the ledger asks this way
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple
from unittest import mock

from sqlalchemy import Connection, Select
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.types import TypeEngine
from sqlmodel import Session

from tests.simulation.recall import MEMORY
from treasury.ledger import reading
from treasury.ledger.gathering import write_down

Values = Mapping[str, Any]
_NONE: Values = {}
_Convert = Callable[[Any], Any]


class _Place(NamedTuple):
    """Where one value of a statement comes from; `at` is that in a list."""

    name: str
    at: int | None
    constant: Any
    convert: _Convert | None


class _Prepared(NamedTuple):
    """A question ready to run."""

    text: str
    places: tuple[_Place, ...]
    keys: SimpleResultMetaData
    readers: tuple[tuple[int, _Convert], ...]


_prepared: dict[tuple[Select[Any], tuple[int, ...]], _Prepared] = {}


@contextmanager
def quick() -> Iterator[None]:
    """Let every room of the ledger ask this way."""
    with ExitStack() as stack:
        for room in _rooms():
            stack.enter_context(mock.patch.object(room, "ask", ask))
        yield


@cache
def _rooms() -> tuple[ModuleType, ...]:
    named = (module for name, module in sys.modules.items() if name.startswith("treasury."))
    return tuple(module for module in named if vars(module).get("ask") is reading.ask)


def ask(session: Session, statement: Select[Any], values: Values | None = None) -> Any:  # noqa: ANN401
    """Ask as `treasury.ledger.reading.ask` does."""
    write_down(session)
    if session.new or session.dirty:
        session.flush()
    connection, values = session.connection(), values or _NONE
    key = (statement, tuple(len(v) for v in values.values() if isinstance(v, list)))
    prepared = _prepared.get(key)
    if prepared is None:
        prepared = _prepared[key] = _prepare(connection, statement, values)
    memory = connection.get_execution_options().get(MEMORY)
    if memory is not None:
        memory.touch(prepared.text)
    driver: Any = connection.connection.dbapi_connection
    rows = driver.execute(prepared.text, [_value(place, values) for place in prepared.places])
    return IteratorResult(prepared.keys, iter(_read(prepared, rows.fetchall())))


def _value(place: _Place, values: Values) -> Any:  # noqa: ANN401
    name, at, constant, convert = place
    value = values.get(name, constant)
    if at is not None:
        value = value[at]
    return value if convert is None or value is None else convert(value)


def _read(prepared: _Prepared, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    if not prepared.readers or not rows:
        return rows
    found = []
    for row in rows:
        changed = list(row)
        for index, convert in prepared.readers:
            changed[index] = convert(changed[index])
        found.append(tuple(changed))
    return found


def _prepare(connection: Connection, statement: Select[Any], values: Values) -> _Prepared:
    dialect = connection.dialect
    compiled: Any = statement.compile(dialect=dialect)
    state = compiled.construct_expanded_state(values)
    inside = {
        inner: (outer, index)
        for outer, inners in state.parameter_expansion.items()
        for index, inner in enumerate(inners)
    }
    places = []
    for inner in state.positiontup:
        name, at = inside.get(inner, (inner, None))
        if name not in values:  # a list that stands in the question itself
            name, at = inner, None
        places.append(_Place(name, at, state.parameters[inner], state.processors.get(inner)))
    columns = statement.selected_columns
    readers = ((i, _reader(column.type, dialect)) for i, column in enumerate(columns))
    return _Prepared(
        text=state.statement,
        places=tuple(places),
        keys=SimpleResultMetaData(list(columns.keys())),
        readers=tuple((i, reader) for i, reader in readers if reader is not None),
    )


def _reader(kind: TypeEngine[Any], dialect: Any) -> _Convert | None:  # noqa: ANN401
    reader: _Convert | None = kind.dialect_impl(dialect).result_processor(dialect, None)
    return reader
