"""What another lane did while a station was asking: it holds, and nothing is done twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from policies.lifecycles import MotionState, Owner, RefillState, TransferState, WithdrawalState
from policies.terms import MotionKind
from tests.fakes.belt import Belt
from tests.fakes.motions import approve, propose
from tests.laws import ETH
from tests.treasury.stations.test_dispatch import queued
from treasury.ledger import marks
from treasury.ledger.queries import requests
from treasury.safety.halting import halt
from treasury.stations.adopt import adopt
from treasury.stations.assess import assess
from treasury.stations.carry import carry
from treasury.stations.dispatch import dispatch
from treasury.stations.observe import observe
from treasury.stations.pay import pay
from treasury.stations.release import release
from treasury.stations.tally import tally


def meanwhile(belt: Belt, verb: str, deed: Callable[[], object]) -> None:
    """Let something happen once, between an answer of the signer and what is made of it."""
    honest = getattr(belt.signer, verb)
    left = [deed]

    def slow(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the verb takes
        answer = honest(*args, **named)
        if left:
            left.pop()()
        return answer

    setattr(belt.signer, verb, slow)


def halted(belt: Belt) -> None:
    """Halt exposure, as the guard does."""
    with belt.ledger.write() as session:
        halt(session, actor=Owner.GUARD, why="a test", now=belt.clock.unix())


def frozen(belt: Belt) -> None:
    """Freeze the wallet that pays."""
    standing = belt.standing("hot-a")
    with belt.ledger.write() as session:
        marks.freeze(session, standing, actor="guard", why="a test", now=belt.clock.unix())


@pytest.mark.parametrize("stop", [halted, frozen])
def test_what_is_stopped_while_it_is_judged_is_not_queued(
    calm: Belt, stop: Callable[[Belt], None]
) -> None:
    """The watch lane stops money after the payout was found free: it is judged once more."""
    asked = calm.ask_withdrawal(ETH, "customer")
    honest = calm.ledger.write

    def late(*args: Any) -> Any:  # noqa: ANN401 - a session of the ledger
        calm.ledger.write = honest  # type: ignore[method-assign]
        stop(calm)
        return honest(*args)

    calm.ledger.write = late  # type: ignore[method-assign,assignment]
    outcome = pay(calm.world, calm.clock())

    assert [] == calm.transfers()
    assert WithdrawalState.ACCEPTED is calm.withdrawal(asked.id).state
    assert [f"left withdrawal {asked.id}"] == [deed.split(":")[0] for deed in outcome.deeds]


def test_a_refill_that_two_rounds_propose_is_one(low: Belt) -> None:
    """Both found the wallet low at the same look: the second leaves it to what the first wrote."""
    early = assess(low.world, low.clock())
    observe(low.world, low.clock())
    left = [partial(assess, low.world, low.clock())]

    def draw_late() -> bytes:
        if left:
            left.pop()()
        return low.world.draw_salt()

    outcome = assess(dataclasses.replace(low.world, draw_salt=draw_late), low.clock())

    assert "the chain was never seen" == early.unavailable
    assert ("left hot-a in ETH to its open refill",) == outcome.deeds
    assert RefillState.PROPOSED is low.only_refill().state


def test_a_refill_that_two_rounds_release_is_one_transfer(low: Belt) -> None:
    """Both asked the signer, which said yes to both: the second finds the row moved."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    tally(low.world, low.clock())
    meanwhile(low, "lodge", lambda: release(low.world, low.clock()))
    outcome = release(low.world, low.clock())

    assert ("left refill 1: it was moved meanwhile",) == tuple(outcome.deeds)
    assert [TransferState.QUEUED] == [transfer.state for transfer in low.transfers()]


def test_a_refill_that_two_rounds_count_is_approved_once(low: Belt) -> None:
    """The second leaves it as the first wrote it."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    meanwhile(low, "lodge", lambda: tally(low.world, low.clock()))
    outcome = tally(low.world, low.clock())

    assert ("left refill 1: it was moved meanwhile",) == tuple(outcome.deeds)
    assert RefillState.APPROVED is low.only_refill().state


def test_a_transfer_that_two_rounds_give_up_ends_once(low: Belt) -> None:
    """Its consent ran out: one round ends it, and the other one leaves it."""
    queued(low)
    low.clock.advance(3_601)
    meanwhile(low, "cancel", lambda: dispatch(low.world, low.clock()))
    outcome = dispatch(low.world, low.clock())

    assert TransferState.CANCELLED is low.transfers()[0].state
    assert ["left transfer 1"] == [deed.split(":")[0] for deed in outcome.deeds]


def test_a_motion_that_two_rounds_carry_is_carried_once(calm: Belt) -> None:
    """The signer carries it for the first, and the second finds the row moved."""
    motion = propose(calm, MotionKind.RESUME, {"why": "it was one of us"})
    approve(calm, motion, "alice", "bob")
    meanwhile(calm, "motion", lambda: carry(calm.world, calm.clock()))
    outcome = carry(calm.world, calm.clock())

    assert (f"left motion {motion.id}: it was moved meanwhile",) == tuple(outcome.deeds)
    with calm.ledger.read() as session:
        found = requests.motion(session, motion.id)
    assert found is not None
    assert MotionState.CARRIED is found.state


def test_an_old_answer_of_the_signer_undoes_no_isolation(calm: Belt) -> None:
    """R4.14: the watch lane isolated since it was given; it is not followed back to that time."""

    def fall() -> None:
        calm.room.isolate("hot-a")
        adopt(calm.world, calm.clock())

    meanwhile(calm, "status", fall)
    outcome = adopt(calm.world, calm.clock())

    assert "another lane was quicker" in outcome.unavailable
    assert ("ISOLATED", "ACTIVE") == (calm.standing("hot-a").state, calm.standing("hot-b").state)
