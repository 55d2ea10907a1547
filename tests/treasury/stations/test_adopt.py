"""Adopt: the signer's book wins on what was signed, and a rewound book stops everything."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hsm.errors import TokenAwayError
from policies.lifecycles import RefillState, TransferState, WalletState, WithdrawalState
from policies.terms import MotionKind, Purpose
from tests.fakes.belt import Belt, Crash, Fuse, RoomClient
from tests.fakes.vault_room import VaultRoom
from tests.laws import ETH, address_of, make_law
from treasury.ledger import journal
from treasury.ledger.queries import standings, transfers
from treasury.stations.adopt import adopt


def kinds(belt: Belt) -> list[str]:
    """Return the kinds of all journal lines."""
    with belt.ledger.read() as session:
        return [entry.kind for entry in journal.tail(session, limit=1000)]


def test_the_law_and_its_wallets_are_taken_over(low: Belt) -> None:
    """At the first look the adopted law is kept and every wallet has its standing."""
    states = {name: low.standing(name).state for name in ("vault", "hot-a", "hot-b", "sponsor")}

    assert {
        "vault": None,
        "hot-a": WalletState.ACTIVE,
        "hot-b": WalletState.STANDBY,
        "sponsor": None,
    } == states
    assert "law_in_force" in kinds(low)


def test_looking_again_writes_nothing(low: Belt) -> None:
    """Without news the journal does not grow, and a tick costs the signer one question."""
    low.money()
    before = kinds(low)
    low.signer.calls.clear()
    for _ in range(3):
        adopt(low.world, low.clock())

    assert before == kinds(low)
    assert ["status"] * 3 == low.signer.calls


def test_signed_but_not_written_down(low: Belt) -> None:
    """R4.1: the daemon died between the signature and its commit; the bytes are found and sent."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    low.crash_at(1)
    low.fuse.blows_at = None
    honest = low.signer.call

    def die(verb: str, body: object) -> object:
        answer = honest(verb, body)  # type: ignore[arg-type]
        if verb == "sign":
            raise Crash(verb)
        return answer

    low.signer.call = die  # type: ignore[method-assign,assignment]
    with pytest.raises(Crash):
        low.money()
    low.restart()
    adopt(low.world, low.clock())

    assert [TransferState.IN_FLIGHT] == [transfer.state for transfer in low.transfers()]
    low.until(lambda: not low.open_transfers())
    assert 1 == low.paid("vault", address_of("hot-a"))


def go_back(belt: Belt, do: Callable[[], object]) -> None:
    """Do something, and restore the ledger from a copy that was made before."""
    copy = belt.directory / "copy.sqlite3"
    belt.ledger.backup_to(copy)
    do()
    belt.ledger.close()
    for file in belt.directory.glob("ledger.sqlite3*"):
        file.unlink()
    shutil.copy(copy, belt.directory / "ledger.sqlite3")
    belt.restart()


def test_a_ledger_from_yesterday(directory: Path, quiet: None) -> None:
    """R4.14: restored from a copy made before the approval: the signed order is adopted."""
    belt = Belt(directory)
    belt.watch()
    refill = belt.only_refill()

    def refilled() -> None:
        belt.approve(refill, "alice", "bob")
        belt.money()

    go_back(belt, refilled)
    belt.until(lambda: not belt.open_transfers() and bool(belt.transfers()))

    assert RefillState.SETTLED is belt.refill(refill.id).state
    assert 1 == belt.paid("vault", address_of("hot-a"))


@pytest.mark.parametrize("is_held", [False, True])
def test_a_ledger_from_before_a_payout(calm: Belt, is_held: bool) -> None:
    """R4.14: the withdrawal finds the transfer that only the book knew, and is paid once."""
    asked = calm.ask_withdrawal(2 * ETH, "customer")
    calm.room.tokens.trouble = TokenAwayError("unplugged") if is_held else None
    go_back(calm, calm.money)
    calm.room.tokens.trouble = None
    calm.until(lambda: calm.withdrawal(asked.id).state is WithdrawalState.PAID)

    assert 1 == calm.paid("hot-a", address_of("customer"))
    assert [TransferState.CONFIRMED] == [transfer.state for transfer in calm.transfers()]


def test_a_key_that_was_used_before_the_copy_pays_nobody_else(calm: Belt) -> None:
    """R4.14: asked anew for another receiver, it is refused, and the first one is paid once."""

    def paid() -> None:
        calm.ask_withdrawal(2 * ETH, "customer")
        calm.money()

    go_back(calm, paid)
    asked = calm.ask_withdrawal(3 * ETH, "customer-2")
    calm.run(6)

    found = calm.withdrawal(asked.id)
    assert (WithdrawalState.REFUSED, ["key_used"]) == (
        found.state,
        [reason.code for reason in found.reasons],
    )
    assert 2 * ETH == calm.chain.balance(address_of("customer"))
    assert 0 == calm.chain.balance(address_of("customer-2"))


def test_an_order_that_nobody_here_placed(low: Belt) -> None:
    """A signature for an unknown order is adopted, and rings."""
    low.fund("hot-a", 60 * ETH)
    low.chain.mine(3)
    low.watch()
    terms = low.room.order(Purpose.SWEEP, amount=10 * ETH)
    assert "signed" == low.room.sign(terms).result.value
    low.run(5)

    assert [TransferState.CONFIRMED] == [transfer.state for transfer in low.transfers()]
    assert "unknown_order_adopted" in kinds(low)


def test_a_rewound_book_halts_and_freezes(low: Belt) -> None:
    """R4.14: the journal saw more of the book than there is: halted here, frozen there."""
    shutil.copy(low.directory / "book.sqlite3", low.directory / "old.sqlite3")
    low.room.book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(low.directory / "book.sqlite3", low.directory / "old.sqlite3")
    low.settle_one()
    low.room.close()
    for file in low.directory.glob("book.sqlite3*"):
        file.unlink()
    shutil.copy(low.directory / "old.sqlite3", low.directory / "book.sqlite3")
    low.restart()
    low.money()

    assert low.is_halted()
    assert low.signer.status().frozen


def test_a_rewound_book_that_grew_again_freezes_itself(low: Belt) -> None:
    """R4.14: it is longer than the journal saw it, and the entry that was seen is not in it."""
    low.room.book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(low.directory / "book.sqlite3", low.directory / "old.sqlite3")
    low.settle_one()
    grown = low.room.book.seq
    low.room.close()
    for file in low.directory.glob("book.sqlite3*"):
        file.unlink()
    shutil.copy(low.directory / "old.sqlite3", low.directory / "book.sqlite3")
    low.restart()
    while low.room.book.seq <= grown:
        low.room.call("freeze", {"why": "a test"})
        assert "ok" == low.room.carry(MotionKind.RESUME, {"why": "a test"}).result.value
    low.money()

    assert low.is_halted()
    assert low.signer.status().frozen


def test_a_book_that_grew_honestly_is_not_frozen(low: Belt) -> None:
    """What the journal saw last lies somewhere in the middle by the time that it asks."""
    low.settle_one()
    low.room.isolate("hot-b")
    low.money()

    assert not low.is_halted()
    assert not low.signer.status().frozen


def test_a_book_of_another_deployment_halts(low: Belt) -> None:
    """R4.14: a fresh book under the old ledger is told at once."""
    from dataclasses import replace

    world = replace(low.world, deployment=bytes(32))
    adopt(world, low.clock())

    assert low.is_halted()


def test_what_people_did_at_the_signer_is_followed(low: Belt) -> None:
    """Isolated, reinstated and rotated past the daemon: the ledger follows the book."""
    low.room.isolate("hot-a")
    low.money()
    isolated = low.standing("hot-a").state
    low.room.carry(MotionKind.REINSTATE, {"wallet": "hot-a"})
    low.room.carry(MotionKind.ROTATE, {"pool": "main", "wallet": "hot-b"})
    low.run(3)

    assert WalletState.ISOLATED is isolated
    assert WalletState.STANDBY is low.standing("hot-a").state
    assert WalletState.ACTIVE is low.standing("hot-b").state


def test_an_active_wallet_that_the_book_retired_makes_room(low: Belt) -> None:
    """R4.14: a restored ledger may still call active what was isolated and retired since."""
    low.room.isolate("hot-a")
    low.room.carry(MotionKind.RETIRE, {"wallet": "hot-a"})
    low.run(3)
    low.room.carry(MotionKind.ROTATE, {"pool": "main", "wallet": "hot-b"})
    low.run(2)

    assert WalletState.RETIRED is low.standing("hot-a").state
    assert WalletState.ACTIVE is low.standing("hot-b").state


def test_a_new_law_is_followed(low: Belt) -> None:
    """A law that was adopted at the signer is in force here with the next tick."""
    law = make_law(**{"pools.main.gas_reserve": "0.3 ETH"}).law
    low.room.adopt(law)
    low.clock.advance(1)
    low.money()

    assert 2 == kinds(low).count("law_in_force")


def test_a_frozen_signer_halts_the_daemon(low: Belt) -> None:
    """Who freezes the signer stops the daemon's exposure as well."""
    low.signer.freeze("a person")
    low.money()

    assert low.is_halted()


def test_an_absent_signer_ends_the_lane(low: Belt) -> None:
    """Nothing is released or signed in a tick in which the book could not be read."""
    low.signer.is_away = True

    assert ["confirm", "adopt"] == [outcome.station for outcome in low.money()]


def test_a_signer_without_a_law_is_not_asked_for_it(low: Belt) -> None:
    """An empty book, where the ceremony is still to come: the ledger keeps the law that it has."""
    (low.directory / "new").mkdir()
    empty = VaultRoom(low.directory / "new", low.clock, adopt=False)
    signer = RoomClient(empty, Fuse())
    with low.ledger.read() as session:
        before = standings.law(session)
    adopt(dataclasses.replace(low.world, signer=signer), low.clock())
    with low.ledger.read() as session:
        after = standings.law(session)

    assert "law" not in signer.calls
    assert before is not None
    assert before == after
    assert low.is_halted(), "it is not the book that the ledger knows"


def test_an_isolation_at_the_signer_is_answered_in_the_same_tick(calm: Belt) -> None:
    """Somebody isolates at the signer: successor and evacuation do not wait for another look."""
    calm.room.isolate("hot-a")
    adopt(calm.world, calm.clock())

    found = [calm.standing(name).state for name in ("hot-a", "hot-b")]
    assert [WalletState.ISOLATED, WalletState.ACTIVE] == found
    assert {"hot-b"} == set(calm.signer.status().active.values())
    assert {Purpose.EVACUATION} == {transfer.purpose for transfer in calm.transfers()}


def test_a_bid_that_was_signed_and_not_written_down(low: Belt) -> None:
    """The daemon died between a second signature and its commit: both bids are known, one pays."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    low.money()
    low.clock.advance(91)
    low.crash_at(4)  # the stored bytes are sent again first
    with pytest.raises(Crash, match="after bump"):
        low.money()
    low.restart()
    adopt(low.world, low.clock())
    with low.ledger.read() as session:
        known = transfers.attempts(session, 1)
    low.until(lambda: not low.open_transfers())

    assert ["original", "bump"] == [attempt.kind for attempt in known]
    assert not low.is_halted()
    assert 1 == low.paid("vault", address_of("hot-a"))


def test_a_nonce_without_a_signature_that_nobody_here_knows(calm: Belt) -> None:
    """The ledger is older than an order that the token did not sign: its nonce is filled first."""
    calm.room.tokens.trouble_at_signing = TokenAwayError("unplugged")
    assert "not_ready" == calm.room.sign(calm.room.order(Purpose.SWEEP)).result.value
    outcome = adopt(calm.world, calm.clock())

    found = calm.transfer_of("sweep")
    assert (TransferState.QUEUED, 0) == (found.state, found.nonce)
    assert "noted that transfer 1 holds nonce 0, not yet signed" in outcome.deeds
    assert "unknown_order_adopted" in kinds(calm)

    with calm.ledger.write() as session:
        session.connection().exec_driver_sql("DELETE FROM meta WHERE key LIKE 'adopted_seq%'")
    assert () == adopt(calm.world, calm.clock()).deeds, "it is known by now"
