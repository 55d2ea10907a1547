"""A signer that answers strangely: nothing of it is sent, and exposure is halted."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from hsm.wire.answers import AttemptRecord, OrderRecord, OrdersPage
from policies.lifecycles import Owner, TransferState
from policies.terms import Purpose
from tests.fakes.belt import Belt
from tests.laws import ETH
from treasury.ledger import journal, moves
from treasury.ledger.facts import Transfer
from treasury.ledger.queries import transfers
from treasury.stations.adopt import adopt
from treasury.stations.release import release
from treasury.stations.tally import tally


def kinds(belt: Belt) -> list[str]:
    """Return the kinds of all journal lines."""
    with belt.ledger.read() as session:
        return [entry.kind for entry in journal.tail(session, limit=1000)]


def signed_past_the_daemon(belt: Belt) -> None:
    """Let the signer sign a sweep that the daemon did not ask for."""
    belt.fund("hot-a", 60 * ETH)
    assert "signed" == belt.room.sign(belt.room.order(Purpose.SWEEP)).result.value


def bend_page(belt: Belt, **changes: Any) -> None:  # noqa: ANN401 - fields of a record
    """Make the signer tell its orders with changed fields."""
    honest = belt.signer.orders_since

    def bent(seq: int, limit: int = 100) -> OrdersPage:
        page = honest(seq, limit)
        orders = tuple(_bent(record, changes) for record in page.orders)
        return dataclasses.replace(page, orders=orders)

    belt.signer.orders_since = bent  # type: ignore[method-assign]


def _bent(record: OrderRecord, changes: dict[str, Any]) -> OrderRecord:
    attempt_fields = {field.name for field in dataclasses.fields(AttemptRecord)}
    inner = {name: value for name, value in changes.items() if name in attempt_fields}
    outer = {name: value for name, value in changes.items() if name not in attempt_fields}
    attempts = tuple(dataclasses.replace(attempt, **inner) for attempt in record.attempts)
    return dataclasses.replace(record, attempts=attempts, **outer)


@pytest.mark.parametrize(
    "changes",
    [
        {"raw": b"\x02\xc0"},
        {"hash": bytes(32)},
        {"nonce": 7},
        {"order_id": bytes(32)},
        {"order": {"what": "nonsense"}},
    ],
)
def test_a_bent_record_halts(low: Belt, changes: dict[str, Any]) -> None:
    """R4.14: what the book tells is compared like every signature; nothing bent is adopted."""
    signed_past_the_daemon(low)
    bend_page(low, **changes)
    adopt(low.world, low.clock())

    assert low.is_halted()
    assert [] == low.transfers()
    assert "order_rejected" in kinds(low)


def test_two_orders_on_one_nonce_halt(low: Belt) -> None:
    """R3.10: the unique index refuses the second order of a nonce, whoever assigned it."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    tally(low.world, low.clock())
    release(low.world, low.clock())
    taken = low.transfers()[0]
    with low.ledger.write() as session:
        session.connection().exec_driver_sql(
            "INSERT INTO transfer (order_id, cause, purpose, chain_id, source, destination, asset,"
            " amount, max_fee, terms, state, nonce, created_at, expires_at, changed_at, reasons)"
            " SELECT '0xff', 'other', purpose, chain_id, source, destination, asset, amount,"
            " max_fee, terms, 'CONFIRMED', 0, 0, 0, 0, reasons FROM transfer WHERE id = ?",
            (taken.id,),
        )
    low.money()

    assert low.is_halted()
    assert () == low.chain.mempool
    with low.ledger.read() as session:
        found = transfers.transfer(session, taken.id)
    assert found is not None
    assert TransferState.QUEUED is found.state


def test_a_signature_for_what_was_given_up_halts(low: Belt) -> None:
    """R3.10: the ledger gave a transfer up as never signed, and now the book says otherwise."""
    signed_past_the_daemon(low)
    honest = low.signer.orders_since
    adopt(low.world, low.clock())
    transfer: Transfer = low.transfers()[0]
    with low.ledger.write() as session:
        session.connection().exec_driver_sql("DELETE FROM attempt")
        session.connection().exec_driver_sql("UPDATE transfer SET state='QUEUED', nonce=NULL")
        queued = transfers.transfer(session, transfer.id)
        assert queued is not None
        moves.move(session, queued, TransferState.CANCELLED, actor=Owner.DISPATCH, why="x", now=1)
        session.connection().exec_driver_sql("DELETE FROM meta WHERE key LIKE 'adopted_seq%'")
    low.signer.orders_since = honest  # type: ignore[method-assign]
    adopt(low.world, low.clock())

    assert low.is_halted()
