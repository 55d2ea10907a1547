"""Moves: only existing edges, only by their owner, only from the state that was read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policies.consent import terms_to_json
from policies.lifecycles import MACHINES, ExposureState, Owner, RefillState
from policies.terms import NATIVE, Purpose, Reason, TransferTerms
from tests.fakes.ledgers import fresh_ledger
from tests.laws import ETH, address_of
from treasury.errors import LifecycleError, StaleRowError, TwinError
from treasury.ledger import Ledger, journal, moves
from treasury.ledger.facts import Exposure, Refill
from treasury.ledger.queries import refills, standings
from treasury.ledger.tables import ExposureRow, RefillRow

TERMS = TransferTerms(
    what="Refill hot-a",
    purpose=Purpose.REFILL,
    salt=bytes(16),
    chain_id=31337,
    asset=NATIVE,
    source=address_of("vault"),
    destination=address_of("hot-a"),
    amount=40 * ETH,
    max_fee=ETH // 100,
    maker=NATIVE,
    proposed_at=1,
    expires_at=100,
    law_digest=bytes(32),
)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A fresh ledger."""
    return fresh_ledger(tmp_path)


def row(order: str = "0x01", **changes: Any) -> RefillRow:  # noqa: ANN401 - columns
    """Return a proposed refill's row."""
    values: dict[str, Any] = {
        "order_id": order,
        "chain_id": 31337,
        "pool": "main",
        "wallet": "hot-a",
        "asset": NATIVE,
        "amount": TERMS.amount,
        "max_fee": TERMS.max_fee,
        "state": "PROPOSED",
        "terms": terms_to_json(TERMS),
        "maker": NATIVE,
        "proposed_at": 1,
        "expires_at": 100,
        "changed_at": 1,
        "counted": [],
        "reasons": [],
    }
    return RefillRow(**{**values, **changes})


def propose(ledger: Ledger, **changes: Any) -> Refill:  # noqa: ANN401 - columns
    """Create a refill."""
    with ledger.write() as session:
        return moves.create(
            session, Refill, row(**changes), actor=Owner.ASSESS, why="below the floor", now=1
        )


def approve(ledger: Ledger, refill: Refill) -> Refill:
    """Move a refill to APPROVED."""
    with ledger.write() as session:
        return moves.move(
            session,
            refill,
            RefillState.APPROVED,
            actor=Owner.TALLY,
            why="2 of 2",
            now=5,
            release_at=10,
        )


def test_state_and_line_are_one_commit(ledger: Ledger) -> None:
    """R7.3: the new state, its columns and its journal line are there together."""
    moved = approve(ledger, propose(ledger))

    with ledger.read() as session:
        stored = refills.refill(session, moved.id)
        lines = [(e.kind, e.subject, e.actor) for e in journal.tail(session)]

    assert moved == stored
    assert (RefillState.APPROVED, 10, 5) == (moved.state, moved.release_at, moved.changed_at)
    assert [
        ("refill_proposed", "refill:1", "assess"),
        ("refill_approved", "refill:1", "tally"),
    ] == lines


def test_neither_state_nor_line_without_the_other(ledger: Ledger) -> None:
    """R7.3: a transaction that dies after the move leaves the old state and no line."""
    refill = propose(ledger)

    def die_after_the_move() -> None:
        with ledger.write() as session:
            moves.move(session, refill, RefillState.APPROVED, actor=Owner.TALLY, why="x", now=5)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        die_after_the_move()

    with ledger.read() as session:
        assert refill == refills.refill(session, refill.id)
        assert 1 == len(journal.tail(session))


def test_of_two_that_race_one_loses(ledger: Ledger) -> None:
    """Compare-and-set on the state that was read: the slower one changes nothing."""
    refill = propose(ledger)
    approve(ledger, refill)

    with pytest.raises(StaleRowError, match="no longer PROPOSED"), ledger.write() as session:
        moves.move(session, refill, RefillState.REJECTED, actor=Owner.TALLY, why="veto", now=6)

    with ledger.read() as session:
        assert 2 == len(journal.tail(session))


@pytest.mark.parametrize(
    ("to", "actor"),
    [
        (RefillState.SETTLED, Owner.CONFIRM),
        (RefillState.RELEASED, Owner.RELEASE),
        (RefillState.APPROVED, Owner.ASSESS),
        (RefillState.APPROVED, Owner.API),
        (ExposureState.HALTED, Owner.TALLY),
    ],
)
def test_foreign_edges_are_refused(ledger: Ledger, to: RefillState, actor: Owner) -> None:
    """No edge that does not exist, no edge of another station."""
    refill = propose(ledger)

    with pytest.raises(LifecycleError), ledger.write() as session:
        moves.move(session, refill, to, actor=actor, why="x", now=5)


def test_nothing_begins_in_the_middle(ledger: Ledger) -> None:
    """A refill cannot be created APPROVED."""
    with pytest.raises(LifecycleError):
        propose(ledger, state="APPROVED")


def test_one_open_refill_per_wallet_and_asset(ledger: Ledger) -> None:
    """The index, not a check, stops a twin; a closed refill makes room."""
    first = propose(ledger)
    with pytest.raises(TwinError):
        propose(ledger, order="0x02")
    with ledger.write() as session:
        moves.move(session, first, RefillState.REJECTED, actor=Owner.TALLY, why="veto", now=2)

    assert 2 == propose(ledger, order="0x02").id


def test_terms_never_change(ledger: Ledger) -> None:
    """Another amount is another refill."""
    refill = propose(ledger)

    with pytest.raises(LifecycleError, match="terms never change"), ledger.write() as session:
        moves.move(
            session,
            refill,
            RefillState.APPROVED,
            actor=Owner.TALLY,
            why="x",
            now=5,
            terms=replace(TERMS, amount=1),
        )


def test_reasons_stay_in_the_row(ledger: Ledger) -> None:
    """What ended a refill is shown where people look for it."""
    refill = propose(ledger)
    why = (Reason(code="vetoed", text="alice vetoed it"),)

    with ledger.write() as session:
        moves.move(session, refill, RefillState.REJECTED, actor=Owner.TALLY, why=why, now=2)

    with ledger.read() as session:
        found = refills.refill(session, refill.id)
    assert found is not None
    assert why == found.reasons


def test_exposure_is_one_row(ledger: Ledger) -> None:
    """There is one exposure, and a second one is refused."""

    def begin() -> None:
        fresh = ExposureRow(state="RUNNING", why="start", who="daemon", changed_at=1)
        with ledger.write() as session:
            moves.create(session, Exposure, fresh, actor=Owner.DAEMON, why="start", now=1)

    begin()
    with pytest.raises(TwinError):
        begin()
    with ledger.read() as session:
        assert not standings.is_halted(session)


def test_every_machine_has_a_table() -> None:
    """Each lifecycle of the law can be moved here."""
    assert {m.name for m in MACHINES.values()} == {m.name for m in moves._MACHINES.values()}
