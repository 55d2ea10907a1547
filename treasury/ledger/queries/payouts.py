"""Questions about withdrawals that count in the signer's windows, and about who was paid before.

Columns instead of rows: a window may hold thousands of payouts, and each round of paying asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import sqlalchemy as sa
from sqlmodel import Session, col

from policies.lifecycles import TransferState
from policies.terms import Address, Purpose
from treasury.ledger.facts import Payout
from treasury.ledger.reading import ask, by_time_on
from treasury.ledger.tables import AttemptRow, TransferRow

_PARTS = (
    col(TransferRow.destination),
    col(TransferRow.asset),
    col(TransferRow.amount),
    col(TransferRow.max_fee),
)
_PEOPLE = sa.func.json_each(sa.bindparam("people")).table_valued("value")
_FIRST_PAID = sa.select(
    _PEOPLE.c.value,
    # One look into an index for each address, which ends at the first row that it finds.
    sa.select(col(AttemptRow.signed_at))
    .join(TransferRow, col(AttemptRow.transfer_id) == col(TransferRow.id))
    .where(
        col(TransferRow.chain_id) == sa.bindparam("chain_id"),
        col(TransferRow.purpose) == Purpose.WITHDRAWAL.value,
        col(TransferRow.destination) == _PEOPLE.c.value,
        col(AttemptRow.number) == 1,
    )
    .order_by(col(TransferRow.id))
    .limit(1)
    .scalar_subquery(),
)


def counted(session: Session, chain_id: int, source: Address, since: int) -> tuple[Payout, ...]:
    """Return what an address first signed after `since`, and what is queued for it.

    Whatever became of the signed ones: the signer's windows never give anything back.
    """
    signed = (
        sa.select(*_PARTS, col(AttemptRow.signed_at))
        .join(AttemptRow, col(AttemptRow.transfer_id) == col(TransferRow.id))
        .where(
            by_time_on(chain_id),
            *_withdrawals_of(source),
            col(AttemptRow.number) == 1,
            col(AttemptRow.signed_at) > since,
        )
    )
    queued = sa.select(*_PARTS, sa.null()).where(
        col(TransferRow.chain_id) == chain_id,
        *_withdrawals_of(source),
        col(TransferRow.state) == TransferState.QUEUED.value,
    )
    # Not in one query: asked for together, neither of the two would go by its index.
    rows = (*session.connection().execute(signed), *session.connection().execute(queued))
    return tuple(
        Payout(
            destination=Address(to),
            asset=Address(asset),
            amount=amount,
            max_fee=max_fee,
            signed_at=at,
        )
        for to, asset, amount, max_fee, at in rows
    )


def first_paid(
    session: Session, chain_id: int, destinations: Iterable[Address]
) -> dict[Address, int]:
    """Return when the first withdrawal to each address was signed (unix); absent when never.

    The first is the oldest that was ever signed. A younger one may have been signed before it; then
    the address counts as new for longer than it is, never for less.
    """
    people = json.dumps(sorted(set(destinations)))
    rows = ask(session, _FIRST_PAID, {"chain_id": chain_id, "people": people})
    return {Address(to): at for to, at in rows if at is not None}


def _withdrawals_of(source: Address) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(TransferRow.purpose) == Purpose.WITHDRAWAL.value,
        col(TransferRow.source) == source,
    )
