"""Judging: a payout unlike the pool's past waits for a person before anything is signed."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from policies.lifecycles import WithdrawalState
from policies.outflow.state import to_bytes
from policies.terms import NATIVE
from tests.fakes.belt import Belt, Crash
from tests.laws import ETH, address_of, make_law
from treasury.ledger import outflow_marks
from treasury.ledger.facts_outflow import JudgedOutflow
from treasury.ledger.queries import outflows
from treasury.payouts.watches import event_of

USUAL = ETH // 100
HOUR_S = 3_600
MONTH = 120


@pytest.fixture
def paid(directory: Path, quiet: None) -> Belt:
    """A belt whose pool paid a hundredth of a coin to somebody new every six hours of a month."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(2)
    with belt.ledger.write() as session:
        for number in range(MONTH):
            outflow_marks.keep_outflow(session, past_outflow(belt, number))
    return belt


def past_outflow(belt: Belt, number: int) -> JudgedOutflow:
    """Return one calm payout of the past month."""
    return JudgedOutflow(
        id=0,
        subject=f"past:{number}",
        pool="main",
        wallet="hot-a",
        at=belt.clock.unix() - (MONTH - number) * 6 * HOUR_S,
        recipient=address_of(f"customer-{number}"),
        asset=NATIVE,
        amount=USUAL + number * USUAL // MONTH,
        size=2_000_000,
        is_first_use=True,
        verdict="calm",
        score="0",
        reasons=(),
    )


def pay_one(belt: Belt, amount: int, to: str, *, key: str) -> None:
    """Ask for a payout and run until it is paid."""
    asked = belt.ask_withdrawal(amount, to, key=key)
    belt.until(lambda: belt.withdrawal(asked.id).state is WithdrawalState.PAID)


def ask(belt: Belt, amount: int, to: str, *, key: str) -> int:
    """Ask for a payout, run a few rounds, and return its number."""
    asked = belt.ask_withdrawal(amount, to, key=key)
    belt.run(3)
    return asked.id


def judged(belt: Belt) -> list[JudgedOutflow]:
    """Return every judged outflow of the pool, oldest first."""
    with belt.ledger.read() as session:
        return list(outflows.after(session, "main", 0))


def codes(belt: Belt, number: int) -> set[str]:
    """Return why a withdrawal stands as it does."""
    return {reason.code for reason in belt.withdrawal(number).reasons}


def test_usual_payouts_are_judged_once_and_left_alone(paid: Belt) -> None:
    """Every payout has exactly one verdict, and it is calm."""
    pay_one(paid, USUAL, "customer-3", key="usual-1")
    pay_one(paid, USUAL, "customer-new", key="usual-2")
    found = judged(paid)[MONTH:]

    assert ["withdrawal:1", "withdrawal:2"] == [outflow.subject for outflow in found]
    assert {"calm"} == {outflow.verdict for outflow in found}


def test_an_unlike_payout_is_held_with_reasons_in_words(paid: Belt) -> None:
    """A new recipient gets two hundred times the usual: nothing is signed, treasurers read why."""
    number = ask(paid, 2 * ETH, "stranger", key="unlike")
    held = paid.withdrawal(number)
    text = " ".join(reason.text for reason in held.reasons)

    assert WithdrawalState.HELD is held.state
    assert 0 == paid.paid("hot-a", address_of("stranger"))
    assert {"first_payment", "needs_approval"} & codes(paid, number)
    assert "expected" in text


def test_one_treasurer_lets_a_held_payout_go(paid: Belt) -> None:
    """R2.10: exactly the held terms are approved, then it is paid once."""
    number = ask(paid, 2 * ETH, "stranger", key="unlike")
    paid.approve(paid.withdrawal(number), "alice")
    paid.until(lambda: paid.withdrawal(number).state is WithdrawalState.PAID)

    assert 1 == paid.paid("hot-a", address_of("stranger"))
    assert 1 == len([o for o in judged(paid) if o.subject == f"withdrawal:{number}"])


def test_a_test_payment_quarantines_its_recipient(directory: Path, quiet: None) -> None:
    """R2.4: after a tiny first payment more to the same address is held, also in another asset."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(2)
    pay_one(belt, ETH // 10_000, "stranger", key="tiny")
    number = ask(belt, 3 * ETH, "stranger", key="large")

    assert WithdrawalState.HELD is belt.withdrawal(number).state
    assert "canary" in codes(belt, number)


def test_a_drain_to_a_stranger_is_held(directory: Path, quiet: None) -> None:
    """R2.4: nine tenths of what the wallet holds do not go to a first-use recipient at once."""
    law = make_law(**{"pools.main.assets.ETH.withdrawal.balance_percent": 100}).law
    belt = Belt(directory, law=law, hot=4 * ETH)
    belt.run(2)
    number = ask(belt, 37 * ETH // 10, "stranger", key="drain")

    assert WithdrawalState.HELD is belt.withdrawal(number).state
    assert "drain" in codes(belt, number)


def test_a_ladder_of_holds_freezes_the_wallet(paid: Belt) -> None:
    """Several held payouts within an hour: no withdrawal leaves until a person looked."""
    for number in range(4):
        paid.ask_withdrawal(ETH, f"stranger-{number}", key=f"unlike-{number}")
    paid.run(3)

    assert paid.standing("hot-a").frozen
    assert "freeze" in {outflow.verdict for outflow in judged(paid)}
    assert 0 == sum(paid.paid("hot-a", address_of(f"stranger-{n}")) for n in range(4))


def test_what_was_learned_survives_a_restart_exactly(paid: Belt) -> None:
    """A restarted daemon stands at the same state to the bit, from the rows alone."""
    before = paid.world.watches
    pay_one(paid, USUAL, "customer-3", key="usual-1")
    with paid.ledger.read() as session:
        kept = before.take(session, "main", (), salt=1)
    paid.restart()
    with paid.ledger.read() as session:
        again = paid.world.watches.take(session, "main", (), salt=1)

    assert kept.upto_id == again.upto_id == len(judged(paid))
    assert to_bytes(kept.learned) == to_bytes(again.learned)
    assert [e.recipient for e in kept.bounds.entries] == [e.recipient for e in again.bounds.entries]


def test_the_past_before_the_first_judgement_is_learned(directory: Path, quiet: None) -> None:
    """What was paid by a former program teaches too, before the first verdict is given."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(2)
    pay_one(belt, USUAL, "customer", key="usual-1")
    with belt.ledger.write() as session:
        session.connection().exec_driver_sql("DELETE FROM outflow")
        session.connection().exec_driver_sql("DELETE FROM learned")
    belt.restart()
    pay_one(belt, USUAL, "customer", key="usual-2")
    with belt.ledger.read() as session:
        mind = belt.world.watches.take(session, "main", (), salt=1)

    assert 1 == len(judged(belt))
    assert mind.learned.events == 2


def test_a_state_of_another_program_is_learned_anew_once(directory: Path, quiet: None) -> None:
    """What cannot be read is worked out from the rows; no payout teaches twice."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(2)
    for number in range(3):
        pay_one(belt, USUAL, "customer", key=f"usual-{number}")
    with belt.ledger.write() as session:
        session.connection().exec_driver_sql("UPDATE learned SET state = 'of version 1'")
    belt.restart()
    pay_one(belt, USUAL, "customer", key="usual-3")
    with belt.ledger.read() as session:
        mind = belt.world.watches.take(session, "main", (), salt=1)

    assert 4 == len(judged(belt)) == mind.learned.events


@pytest.mark.crash
@pytest.mark.parametrize("passage", range(1, 9))
def test_a_crash_neither_repeats_nor_loses_a_verdict(paid: Belt, passage: int) -> None:
    """R4.1: dead at any passage, the unlike payout is judged once and still held."""
    paid.ask_withdrawal(2 * ETH, "stranger", key="unlike")
    paid.crash_at(passage)
    with contextlib.suppress(Crash):
        paid.run(2)
    paid.restart()
    paid.run(3)

    assert MONTH + 1 == len(judged(paid))
    assert WithdrawalState.HELD is paid.withdrawal(1).state
    assert 0 == paid.paid("hot-a", address_of("stranger"))


def test_the_balance_is_kept_and_learned_again_exactly(paid: Belt) -> None:
    """R4.1: the balance that a payout was seen against is in its row; a restart learns it anew."""
    before = paid.world.watches
    for number in range(3):
        pay_one(paid, USUAL, f"newcomer-{number}", key=f"usual-{number}")
    with paid.ledger.read() as session:
        kept = to_bytes(before.take(session, "main", (), salt=1).learned)
    rows = judged(paid)
    paid.restart()
    with paid.ledger.read() as session:
        again = to_bytes(paid.world.watches.take(session, "main", (), salt=1).learned)
    balances = [row.balance or 0 for row in rows[MONTH:]]

    assert kept == again
    assert 60 * ETH == balances[0]
    assert balances == sorted(balances, reverse=True)
    assert [None] * MONTH == [row.balance for row in rows[:MONTH]]
    assert [float(one) for one in balances] == [event_of(o).balance for o in rows[MONTH:]]
    assert event_of(rows[0]).balance is None


def test_more_to_a_held_recipient_waits_for_the_answer(paid: Belt) -> None:
    """R2.10: while one payout to somebody is not decided nothing else goes to him.

    What was learned only slows it; a restart changes nothing, and the answer yes lets both go.
    """
    first = ask(paid, 2 * ETH, "stranger", key="unlike-1")
    second = ask(paid, 2 * ETH, "stranger", key="unlike-2")
    paid.restart()
    paid.run(10)
    text = " ".join(reason.text for reason in paid.withdrawal(second).reasons)

    assert ["hold", "throttle"] == [outflow.verdict for outflow in judged(paid)[MONTH:]]
    assert 0 == paid.paid("hot-a", address_of("stranger"))
    assert {"recipient_in_question"} == codes(paid, second)
    assert f"withdrawal {first} to the same recipient is held and not decided yet" == text

    paid.approve(paid.withdrawal(first), "alice")
    paid.until(lambda: paid.withdrawal(second).state is WithdrawalState.PAID)

    assert 2 == paid.paid("hot-a", address_of("stranger"))


def test_a_payout_to_somebody_else_does_not_wait_for_the_answer(paid: Belt) -> None:
    """The question is about one recipient; a usual payout to another goes meanwhile."""
    first = ask(paid, 2 * ETH, "stranger", key="unlike")
    pay_one(paid, USUAL, "customer-3", key="usual")

    assert WithdrawalState.HELD is paid.withdrawal(first).state


def test_what_waited_for_a_veto_needs_treasurers_itself(paid: Belt) -> None:
    """R2.10: the answer no lets nothing go; what waited is approved by itself, or never paid."""
    first = ask(paid, 2 * ETH, "stranger", key="unlike-1")
    waited = ask(paid, 2 * ETH, "stranger", key="unlike-2")
    paid.veto(paid.withdrawal(first), "carol")
    paid.run(10)

    assert WithdrawalState.REFUSED is paid.withdrawal(first).state
    assert {"recipient_not_agreed", "quorum_missing"} <= codes(paid, waited)
    assert 0 == paid.paid("hot-a", address_of("stranger"))

    paid.approve(paid.withdrawal(waited), "alice")
    paid.until(lambda: paid.withdrawal(waited).state is WithdrawalState.PAID)

    assert 1 == paid.paid("hot-a", address_of("stranger"))


def test_the_same_again_after_a_veto_is_held(paid: Belt) -> None:
    """R2.10: what was learned only slows a repetition, but nobody agreed to the first."""
    first = ask(paid, 2 * ETH, "stranger", key="unlike-1")
    paid.veto(paid.withdrawal(first), "carol")
    paid.run(10)
    again = ask(paid, 2 * ETH, "stranger", key="unlike-2")
    paid.run(10)

    assert "throttle" == judged(paid)[-1].verdict
    assert "recipient_not_agreed" in codes(paid, again)
    assert 0 == paid.paid("hot-a", address_of("stranger"))
