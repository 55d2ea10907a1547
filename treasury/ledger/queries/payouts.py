"""Questions about withdrawals that count in the signer's windows, and about who was paid before.

Columns instead of rows: a window may hold thousands of payouts, and each round of paying asks.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from policies.lifecycles import TransferState
from policies.terms import Address, Purpose
from treasury.ledger.facts import Payout
from treasury.ledger.tables import AttemptRow, TransferRow

_AT_ONCE = 500
_PARTS = (
    col(TransferRow.destination),
    col(TransferRow.asset),
    col(TransferRow.amount),
    col(TransferRow.max_fee),
)


def counted(session: Session, chain_id: int, source: Address, since: int) -> tuple[Payout, ...]:
    """Return what an address first signed after `since`, and what is queued for it.

    Whatever became of the signed ones: the signer's windows never give anything back.
    """
    signed = (
        sa.select(*_PARTS, col(AttemptRow.signed_at))
        .join(AttemptRow, col(AttemptRow.transfer_id) == col(TransferRow.id))
        .where(
            *_withdrawals_of(chain_id, source),
            col(AttemptRow.number) == 1,
            col(AttemptRow.signed_at) > since,
        )
    )
    queued = sa.select(*_PARTS, sa.null()).where(
        *_withdrawals_of(chain_id, source), col(TransferRow.state) == TransferState.QUEUED.value
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
    """Return when a withdrawal to each address was first signed (unix); absent when never."""
    found: dict[Address, int] = {}
    wanted = sorted(set(destinations))
    for start in range(0, len(wanted), _AT_ONCE):
        query = (
            select(TransferRow.destination, func.min(AttemptRow.signed_at))
            .join(AttemptRow, col(AttemptRow.transfer_id) == col(TransferRow.id))
            .where(
                TransferRow.chain_id == chain_id,
                TransferRow.purpose == Purpose.WITHDRAWAL.value,
                col(TransferRow.destination).in_(wanted[start : start + _AT_ONCE]),
            )
            .group_by(TransferRow.destination)
        )
        found |= {Address(to): at for to, at in session.exec(query)}
    return found


def _withdrawals_of(chain_id: int, source: Address) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(TransferRow.chain_id) == chain_id,
        col(TransferRow.purpose) == Purpose.WITHDRAWAL.value,
        col(TransferRow.source) == source,
    )
