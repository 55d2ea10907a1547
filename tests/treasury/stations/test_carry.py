"""Carry: a motion takes effect when the signer says so."""

from __future__ import annotations

import pytest

from policies.consent import veto_digest
from policies.lifecycles import (
    IncidentState,
    MotionState,
    Owner,
    RefillState,
    WalletState,
)
from policies.terms import MotionKind
from tests.fakes.belt import Belt
from tests.fakes.motions import approve, propose
from tests.laws import ETH, address_of, make_law, sign
from treasury.ledger import marks, moves
from treasury.ledger.facts import Incident, Motion
from treasury.ledger.queries import requests, standings
from treasury.ledger.tables import IncidentRow
from treasury.safety.halting import halt


def state(belt: Belt) -> Motion:
    """Return the one motion as it is now."""
    with belt.ledger.read() as session:
        found = requests.motion(session, 1)
    assert found is not None
    return found


def test_two_people_resume(low: Belt) -> None:
    """R8.11: one person halts, a quorum resumes."""
    with low.ledger.write() as session:
        halt(session, actor=Owner.API, why="a person", now=low.clock.unix())
    motion = propose(low, MotionKind.RESUME, {"why": "false alarm"})
    approve(low, motion, "alice")
    low.money()
    one = (state(low).state, low.is_halted(), len(state(low).counted))
    approve(low, motion, "bob")
    low.money()

    assert (MotionState.PROPOSED, True, 1) == one
    assert (MotionState.CARRIED, False) == (state(low).state, low.is_halted())


def test_a_rotation_changes_the_active_wallet(low: Belt) -> None:
    """The signer's book first, the ledger after it, one active wallet at any time."""
    motion = propose(low, MotionKind.ROTATE, {"pool": "main", "wallet": "hot-b"})
    approve(low, motion, "alice", "carol")
    low.run(2)

    assert MotionState.CARRIED is state(low).state
    assert WalletState.ACTIVE is low.standing("hot-b").state
    assert WalletState.STANDBY is low.standing("hot-a").state


def test_a_refusal_is_shown(low: Belt) -> None:
    """What the signer refuses stays proposed, with its reasons."""
    motion = propose(low, MotionKind.REINSTATE, {"wallet": "hot-a"})
    approve(low, motion, "alice", "bob")
    low.money()

    assert MotionState.PROPOSED is state(low).state
    assert {"not_isolated"} == {reason.code for reason in state(low).reasons}


@pytest.mark.parametrize(("early_s", "after"), [(1, "PROPOSED"), (0, "EXPIRED")])
def test_it_expires(low: Belt, early_s: int, after: str) -> None:
    """Too few signatures in time: over, from its very second on."""
    motion = propose(low, MotionKind.RESUME, {"why": "x"})
    low.clock.advance(motion.expires_at - low.clock.unix() - early_s)
    low.money()

    assert MotionState(after) is state(low).state


def test_a_law_is_not_carried_from_here(low: Belt) -> None:
    """People signed for a law whose text only they have: it is theirs to bring, and said so."""
    digest = "0x" + "ab" * 32
    motion = propose(low, MotionKind.ADOPT, {"law": digest})
    approve(low, motion, "alice", "bob")
    low.signer.calls.clear()
    low.money()

    assert MotionState.PROPOSED is state(low).state
    assert ["law_text_missing"] == [reason.code for reason in state(low).reasons]
    assert "motion" not in low.signer.calls


def test_a_quorum_lifts_a_freeze(calm: Belt) -> None:
    """After a loss people accept it and resume: the guard begins anew from what is there."""
    calm.chain.fund(address_of("vault"), -45 * ETH)
    calm.run(6)
    before = (calm.is_halted(), calm.standing("vault").frozen)
    motion = propose(calm, MotionKind.RESUME, {"why": "we know where it went"})
    approve(calm, motion, "alice", "bob")
    calm.run(6)

    assert (True, True) == before
    assert (False, True) == (calm.is_halted(), calm.standing("vault").is_calm)


def test_a_skipped_nonce_is_no_longer_foreign(low: Belt) -> None:
    """People let the book skip what a stranger spent: the vault is calm, and refills flow."""
    low.chain.spend(address_of("vault"), address_of("thief"), ETH)
    low.run(3)
    frozen = low.standing("vault").frozen
    low.room.carry(MotionKind.SKIP_NONCE, {"wallet": "vault", "nonce": "1"})
    low.money()
    approve(low, propose(low, MotionKind.RESUME, {"why": "the key was ours"}), "alice", "bob")
    low.run(5)
    low.approve(low.open_refills()[0], "alice", "bob")
    low.until(lambda: RefillState.SETTLED in {refill.state for refill in low.refills()})

    assert frozen
    assert low.standing("vault").is_calm
    assert [1] == [transfer.nonce for transfer in low.transfers()]


def test_a_veto_ends_a_motion(low: Belt) -> None:
    """One signed veto rejects it, whatever the count."""
    motion = propose(low, MotionKind.ROTATE, {"pool": "main", "wallet": "hot-b"})
    approve(low, motion, "alice", "bob")
    digest = bytes.fromhex(motion.digest[2:])
    with low.ledger.write() as session:
        marks.receive_signature(
            session,
            "veto",
            digest=motion.digest,
            treasurer=address_of("carol"),
            signature=sign("carol", veto_digest(digest, low.world.deployment)),
            now=low.clock.unix(),
        )
    low.run(2)

    assert MotionState.REJECTED is state(low).state
    assert WalletState.ACTIVE is low.standing("hot-a").state


def test_a_motion_under_a_former_law_is_rejected(low: Belt) -> None:
    """R8.2: a changed law voids what was signed under the old one."""
    motion = propose(low, MotionKind.ROTATE, {"pool": "main", "wallet": "hot-b"})
    low.room.adopt(make_law(**{"pools.main.gas_reserve": "0.3 ETH"}).law)
    low.clock.advance(1)
    approve(low, motion, "alice", "bob")
    low.money()

    assert MotionState.REJECTED is state(low).state


def contained(belt: Belt, wallet: str) -> Incident:
    """Write a contained incident of a wallet."""
    row = IncidentRow(wallet=wallet, state="OPEN", opened_at=1, changed_at=1, reasons=[])
    with belt.ledger.write() as session:
        incident = moves.create(session, Incident, row, actor=Owner.GUARD, why="x", now=1)
        to = IncidentState.CONTAINED
        return moves.move(session, incident, to, actor=Owner.GUARD, why="x", now=2)


def incidents(belt: Belt) -> list[tuple[IncidentState, str | None]]:
    """Return how every incident stands."""
    with belt.ledger.read() as session:
        return [(found.state, found.outcome) for found in standings.incidents(session)]


def test_closing_an_incident(low: Belt) -> None:
    """A contained incident is closed by the quorum, with its outcome."""
    contained(low, "hot-b")
    payload = {"incident": "1", "outcome": "false_alarm", "wallet": "hot-b"}
    approve(low, propose(low, MotionKind.CLOSE, payload), "alice", "bob")
    low.money()

    assert [(IncidentState.CLOSED, "false_alarm")] == incidents(low)


@pytest.mark.parametrize(("number", "wallet"), [("1", "hot-a"), ("2", "hot-b"), ("", "hot-b")])
def test_only_the_incident_that_is_named_is_closed(low: Belt, number: str, wallet: str) -> None:
    """The sentence that people sign names wallet and incident: both have to be right."""
    contained(low, "hot-b")
    payload = {"incident": number, "outcome": "false_alarm", "wallet": wallet}
    approve(low, propose(low, MotionKind.CLOSE, payload), "alice", "bob")
    low.money()

    assert [(IncidentState.CONTAINED, None)] == incidents(low)
    assert MotionState.PROPOSED is state(low).state
    assert {"not_contained"} == {reason.code for reason in state(low).reasons}


@pytest.mark.parametrize(
    ("outcome", "after"),
    [("compromise", WalletState.RETIRED), ("false_alarm", WalletState.STANDBY)],
)
def test_an_outcome_decides_what_becomes_of_the_wallet(
    low: Belt, outcome: str, after: WalletState
) -> None:
    """R2.11: a lost key never signs again, a false alarm brings the wallet back."""
    low.fund("hot-b", -60 * ETH)
    low.chain.mine(3)
    low.run(3)
    low.signer.isolate("hot-b", "seen")
    low.run(6)
    payload = {"incident": "1", "outcome": outcome, "wallet": "hot-b"}
    approve(low, propose(low, MotionKind.CLOSE, payload), "alice", "bob")
    low.run(2)

    assert [(IncidentState.CLOSED, outcome)] == incidents(low)
    assert after is low.standing("hot-b").state
