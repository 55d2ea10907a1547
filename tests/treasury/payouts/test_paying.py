"""A round of paying: read once, counted on, and asked again where money could have been stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from policies.lifecycles import Owner, WithdrawalState
from policies.terms import Address, Reason
from tests.fakes.belt import Belt
from tests.laws import ETH, TOKEN, USDC, make_law
from treasury.ledger.facts import Withdrawal
from treasury.payouts.paying import Payment, Round, payment_of
from treasury.safety.halting import halt
from treasury.stations import pay as station
from treasury.stations.pay import pay

pytestmark = pytest.mark.usefixtures("quiet")


@contextmanager
def questions() -> Iterator[list[str]]:
    """Collect every SELECT of a `with` block."""
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def ask(belt: Belt, count: int, *, first: int = 0, amount: int = ETH // 100) -> None:
    """Let that many customers ask."""
    for number in range(first, first + count):
        belt.ask_withdrawal(amount, f"customer {number}", key=f"key-{number}")


def codes(belt: Belt, number: int) -> set[str]:
    """Return why a withdrawal stands as it does."""
    return {reason.code for reason in belt.withdrawal(number).reasons}


def test_one_more_withdrawal_costs_the_same_however_many_are_open(directory: Path) -> None:
    """With sixty more in flight a round asks exactly what it asks with two."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(1)
    ask(belt, 1)
    pay(belt.world, belt.clock())
    ask(belt, 1, first=1)
    with questions() as few:
        pay(belt.world, belt.clock())
    ask(belt, 60, first=2)
    pay(belt.world, belt.clock())
    ask(belt, 1, first=62)
    with questions() as many:
        pay(belt.world, belt.clock())

    assert len(many) == len(few)
    assert [WithdrawalState.QUEUED] * 63 == [belt.withdrawal(n).state for n in range(1, 64)]


def test_what_one_round_queues_counts_for_the_rest_of_it(directory: Path) -> None:
    """The window for new recipients is never overdrawn by withdrawals of the same round."""
    law = make_law(
        **{
            "pools.main.assets.ETH.withdrawal.first_use_amount": "3 ETH",
            "pools.main.assets.ETH.withdrawal.window_amount": "50 ETH",
        }
    ).law
    belt = Belt(directory, law=law, hot=60 * ETH)
    belt.run(1)
    ask(belt, 4, amount=ETH)
    pay(belt.world, belt.clock())

    assert [WithdrawalState.QUEUED] * 3 == [belt.withdrawal(n).state for n in (1, 2, 3)]
    assert {"first_use"} == codes(belt, 4)


def test_the_balance_is_spent_once_within_a_round(directory: Path) -> None:
    """What the first one takes, fee included, is not there for the second."""
    belt = Belt(directory, hot=5 * ETH)
    belt.run(1)
    ask(belt, 2, amount=5 * ETH // 2)
    pay(belt.world, belt.clock())

    assert WithdrawalState.QUEUED is belt.withdrawal(1).state
    assert "balance_short" in codes(belt, 2)


def test_a_halt_between_reading_and_queueing_stops_it(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stops money is asked again in the transaction that queues."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(1)
    ask(belt, 1)

    def halted(turn: Round, withdrawal: Withdrawal, number: int) -> Payment | Reason:
        with belt.ledger.write() as session:
            halt(session, actor=Owner.API, why="a person", now=belt.clock.unix())
        return payment_of(turn, withdrawal, number)

    monkeypatch.setattr(station, "payment_of", halted)
    outcome = pay(belt.world, belt.clock())

    assert outcome.deeds == ("left withdrawal 1: exposure was halted meanwhile",)
    assert WithdrawalState.ACCEPTED is belt.withdrawal(1).state
    assert not belt.transfers()


def test_a_flood_is_taken_in_bounded_rounds(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One round does at most so much; the next goes on with the oldest that are left."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(1)
    monkeypatch.setattr(station, "MOST_DEEDS", 3)
    ask(belt, 5)
    pay(belt.world, belt.clock())
    after_one = [belt.withdrawal(n).state for n in range(1, 6)]
    pay(belt.world, belt.clock())

    queued, accepted = WithdrawalState.QUEUED, WithdrawalState.ACCEPTED
    assert [queued] * 3 + [accepted] * 2 == after_one
    assert [queued] * 5 == [belt.withdrawal(n).state for n in range(1, 6)]


def test_a_token_withdrawal_waits_for_the_window_of_its_fees(directory: Path) -> None:
    """R2.14: fees of tokens are spent from the native coin's window, in the preview as in truth."""
    token_rule = {
        "per_transfer": "5000 USDC",
        "window_s": 3600,
        "window_amount": "50000 USDC",
        "window_count": 50,
        "first_use_amount": "50000 USDC",
    }
    law = make_law(
        **{
            "pools.main.assets.USDC.withdrawal": token_rule,
            "pools.main.assets.ETH.withdrawal.window_amount": "0.025 ETH",
            "pools.main.assets.ETH.withdrawal.per_transfer": "0.025 ETH",
            "pools.main.assets.ETH.withdrawal.first_use_amount": "0.025 ETH",
        }
    ).law
    belt = Belt(directory, law=law, hot=60 * ETH)
    belt.fund("hot-a", 60_000 * USDC, Address(TOKEN))
    belt.chain.mine(3)
    belt.run(1)
    for number in range(4):
        key = f"key-{number}"
        belt.ask_withdrawal(USDC, "customer", key=key, asset=Address(TOKEN))
    pay(belt.world, belt.clock())

    states = [belt.withdrawal(n).state for n in range(1, 5)]
    assert [WithdrawalState.QUEUED] * 2 + [WithdrawalState.HELD] * 2 == states
    assert {"fee_window"} == codes(belt, 3)
