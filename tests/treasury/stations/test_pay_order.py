"""Fair order: what is held lets younger ones pass, but small ones never starve a large one."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.lifecycles import WithdrawalState
from tests.fakes.belt import Belt
from tests.laws import ETH, address_of, make_law

RULE = "pools.main.assets.ETH.withdrawal"
WINDOW_S = 3_600


@pytest.fixture
def belt(directory: Path, quiet: None) -> Belt:
    """A belt whose window holds three small ones of 2 ETH, or a large one and one small one."""
    wide = {f"{RULE}.window_amount": "7 ETH", f"{RULE}.first_use_amount": "7 ETH"}
    made = Belt(directory, law=make_law(**wide).law, hot=90 * ETH)
    made.run(2)
    return made


def ask(belt: Belt, amount: int) -> int:
    """Ask for a payout; return its number."""
    key = f"{amount}-{belt.clock.unix()}"
    return belt.ask_withdrawal(amount, "customer", key=key).id


def state(belt: Belt, number: int) -> WithdrawalState:
    """Return how a withdrawal stands."""
    return belt.withdrawal(number).state


def codes(belt: Belt, number: int) -> list[str]:
    """Return the codes of a withdrawal's reasons."""
    return [reason.code for reason in belt.withdrawal(number).reasons]


def test_small_ones_do_not_starve_a_large_one(belt: Belt) -> None:
    """Every twenty minutes somebody asks for a small one; the large one goes in its third hour."""
    small = [ask(belt, 2 * ETH)]
    belt.run(3)
    small.append(ask(belt, 2 * ETH))
    belt.run(6)
    large = ask(belt, 4 * ETH)
    asked_at = belt.clock.unix()
    while state(belt, large) is not WithdrawalState.PAID:
        belt.clock.advance(1_100)
        small.append(ask(belt, 2 * ETH))
        belt.run(6)
        assert belt.clock.unix() - asked_at < 3 * WINDOW_S, "it starves"
    passed = [n for n in small if n > large and state(belt, n) is WithdrawalState.PAID]
    belt.clock.advance(WINDOW_S)
    belt.run(6)

    assert passed, "while it had not waited a whole window, younger ones passed it"
    assert belt.paid("hot-a", address_of("customer")) >= len(passed) + 4


@pytest.mark.parametrize(
    ("waited_s", "why"),
    [(WINDOW_S - 60, []), (WINDOW_S, ["elder_first"]), (3 * WINDOW_S, [])],
)
def test_precedence_begins_after_one_window_and_ends_after_three(
    directory: Path, quiet: None, waited_s: int, why: list[str]
) -> None:
    """What never fits, because its fee comes on top, stands in the way for two windows at most."""
    narrow = {f"{RULE}.window_amount": "4 ETH", f"{RULE}.per_transfer": "4 ETH"}
    belt = Belt(directory, law=make_law(**narrow).law, hot=90 * ETH)
    belt.run(2)
    never = ask(belt, 4 * ETH)
    belt.clock.advance(waited_s)
    small = belt.ask_withdrawal(ETH, "customer", key="small").id
    belt.run(6)

    assert (state(belt, never), codes(belt, never)) == (WithdrawalState.HELD, ["window_amount"])
    assert codes(belt, small) == why
    assert state(belt, small) is (WithdrawalState.HELD if why else WithdrawalState.PAID)
