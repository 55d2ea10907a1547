"""Turn rows into facts: the only place that knows how a column becomes a domain type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CursorResult,
    Executable,
    Row,
    Select,
    inspect,
    literal,
    select,
)
from sqlmodel import Session, SQLModel, col

from policies.consent import motion_from_json, transfer_from_json
from policies.lifecycles import (
    AttemptState,
    ExposureState,
    IncidentState,
    MotionState,
    RefillState,
    TransferState,
    WalletState,
    WithdrawalState,
)
from policies.terms import Purpose, Reason, Stamp, TransferTerms
from treasury.ledger import facts, tables, tables_seen
from treasury.ledger.gathering import write_down

Fact = TypeVar("Fact")
_Readers = tuple[tuple[str, Callable[[Any], Any] | None], ...]

_TERMS_KEPT = 512
"""As many as the deepest pipeline has in flight; two kilobytes each, for the daemon's life."""

ROW_OF: Mapping[type[Any], type[SQLModel]] = {
    facts.Refill: tables.RefillRow,
    facts.Transfer: tables.TransferRow,
    facts.Attempt: tables.AttemptRow,
    facts.Standing: tables.WalletRow,
    facts.Withdrawal: tables.WithdrawalRow,
    facts.Motion: tables.MotionRow,
    facts.Incident: tables.IncidentRow,
    facts.Exposure: tables.ExposureRow,
}
"""Which table a fact that has a lifecycle comes from."""

_STATES: Mapping[type[Any], Callable[[str], Any]] = {
    facts.Refill: RefillState,
    facts.Transfer: TransferState,
    facts.Attempt: AttemptState,
    facts.Standing: WalletState,
    facts.Withdrawal: WithdrawalState,
    facts.Motion: MotionState,
    facts.Incident: IncidentState,
    facts.Exposure: ExposureState,
}


def by_time_on(chain_id: int | BindParameter[Any]) -> ColumnElement[bool]:
    """Say that a transfer is of a chain, so that no index on chains is used but one on time.

    All that was ever sent on a chain is in those indexes; what was signed lately is little.
    """
    return col(tables.TransferRow.chain_id) + literal(0) == chain_id


def rows_of(table: type[SQLModel]) -> Select[Any]:
    """Return the question for whole rows of a table, without the mapper: for the hot path."""
    return select(*inspect(table).columns)


def ask(
    session: Session, statement: Executable, values: Mapping[str, object] | None = None
) -> CursorResult[*tuple[Any, ...]]:
    """Ask a question that was put together once; what the session still holds is written first."""
    write_down(session)
    if session.new or session.dirty:
        session.flush()
    return session.connection().execute(statement, values)


def read_first(
    session: Session, kind: type[Fact], statement: Executable, /, **values: object
) -> Fact | None:
    """Return the first fact that a question finds."""
    row = ask(session, statement, values).first()
    return None if row is None else read_as(kind, row)


def read_all(
    session: Session, kind: type[Fact], statement: Executable, /, **values: object
) -> tuple[Fact, ...]:
    """Return every fact that a question finds, in its order."""
    return tuple(read_as(kind, row) for row in ask(session, statement, values))


def read_as(kind: type[Fact], row: SQLModel | Row[Any]) -> Fact:
    """Return the fact of that kind that a row holds."""
    values = {}
    readers: _Readers = _readers(kind)  # type: ignore[arg-type]
    for name, convert in readers:
        value = getattr(row, name)
        values[name] = value if convert is None or value is None else convert(value)
    return kind(**values)


@lru_cache(maxsize=_TERMS_KEPT)
def _terms(*items: tuple[str, str]) -> TransferTerms:
    """Read terms once: they never change, and every tick reads those of all open transfers."""
    return transfer_from_json(dict(items))


@lru_cache(maxsize=64)
def _readers(kind: type[Any]) -> _Readers:
    """Return the names of a fact's fields, and what makes a column's value into each of them."""
    return tuple((field.name, _reader(kind, field.name)) for field in fields(kind))


def tick_from(row: tables_seen.TickRow | Row[Any]) -> facts.Tick:
    """Return a tick with its two stamps."""
    return facts.Tick(
        id=row.id or 0,
        chain_id=row.chain_id,
        at=row.at,
        ok=row.ok,
        error=row.error,
        head=_stamp(row.head_number, row.head_hash, row.head_time),
        final=_stamp(row.final_number, row.final_hash, row.final_time),
    )


def reasons_to_json(reasons: tuple[Reason, ...]) -> list[dict[str, str]]:
    """Write reasons for a column or a journal line."""
    return [{"code": reason.code, "text": reason.text} for reason in reasons]


def _stamp(number: int | None, digest: str | None, time: int | None) -> Stamp | None:
    if number is None or digest is None or time is None:
        return None
    return Stamp(number=number, hash=digest, time=time)


def _reader(kind: type[Any], name: str) -> Callable[[Any], Any] | None:
    if name == "state":
        return _STATES.get(kind)
    if name == "terms":
        return motion_from_json if kind is facts.Motion else _transfer_terms
    return _READERS.get(name)


def _transfer_terms(value: Mapping[str, str]) -> TransferTerms:
    return _terms(*value.items())


def _reasons(value: Sequence[Mapping[str, str]]) -> tuple[Reason, ...]:
    return tuple(Reason(code=item["code"], text=item["text"]) for item in value)


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value[2:])


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "reasons": _reasons,
    "counted": tuple,
    "purpose": Purpose,
    "raw": _bytes,
    "signature": _bytes,
}
