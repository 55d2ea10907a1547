"""The one way to a new state: edge and owner checked, old state compared, journal line written.

`create` begins a row's life, `move` takes one edge of it. Both judge the step by
`policies.lifecycles`, both write the journal line in the caller's transaction, so a state without
its line, or a line without its state, cannot be committed. `move` compares with the state in which
the fact was read: of two that race, one gets `StaleRowError` and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Insert, Table, Update, bindparam
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel

from policies.consent import terms_to_json
from policies.lifecycles import (
    ATTEMPT,
    EXPOSURE,
    INCIDENT,
    MOTION,
    REFILL,
    TRANSFER,
    WALLET,
    WITHDRAWAL,
    Machine,
    Owner,
    check_edge,
)
from policies.terms import Reason, TransferTerms
from treasury.errors import LifecycleError, TwinError
from treasury.ledger import facts, gathering, journal
from treasury.ledger.reading import ROW_OF, read_as, reasons_to_json

Fact = TypeVar("Fact")
Why = str | tuple[Reason, ...]

_MACHINES: Mapping[type[Any], Machine] = {
    facts.Refill: REFILL,
    facts.Transfer: TRANSFER,
    facts.Attempt: ATTEMPT,
    facts.Standing: WALLET,
    facts.Withdrawal: WITHDRAWAL,
    facts.Motion: MOTION,
    facts.Incident: INCIDENT,
    facts.Exposure: EXPOSURE,
}
_OLD_KEY, _OLD_STATE = "old_key", "old_state"
_SILENT = frozenset({"changed_at", "raw", "terms", "payload", "why", "reasons"})


def create(
    session: Session, kind: type[Fact], row: SQLModel, *, actor: Owner, why: Why, now: int
) -> Fact:
    """Begin the life of a row and return it as a fact of `kind`.

    Raises `LifecycleError` for a state in which nothing may begin or a foreign owner, `TwinError`
    when a unique index holds such a row already.
    """
    machine = _MACHINES[kind]
    state = machine.states(row.state)  # type: ignore[attr-defined]
    _require_edge(machine, None, state, actor)
    _insert(session, machine, row)
    fact = read_as(kind, row)
    body = {"to": state.value, "why": _why(why), **_told(row)}
    _tell(session, machine, fact, body, actor=actor, now=now)
    return fact


def move(
    session: Session,
    fact: Fact,
    to: StrEnum,
    *,
    actor: Owner,
    why: Why,
    now: int,
    **columns: object,
) -> Fact:
    """Take one edge: write the new state and `columns`, and the journal line; return the new fact.

    `why` stays readable in the row itself, where the table has a column for it.
    Raises `LifecycleError` for an edge that does not exist or that `actor` does not own,
    `StaleRowError` when the row is no longer in the state of `fact`, `TwinError` when a unique
    index stands against it.
    """
    machine = _MACHINES[type(fact)]
    old: StrEnum = fact.state  # type: ignore[attr-defined]
    _require_edge(machine, old, to, actor)
    if "terms" in columns and not isinstance(fact, facts.Withdrawal):
        raise LifecycleError("terms never change: make a new row with new consent")
    if hasattr(fact, "why"):
        columns = {**columns, "why": _sentence(why)}
    if hasattr(fact, "reasons") and isinstance(why, tuple):
        columns = {**columns, "reasons": why}
    _write(session, fact, {"state": to.value, "changed_at": now, **columns})
    body = {"from": old.value, "to": to.value, "why": _why(why), **_written(columns)}
    moved = replace(fact, **_changes(fact, to, now, columns))  # type: ignore[type-var]
    _tell(session, machine, moved, body, actor=actor, now=now)
    return moved


def _require_edge(machine: Machine, old: StrEnum | None, new: StrEnum, actor: Owner) -> None:
    reasons = check_edge(machine, old, new, actor)
    if reasons:
        raise LifecycleError("; ".join(reason.text for reason in reasons))


def _write(session: Session, fact: object, values: Mapping[str, object]) -> None:
    table = _table(ROW_OF[type(fact)])
    key = table.primary_key.columns[0].name
    stored = {n: _stored(v) for n, v in values.items() if n in table.columns}
    compared = {_OLD_KEY: getattr(fact, key), _OLD_STATE: fact.state.value}  # type: ignore[attr-defined]
    kind = _MACHINES[type(fact)].name
    stale = f"{kind} {getattr(fact, key)} is no longer {fact.state}"  # type: ignore[attr-defined]
    statement = _update(table, frozenset(stored))
    gathering.change(session, statement, {**stored, **compared}, stale)


def _insert(session: Session, machine: Machine, row: SQLModel) -> None:
    """Write a new row past the unit of work, and tell it the number that it got."""
    table = _table(type(row))
    values = _values(row)
    given = {name: value for name, value in values.items() if value is not None}
    session.flush()
    try:
        result = session.connection().execute(_new(table, frozenset(given)), given)
    except IntegrityError as error:
        raise TwinError(f"such a {machine.name} exists already: {error.orig}") from error
    key = table.primary_key.columns[0].name
    setattr(row, key, result.inserted_primary_key[0])  # type: ignore[index]


def _values(row: SQLModel) -> dict[str, object]:
    return {column.name: getattr(row, column.name) for column in _table(type(row)).columns}


def _table(kind: type[SQLModel]) -> Table:
    table: Table = kind.__table__  # type: ignore[attr-defined]
    return table


@lru_cache(maxsize=64)
def _new(table: Table, columns: frozenset[str]) -> Insert:
    """Return the statement that writes these columns of a new row."""
    return table.insert().values({name: bindparam(name) for name in columns})


@lru_cache(maxsize=256)
def _update(table: Table, columns: frozenset[str]) -> Update:
    """Return the statement that changes these columns of a row that is still as it was read."""
    key = table.primary_key.columns[0]
    return (
        table.update()
        .where(key == bindparam(_OLD_KEY), table.c.state == bindparam(_OLD_STATE))
        .values({name: bindparam(name) for name in columns})
    )


def _tell(
    session: Session,
    machine: Machine,
    fact: object,
    body: Mapping[str, object],
    *,
    actor: Owner,
    now: int,
) -> None:
    key = fact.name if isinstance(fact, facts.Standing) else fact.id  # type: ignore[attr-defined]
    kind = f"{machine.name}_{str(body['to']).lower()}"
    line = journal.Line(
        at=now, actor=actor.value, kind=kind, subject=f"{machine.name}:{key}", body=body
    )
    journal.append(session, line)


def _changes(
    fact: object, to: StrEnum, now: int, columns: Mapping[str, object]
) -> dict[str, object]:
    changes = {"state": to, **columns}
    if hasattr(fact, "changed_at"):
        changes["changed_at"] = now
    return changes


def _stored(value: object) -> object:
    if isinstance(value, tuple) and value and isinstance(value[0], Reason):
        return reasons_to_json(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, TransferTerms):
        return terms_to_json(value)
    return value


def _why(why: Why) -> object:
    return why if isinstance(why, str) else reasons_to_json(why)


def _sentence(why: Why) -> str:
    return why if isinstance(why, str) else "; ".join(reason.text for reason in why)


def _written(columns: Mapping[str, object]) -> dict[str, object]:
    return {n: _plain(_stored(v)) for n, v in columns.items() if n not in _SILENT}


def _told(row: SQLModel) -> dict[str, object]:
    values = _values(row)
    kept = {n: v for n, v in values.items() if v is not None and n not in {*_SILENT, "state", "id"}}
    return {name: _plain(value) for name, value in kept.items()}


def _plain(value: object) -> object:
    # Integers above 2^53 are read wrongly by many JSON readers, so every amount goes as text.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value
