"""Questions about transfers as balances see them: what is on its way, and what came since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, bindparam, or_, select
from sqlmodel import Session, col

from policies.lifecycles import TransferState
from policies.terms import Address
from treasury.ledger.facts_seen import Flow
from treasury.ledger.reading import ask
from treasury.ledger.tables import TransferRow

_STATES = {state.value: state for state in TransferState}
_AT = Flow._fields.index("state")
_HERE = col(TransferRow.chain_id) == bindparam("chain_id")
_LATER = col(TransferRow.block_number) > bindparam("block_number")


def _asked(*conditions: ColumnElement[bool]) -> Any:  # noqa: ANN401 - a statement
    columns = [col(getattr(TransferRow, name)) for name in Flow._fields]
    return select(*columns).where(_HERE, *conditions).order_by(col(TransferRow.id))


_OPEN = _asked(col(TransferRow.state).in_(bindparam("states", expanding=True)))
_MINED_AFTER = _asked(_LATER)
_OF_WALLET = _asked(
    or_(
        col(TransferRow.source) == bindparam("wallet"),
        col(TransferRow.destination) == bindparam("wallet"),
    ),
    _LATER,
)


def open_flows(session: Session, chain_id: int, *states: TransferState) -> tuple[Flow, ...]:
    """Return the transfers of a chain in any of the states, oldest first."""
    return _flows(session, _OPEN, chain_id=chain_id, states=[state.value for state in states])


def flows_after(session: Session, chain_id: int, block_number: int) -> tuple[Flow, ...]:
    """Return the transfers whose receipt is of a later block, whatever their outcome."""
    return _flows(session, _MINED_AFTER, chain_id=chain_id, block_number=block_number)


def flows_of_after(
    session: Session, chain_id: int, wallet: Address, block_number: int
) -> tuple[Flow, ...]:
    """Return those of them that have a wallet at an end."""
    return _flows(session, _OF_WALLET, chain_id=chain_id, wallet=wallet, block_number=block_number)


def distinct(*several: Iterable[Flow]) -> tuple[Flow, ...]:
    """Join answers, each transfer once."""
    found: Mapping[int, Flow] = {flow.id: flow for flows in several for flow in flows}
    return tuple(found.values())


def _flows(session: Session, statement: Any, **values: object) -> tuple[Flow, ...]:  # noqa: ANN401
    rows = ask(session, statement, values)
    return tuple(Flow._make((*row[:_AT], _STATES[row[_AT]], *row[_AT + 1 :])) for row in rows)
