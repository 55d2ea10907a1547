"""Epoch: of two daemons before one signer only the younger gets signatures, and both are safe."""

from __future__ import annotations

from pathlib import Path

import pytest

from hsm.errors import FencedOffError
from policies.lifecycles import RefillState, TransferState
from policies.terms import MotionKind
from tests.fakes.belt import Belt, Fuse, RoomClient
from tests.laws import address_of
from tests.treasury.records.test_restore import copy_of, database_of
from treasury.book.epoch import begin_epoch, remember_epoch
from treasury.ledger.queries import standings
from treasury.records import restore


def daemon_of(belt: Belt, epoch: int) -> RoomClient:
    """Return the client of a second daemon before the same signer."""
    client = RoomClient(belt.room, Fuse())
    client.epoch = epoch
    return client


@pytest.fixture
def numbered(low: Belt) -> Belt:
    """A belt whose daemon is the first, and has been heard."""
    low.signer.epoch = 1
    low.money()
    return low


def test_each_start_takes_a_higher_number(numbered: Belt) -> None:
    """The ledger keeps the number, and never gives one out twice (R5.7)."""
    numbers = [begin_epoch(numbered.ledger, numbered.signer) for _ in range(3)]
    remember_epoch(numbered.ledger, 2)

    assert [2, 3, 4] == numbers
    assert 5 == begin_epoch(numbered.ledger, numbered.signer)


def test_a_new_ledger_goes_on_from_the_book(numbered: Belt, tmp_path: Path) -> None:
    """Its daemon is heard at once, although its ledger knows of no daemon before it."""
    daemon_of(numbered, 7).lead()
    is_away = daemon_of(numbered, 7)
    is_away.is_away = True
    fresh = Belt(tmp_path)

    assert 8 == begin_epoch(numbered.ledger, numbered.signer)
    assert 1 == begin_epoch(fresh.ledger, is_away)


def test_an_older_daemon_signs_nothing_and_loses_nothing(numbered: Belt) -> None:
    """It halts and says so; what it had queued stays, and people can let it go on (R5.7)."""
    numbered.watch()
    numbered.approve(numbered.only_refill(), "alice", "bob")
    daemon_of(numbered, 2).lead()
    numbered.run(3)
    with numbered.ledger.read() as session:
        exposure = standings.exposure(session)

    assert exposure is not None
    assert exposure.is_halted
    assert "the signer hears daemon 2, we are 1" in exposure.why
    assert 0 == numbered.paid("vault", address_of("hot-a"))
    assert RefillState.FAILED is not numbered.only_refill().state


def test_a_queued_transfer_outlives_the_refusal(numbered: Belt) -> None:
    """A daemon that was replaced between its look and its order gives nothing up (R5.7)."""
    numbered.watch()
    numbered.approve(numbered.only_refill(), "alice", "bob")
    honest = numbered.signer.sign_all
    younger = daemon_of(numbered, 2)

    def late(asks: object) -> object:
        younger.lead()
        return honest(asks)  # type: ignore[arg-type]

    numbered.signer.sign_all = late  # type: ignore[method-assign,assignment]
    (told,) = (outcome for outcome in numbered.money() if outcome.unavailable)

    assert "a newer daemon has spoken" in told.unavailable
    assert [TransferState.QUEUED] == [transfer.state for transfer in numbered.transfers()]


def test_the_living_daemon_goes_on(numbered: Belt) -> None:
    """The younger one is heard while the older one, waking up, is refused (R5.7)."""
    paused = daemon_of(numbered, 1)
    numbered.signer.epoch = 2
    numbered.money()
    with pytest.raises(FencedOffError):
        paused.activate("hot-b")
    refill = numbered.settle_one()

    assert RefillState.SETTLED is refill.state
    assert not numbered.is_halted()


def test_the_younger_one_s_ledger_is_not_halted_by_the_older(numbered: Belt) -> None:
    """Where both work on one database the older one writes nothing there any more (R5.7)."""
    younger = daemon_of(numbered, begin_epoch(numbered.ledger, numbered.signer))
    younger.lead()
    (told,) = (outcome for outcome in numbered.money() if outcome.unavailable)

    assert ("adopt", "daemon 2 works on this ledger, we are 1: stop this one") == (
        told.station,
        told.unavailable,
    )
    assert not numbered.is_halted()


def test_a_quorum_lets_the_older_one_lead_again(numbered: Belt) -> None:
    """Where the other one is gone or was a thief, people resume and the number counts again."""
    daemon_of(numbered, 10**20).lead()
    numbered.money()
    halted = numbered.is_halted()
    numbered.room.carry(MotionKind.RESUME, {"why": "there is no other"})
    numbered.money()

    assert halted
    assert 1 == numbered.signer.status().epoch


def test_a_restored_ledger_fences_off_the_former_daemon(numbered: Belt) -> None:
    """The copy knows an old number; its daemon still takes a higher one than any before."""
    remember_epoch(numbered.ledger, 1)
    numbered.ledger.backup_to(copy_of(numbered))
    daemon_of(numbered, 5).lead()
    numbered.ledger.close()
    restore.put_back(
        copy_of(numbered),
        database_of(numbered),
        signer=daemon_of(numbered, 5),
        checkpoints=numbered.directory / "none.jsonl",
        now=numbered.clock.unix(),
    )
    numbered.restart()

    assert 6 == begin_epoch(numbered.ledger, numbered.signer)
