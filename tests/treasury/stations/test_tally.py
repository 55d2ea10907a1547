"""Tally: only distinct treasurers over exactly these terms, and only when the signer agrees."""

from __future__ import annotations

from pathlib import Path

import pytest

from hsm.wire.fields import to_hex
from policies.consent import veto_digest
from policies.crypto import recover_address
from policies.lifecycles import RefillState
from tests.fakes.belt import Belt
from tests.laws import ETH, address_of, make_law, sign
from treasury.ledger import marks
from treasury.ledger.tables import ApprovalRow
from treasury.stations.release import release
from treasury.stations.tally import tally


def proposed(belt: Belt) -> Belt:
    """Let the belt propose its refill."""
    belt.watch()
    assert RefillState.PROPOSED is belt.only_refill().state
    return belt


def veto(belt: Belt, name: str) -> bytes:
    """Return a veto of a person against the one refill."""
    digest = bytes.fromhex(belt.only_refill().order_id[2:])
    return sign(name, veto_digest(digest, belt.world.deployment))


def test_one_of_two_is_shown_and_not_enough(low: Belt) -> None:
    """R8.5: the count is visible, the state stays."""
    proposed(low).approve(low.only_refill(), "alice")
    low.money()

    found = low.only_refill()
    assert RefillState.PROPOSED is found.state
    assert (2, (address_of("alice"),)) == (found.required, found.counted)
    assert {"quorum_missing"} == {reason.code for reason in found.reasons}


def test_two_are_approved_by_the_signer(low: Belt) -> None:
    """R8.5: APPROVED carries the signer's count and its earliest signing time."""
    proposed(low).approve(low.only_refill(), "alice", "carol")
    tally(low.world, low.clock())

    found = low.only_refill()
    assert RefillState.APPROVED is found.state
    assert {address_of("alice"), address_of("carol")} == set(found.counted)
    assert low.clock.unix() == found.release_at


def test_approvals_written_into_the_database_count_for_nothing(low: Belt) -> None:
    """R8.5: rows with invented signatures or names are no authority."""
    digest = proposed(low).only_refill().order_id
    forged = [
        ("alice", sign("thief", bytes.fromhex(digest[2:]))),
        ("bob", sign("alice", bytes(32))),
        ("carol", bytes(65)),
    ]
    with low.ledger.write() as session:
        for name, signature in forged:
            session.add(
                ApprovalRow(
                    digest=digest,
                    treasurer=address_of(name),
                    signature="0x" + signature.hex(),
                    received_at=1,
                )
            )
    low.run(4)

    assert RefillState.PROPOSED is low.only_refill().state
    assert () == low.only_refill().counted
    assert 0 == low.paid("vault", address_of("hot-a"))


def test_a_state_written_into_the_database_pays_nothing(low: Belt) -> None:
    """R5.6: APPROVED by SQL alone: the signer knows of no quorum, so nothing is released."""
    proposed(low)
    with low.ledger.write() as session:
        session.connection().exec_driver_sql("UPDATE refill SET state='APPROVED', release_at=0")
    low.run(4)

    assert RefillState.APPROVED is low.only_refill().state
    assert [] == low.transfers()


def test_one_person_twice_is_one(low: Belt) -> None:
    """R8.5: the same treasurer counts once, however often the signature is stored."""
    refill = proposed(low).only_refill()
    digest = bytes.fromhex(refill.order_id[2:])
    signature = sign("alice", digest)
    with low.ledger.write() as session:
        for name in ("alice", "bob", "carol"):
            session.add(
                ApprovalRow(
                    digest=refill.order_id,
                    treasurer=address_of(name),
                    signature="0x" + signature.hex(),
                    received_at=1,
                )
            )
    low.money()

    assert address_of("alice") == recover_address(digest, signature)
    assert (address_of("alice"),) == low.only_refill().counted
    assert RefillState.PROPOSED is low.only_refill().state


@pytest.mark.parametrize("is_approved", [False, True])
def test_one_veto_ends_it(low: Belt, is_approved: bool) -> None:
    """A signed veto rejects, also while the time-lock runs, and the signer is told first."""
    proposed(low).approve(low.only_refill(), "alice", "bob")
    if is_approved:
        tally(low.world, low.clock())
    refill = low.only_refill()
    with low.ledger.write() as session:
        marks.receive_signature(
            session,
            "veto",
            digest=refill.order_id,
            treasurer=address_of("carol"),
            signature=veto(low, "carol"),
            now=low.clock.unix(),
        )
    low.run(3)

    assert RefillState.REJECTED is low.refill(1).state
    assert "veto" in low.signer.calls
    assert 0 == low.paid("vault", address_of("hot-a"))


def test_a_strangers_veto_is_nothing(low: Belt) -> None:
    """A veto counts only from a treasurer."""
    refill = proposed(low).only_refill()
    with low.ledger.write() as session:
        marks.receive_signature(
            session,
            "veto",
            digest=refill.order_id,
            treasurer=address_of("carol"),
            signature=veto(low, "thief"),
            now=1,
        )
    low.money()

    assert RefillState.PROPOSED is low.only_refill().state


def test_it_expires(low: Belt) -> None:
    """R2.13: past its expiry a proposal is over, and a fresh one needs fresh consent."""
    first = proposed(low).only_refill()
    low.approve(first, "alice")
    low.clock.advance(3601)
    low.watch()
    low.money()
    low.watch()

    assert [RefillState.EXPIRED, RefillState.PROPOSED] == [r.state for r in low.refills()]
    assert first.order_id != low.refills()[1].order_id


def test_a_changed_law_voids_consent(low: Belt) -> None:
    """R8.2: approvals under the former law are void by arithmetic."""
    proposed(low).approve(low.only_refill(), "alice", "bob")
    law = make_law(**{"pools.main.gas_reserve": "0.3 ETH"}).law
    assert low.room.adopt(law).result.value == "ok"
    low.clock.advance(1)
    low.money()

    assert RefillState.REJECTED is low.refill(1).state
    assert "law_changed" in {reason.code for reason in low.refill(1).reasons}


def test_the_signer_isolated_the_wallet(low: Belt) -> None:
    """A wallet that a person isolated at the signer takes its refills with it."""
    proposed(low).approve(low.only_refill(), "alice")
    low.room.isolate("hot-a")
    low.money()

    assert RefillState.WITHDRAWN is low.refill(1).state
    assert "ISOLATED" == low.standing("hot-a").state


def test_a_large_refill_waits_for_its_time_lock(directory: Path) -> None:
    """R2.10: above 50 ETH three approve, and a minute passes on the signer's clock."""
    belt = Belt(directory, hot=ETH)
    belt.watch()
    refill = belt.only_refill()
    belt.approve(refill, "alice", "bob", "carol")
    tally(belt.world, belt.clock())
    release(belt.world, belt.clock())
    early = belt.only_refill()
    belt.clock.advance(59)
    belt.watch()
    release(belt.world, belt.clock())
    still = belt.only_refill().state
    belt.clock.advance(1)
    belt.watch()
    release(belt.world, belt.clock())

    assert (RefillState.APPROVED, belt.clock.unix()) == (early.state, early.release_at)
    assert {"time_lock"} == {reason.code for reason in early.reasons}
    assert (RefillState.APPROVED, RefillState.RELEASED) == (still, belt.only_refill().state)


def test_a_wallet_that_stepped_back_gets_no_refill(low: Belt) -> None:
    """Another wallet is the active one by the time that the last approval arrives."""
    proposed(low).approve(low.only_refill(), "alice", "bob")
    with low.ledger.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE wallet SET state = 'STANDBY' WHERE name = 'hot-a'"
        )
    tally(low.world, low.clock())

    assert RefillState.WITHDRAWN is low.only_refill().state
    assert "lodge" not in low.signer.calls


def test_what_only_the_signer_heard_is_shown(low: Belt) -> None:
    """A veto that went past the daemon: the count is full, and people see who said no."""
    proposed(low).approve(low.only_refill(), "alice", "bob")
    digest = bytes.fromhex(low.only_refill().order_id[2:])
    low.room.call("veto", {"digest": to_hex(digest), "signature": to_hex(veto(low, "carol"))})
    tally(low.world, low.clock())

    assert RefillState.PROPOSED is low.only_refill().state
    assert ["vetoed"] == [reason.code for reason in low.only_refill().reasons]


def test_a_law_that_only_the_signer_knows_yet_rejects_it(low: Belt) -> None:
    """People adopted a law a moment ago; what was signed under the former one is void there."""
    proposed(low).approve(low.only_refill(), "alice", "bob")
    low.room.adopt(make_law(**{"pools.main.gas_reserve": "0.3 ETH"}).law)
    low.clock.advance(1)
    tally(low.world, low.clock())

    assert RefillState.REJECTED is low.only_refill().state
    assert "law_changed" in {reason.code for reason in low.only_refill().reasons}
