"""Restore: a copy comes back halted and caught up, and nothing is ever paid twice over it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from config.settings import ApiSettings
from hsm.errors import TokenAwayError
from policies.lifecycles import Owner, RefillState, TransferState, WithdrawalState
from policies.terms import MotionKind
from tests.fakes.belt import Belt, Crash
from tests.laws import ETH, address_of
from treasury.api.errors import ApiError
from treasury.api.office import Health, Office
from treasury.api.scopes import EVERYWHERE
from treasury.api.withdrawals import cancel_withdrawal
from treasury.errors import LedgerError, LedgerHeldError
from treasury.ledger import journal, moves
from treasury.ledger.facts import Exposure
from treasury.ledger.queries import standings
from treasury.records import restore
from treasury.records.restore import RestoreError, SignerAwayError

CUSTOMER = address_of("customer")


@pytest.fixture
def belt(directory: Path, quiet: None) -> Belt:
    """A belt whose hot wallet can pay, and a copy of its ledger from before any payout."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(2)
    belt.ledger.backup_to(copy_of(belt))
    return belt


def copy_of(belt: Belt) -> Path:
    """Return where the copy lies."""
    return belt.directory / "copy.sqlite3"


def database_of(belt: Belt) -> Path:
    """Return where the ledger lies."""
    return belt.directory / "ledger.sqlite3"


def put_back(belt: Belt) -> restore.Restored:
    """Stop the daemon and restore the copy; nothing is started yet."""
    belt.ledger.close()
    return restore.put_back(
        copy_of(belt),
        database_of(belt),
        signer=belt.signer,
        checkpoints=belt.directory / "checkpoints.jsonl",
        now=belt.clock.unix(),
    )


def copy_by_hand(belt: Belt) -> None:
    """Put the copy back as somebody does who has not read the runbook."""
    belt.ledger.close()
    for file in belt.directory.glob("ledger.sqlite3-*"):
        file.unlink()
    shutil.copy(copy_of(belt), database_of(belt))
    belt.restart()


def resume(belt: Belt) -> None:
    """Do what a carried motion `resume` does."""
    with belt.ledger.write() as session:
        exposure = standings.exposure(session)
        assert exposure is not None
        moves.move(
            session,
            exposure,
            type(exposure.state).RUNNING,
            actor=Owner.TALLY,
            why="a quorum",
            now=belt.clock.unix(),
        )


def test_a_payout_that_the_copy_does_not_know_is_paid_once(belt: Belt) -> None:
    """R4.14: the service repeats its key after the restore and learns that it was paid."""
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.until(lambda: belt.withdrawal(1).state is WithdrawalState.PAID)
    put_back(belt)
    belt.restart()
    halted = belt.is_halted()
    known = belt.withdrawal_under("key-1")
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.until(lambda: belt.withdrawal(1).state is WithdrawalState.PAID)

    assert halted
    assert known is None
    assert 1 == belt.paid("hot-a", CUSTOMER)


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_a_file_that_was_copied_by_hand_pays_nothing_twice(belt: Belt, rounds: int) -> None:
    """R4.14: without the command too; the first tick takes over what the book knows."""
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.run(rounds)
    copy_by_hand(belt)
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.until(lambda: belt.withdrawal(1).state is WithdrawalState.PAID)
    belt.run(4)

    assert 1 == belt.paid("hot-a", CUSTOMER)
    assert "ACTIVE" == belt.standing("hot-a").state


def test_a_bid_that_the_copy_does_not_know_is_no_theft(belt: Belt) -> None:
    """R4.14: what the copy knows was overtaken by a bid that only the book knows: it was ours."""
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.money()
    copy_of(belt).unlink()
    belt.ledger.backup_to(copy_of(belt))
    belt.chain.base_fee *= 50
    belt.clock.advance(91)
    belt.until(lambda: belt.withdrawal(1).state is WithdrawalState.PAID)
    bid = {transfer.state for transfer in belt.transfers()}
    copy_by_hand(belt)
    belt.signer.is_away = True
    belt.run(4)
    alone = {transfer.state for transfer in belt.transfers()}
    belt.signer.is_away = False
    belt.until(lambda: belt.withdrawal(1).state is WithdrawalState.PAID)

    assert {TransferState.CONFIRMED} == bid
    assert {TransferState.IN_FLIGHT} == alone
    assert 1 == belt.paid("hot-a", CUSTOMER)
    assert not belt.is_halted()
    assert not belt.standing("hot-a").frozen


def test_what_was_paid_before_the_loss_cannot_be_taken_back(belt: Belt) -> None:
    """R4.14: a repeated request is known as paid before its service may call it off."""
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.until(lambda: belt.withdrawal(1).state is WithdrawalState.PAID)
    put_back(belt)
    belt.restart()
    belt.run(4)
    belt.ask_withdrawal(2 * ETH, "customer")
    with pytest.raises(ApiError, match="is PAID"):
        cancel_withdrawal(office_of(belt), "1", EVERYWHERE)
    belt.run(1)

    assert WithdrawalState.PAID is belt.withdrawal(1).state


def office_of(belt: Belt) -> Office:
    """Return what the belt's API would be given."""
    return Office(
        ledger=belt.ledger,
        deployment=belt.world.deployment,
        law=lambda: belt.law,
        clock=belt.clock,
        wake=lambda: None,
        health=lambda: Health(signer="ready"),
        limits=ApiSettings(
            sockets={},
            body_limit_bytes=65_536,
            requests_per_s=100,
            request_burst=100,
            stop_deadline_s=1,
        ),
    )


def test_the_signer_itself_refuses_a_second_order_for_a_payout(belt: Belt) -> None:
    """R4.14: with a ledger that adopts nothing, the salt alone stops the second payment."""
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.until(lambda: belt.withdrawal(1).state is WithdrawalState.PAID)
    copy_by_hand(belt)
    honest = belt.signer.call

    def forgetful(verb: str, body: dict[str, object]) -> object:
        # The book's orders never arrive: as if adoption had a hole.
        asked = {**body, "seq": str(belt.room.book.seq)} if verb == "orders_since" else body
        return honest(verb, asked)  # type: ignore[arg-type]

    belt.signer.call = forgetful  # type: ignore[method-assign,assignment]
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.run(8)

    assert 1 == belt.paid("hot-a", CUSTOMER)
    assert belt.withdrawal(1).state is not WithdrawalState.PAID
    assert "salt_used" in codes(belt)


def codes(belt: Belt) -> set[str]:
    """Return why the first withdrawal and all transfers stand as they do."""
    reasons = [*belt.withdrawal(1).reasons, *(r for t in belt.transfers() for r in t.reasons)]
    return {reason.code for reason in reasons}


def test_a_key_that_paid_somebody_else_is_refused(belt: Belt) -> None:
    """R4.14: after the loss the key comes with another payee: it stays the key of the first."""
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.until(lambda: belt.withdrawal(1).state is WithdrawalState.PAID)
    put_back(belt)
    belt.restart()
    belt.ask_withdrawal(ETH, "another")
    belt.run(2)

    assert WithdrawalState.REFUSED is belt.withdrawal(1).state
    assert {"key_used"} <= codes(belt)
    assert 0 == belt.chain.balance(address_of("another"))


def test_a_nonce_without_a_signature_does_not_jam_the_wallet(belt: Belt) -> None:
    """R4.14: a nonce was given, the token failed, the copy knows of neither: resolved by itself."""
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.room.tokens.trouble_at_signing = TokenAwayError("gone")
    belt.money()
    belt.room.tokens.trouble_at_signing = None
    copy_by_hand(belt)
    belt.ask_withdrawal(ETH, "another", key="key-2")
    belt.until(lambda: belt.withdrawal(1).state is WithdrawalState.PAID)

    assert 1 == belt.paid("hot-a", CUSTOMER)
    assert 1 == belt.paid("hot-a", address_of("another"))
    assert [0, 1] == [transfer.nonce for transfer in belt.transfers()]


def test_such_a_nonce_is_filled_when_its_wallet_is_isolated(belt: Belt) -> None:
    """R4.14: what may not be paid any more gives its nonce to a cancel or to the evacuation."""
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.room.tokens.trouble_at_signing = TokenAwayError("gone")
    belt.money()
    belt.room.tokens.trouble_at_signing = None
    belt.room.isolate("hot-a")
    put_back(belt)
    belt.restart()
    belt.run(8)

    states = {t.nonce: t.state for t in belt.transfers() if t.purpose.value == "withdrawal"}
    assert [0] == list(states)
    assert states[0] in {TransferState.CANCELLED, TransferState.USURPED}
    assert 0 == belt.paid("hot-a", CUSTOMER)


def test_a_refill_that_was_signed_after_the_copy_settles(directory: Path, quiet: None) -> None:
    """R4.14: consent stays used: the refill is RELEASED at once, and settles when it is final."""
    belt = Belt(directory)
    belt.watch()
    belt.ledger.backup_to(copy_of(belt))
    belt.approve(belt.only_refill(), "alice", "bob")
    belt.money()
    done = put_back(belt)
    belt.restart()
    taken = belt.only_refill().state
    belt.until(lambda: belt.only_refill().state is RefillState.SETTLED)

    assert any("adopted 1 attempts" in deed for deed in done.deeds)
    assert RefillState.RELEASED is taken
    assert 1 == belt.paid("vault", address_of("hot-a"))


def test_only_a_quorum_ends_the_halt(belt: Belt) -> None:
    """R4.14: until somebody has looked, nothing leaves; afterwards everything goes on."""
    put_back(belt)
    belt.restart()
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.run(3)
    held = belt.withdrawal(1).state
    resume(belt)
    belt.until(lambda: belt.withdrawal(1).state is WithdrawalState.PAID)

    assert WithdrawalState.HELD is held
    assert MotionKind.RESUME.value == "resume"


def test_it_says_from_which_line_on_the_journal_was_lost(belt: Belt) -> None:
    """R4.14: the journal tells of the restore and of the newest head that was signed before."""
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.run(4)
    with belt.ledger.read() as session:
        head = journal.head(session)
    assert head is not None
    write_checkpoint(belt, head.seq, head.hash)
    done = put_back(belt)
    belt.restart()
    with belt.ledger.read() as session:
        (line,) = journal.of_kind(session, restore.RESTORED)
        verified = journal.verify(session)

    told = {"entries": str(done.entries), "signed_seq": str(head.seq), "signed_head": head.hash}
    assert told == json.loads(line.body)
    assert verified.ok
    assert done.kept is not None
    assert done.kept.exists()


def write_checkpoint(belt: Belt, seq: int, head: str) -> None:
    """Write a checkpoint as the daemon does."""
    line = json.dumps({"seq": str(seq), "head": head, "at": str(belt.clock.unix())})
    with (belt.directory / "checkpoints.jsonl").open("a") as file:
        file.write(line + "\n")


def test_a_second_restore_is_not_misled_by_checkpoints_of_lost_lines(belt: Belt) -> None:
    """R4.14: heads that were signed for lines that are gone do not stand against the new ones."""
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.run(4)
    with belt.ledger.read() as session:
        head = journal.head(session)
    assert head is not None
    write_checkpoint(belt, head.seq, head.hash)
    put_back(belt)
    belt.restart()
    belt.clock.advance(1)
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.run(8)
    copy_of(belt).unlink()
    belt.ledger.backup_to(copy_of(belt))
    again = put_back(belt)
    belt.restart()

    assert again.entries > head.seq


def test_a_forged_copy_is_not_put_back(belt: Belt) -> None:
    """R7.4: a journal that was rewritten does not fit the heads that the signer signed."""
    belt.run(2)
    with belt.ledger.read() as session:
        first = journal.tail(session, limit=1)[0]
    write_checkpoint(belt, first.seq, "0x" + "11" * 32)

    with pytest.raises(RestoreError, match="keep it as evidence"):
        put_back(belt)
    assert_untouched(belt)


def test_a_damaged_copy_is_not_put_back(belt: Belt) -> None:
    """R7.4: a line that was changed is named."""
    with sqlite3.connect(copy_of(belt)) as connection:
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE journal SET actor = 'nobody' WHERE seq = 2")
    connection.close()

    with pytest.raises(RestoreError, match="breaks at 2"):
        put_back(belt)
    assert_untouched(belt)


def test_nothing_is_touched_while_the_signer_is_away(belt: Belt) -> None:
    """R4.14: without the book nobody knows what was signed, so nothing is put in place."""
    belt.signer.is_away = True

    with pytest.raises(SignerAwayError, match="start the signer"):
        put_back(belt)
    assert_untouched(belt)


def test_nothing_is_touched_while_a_daemon_runs(belt: Belt) -> None:
    """R4.14: the ledger of a living daemon is not exchanged under it."""
    with pytest.raises(LedgerHeldError, match="stop it first"):
        restore.put_back(
            copy_of(belt),
            database_of(belt),
            signer=belt.signer,
            checkpoints=belt.directory / "checkpoints.jsonl",
            now=0,
        )
    assert_untouched(belt)


def test_what_is_no_ledger_is_refused(belt: Belt) -> None:
    """R4.14: a missing file and a file of something else say what to do."""
    copy_of(belt).unlink()
    with pytest.raises(RestoreError, match="name a copy"):
        put_back(belt)
    copy_of(belt).write_text("no database")
    with pytest.raises(LedgerError):
        put_back(belt)
    assert_untouched(belt)


def assert_untouched(belt: Belt) -> None:
    """Require that the ledger is what it was, and no half-made file lies about."""
    assert [] == list(belt.directory.glob("*.restor*"))
    assert [] == list(belt.directory.glob("*.before-*"))
    belt.restart()
    with belt.ledger.read() as session:
        assert [] == list(journal.of_kind(session, restore.RESTORED))
        assert isinstance(standings.exposure(session), Exposure)


@pytest.mark.parametrize("number", range(1, 7))
def test_an_interrupted_restore_is_run_again(belt: Belt, number: int) -> None:
    """R4.14, R6.1: dead at each step of it: the old ledger is still there, or the new one is."""
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.until(lambda: belt.withdrawal(1).state is WithdrawalState.PAID)
    calls = iter(range(1, 1_000))
    honest = belt.signer.call

    def die(verb: str, body: object) -> object:
        if next(calls) == number:
            raise Crash(verb)
        return honest(verb, body)  # type: ignore[arg-type]

    belt.signer.call = die  # type: ignore[method-assign,assignment]
    try:
        put_back(belt)
    except Crash:
        put_back(belt)
    belt.restart()
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.until(lambda: belt.withdrawal(1).state is WithdrawalState.PAID)

    assert 1 == belt.paid("hot-a", CUSTOMER)


def test_an_older_order_is_not_signed_after_a_newer_one(belt: Belt) -> None:
    """R4.14: the copy still has the first order queued, the second one was signed since."""
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.chain.base_fee *= 1_000_000
    belt.money()
    copy_of(belt).unlink()
    belt.ledger.backup_to(copy_of(belt))
    queued = [transfer.state for transfer in belt.transfers()]
    belt.room.isolate("hot-a")
    belt.room.carry(MotionKind.ROTATE, {"pool": "main", "wallet": "hot-b"})
    belt.chain.base_fee = 10**9
    belt.until(lambda: belt.withdrawal(1).state is WithdrawalState.PAID)
    belt.room.carry(MotionKind.REINSTATE, {"wallet": "hot-a"})
    belt.room.carry(MotionKind.ROTATE, {"pool": "main", "wallet": "hot-a"})
    put_back(belt)
    belt.restart()
    resume(belt)
    belt.until(lambda: belt.withdrawal(1).state is WithdrawalState.PAID)
    belt.run(3)

    assert [TransferState.QUEUED] == queued
    assert (0, 1) == tuple(belt.paid(name, CUSTOMER) for name in ("hot-a", "hot-b"))
