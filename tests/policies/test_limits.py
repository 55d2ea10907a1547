"""Limits: each one below, exactly at and one above its bound, and all reasons at once."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.law import Law
from policies.limits import (
    WITHDRAWAL_LIMITS,
    Side,
    WindowFacts,
    WithdrawalFacts,
    approvals_needed,
    fee_window,
    is_refused_for_good,
    judge_refill,
    judge_safety_fee,
    judge_token_fee,
    judge_top_up,
    judge_withdrawal,
)
from policies.terms import NATIVE, Reason
from tests.laws import ETH, address_of, make_law
from tests.policies.band_facts import BAND, COIN, DOLLAR, FEE, LAW

POOL = LAW.pools[0]
RULE = POOL.withdrawals["ETH"]
CUSTOMER = address_of("customer")
TOP_UP = LAW.top_ups[0]
# The rule: 5 per transfer, 20 and 100 transfers an hour, 8 to first-use recipients, held above 4.


def facts(**changes: Any) -> WithdrawalFacts:  # noqa: ANN401  (a builder of tests)
    """Return a small withdrawal to a known customer from a wallet with 50 ETH, with changes."""
    values: dict[str, Any] = {
        "asset": COIN,
        "destination": CUSTOMER,
        "amount": ETH,
        "max_fee": FEE,
        "window": WindowFacts(),
        "is_first_use": False,
        "balance": 50 * ETH,
    }
    return WithdrawalFacts(**{**values, **changes})


def _codes(reasons: tuple[Reason, ...]) -> list[str]:
    return [reason.code for reason in reasons]


def _judge(seen: WithdrawalFacts, *, law: Law = LAW, in_signer: bool = False) -> list[str]:
    return _codes(judge_withdrawal(seen, law=law, pool=law.pools[0], in_signer=in_signer))


SPENT = 15 * ETH - FEE


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"amount": 0}, ["nothing_moves"]),
        ({"amount": -1}, ["nothing_moves"]),
        ({"amount": 1}, []),
        ({"amount": 5 * ETH - 1}, []),
        ({"amount": 5 * ETH}, []),
        ({"amount": 5 * ETH + 1}, ["per_transfer"]),
        ({"amount": 5 * ETH, "window": WindowFacts(amount=SPENT - 1)}, []),
        ({"amount": 5 * ETH, "window": WindowFacts(amount=SPENT)}, []),
        ({"amount": 5 * ETH, "window": WindowFacts(amount=SPENT + 1)}, ["window_amount"]),
        ({"amount": 5 * ETH, "window": WindowFacts(amount=30 * ETH)}, ["window_amount"]),
        ({"window": WindowFacts(count=99)}, []),
        ({"window": WindowFacts(count=100)}, ["window_count"]),
        ({"is_first_use": True, "window": WindowFacts(first_use_amount=7 * ETH)}, []),
        (
            {"is_first_use": True, "window": WindowFacts(first_use_amount=7 * ETH + 1)},
            ["first_use"],
        ),
        ({"is_first_use": False, "window": WindowFacts(first_use_amount=50 * ETH)}, []),
        ({"destination": NATIVE}, ["not_a_person"]),
        ({"destination": address_of("vault")}, ["own_wallet"]),
        ({"destination": address_of("hot-a")}, ["own_wallet"]),
        ({"destination": address_of("hot-b")}, ["own_wallet"]),
        ({"destination": DOLLAR.address}, ["not_a_person"]),
        ({"balance": None}, ["balance_unknown"]),
        ({"balance": ETH + FEE}, []),
        ({"balance": ETH + FEE - 1}, ["balance_short"]),
        ({"balance": 0}, ["balance_short", "balance_percent"]),
    ],
)
def test_each_limit_at_its_bound(changes: dict[str, Any], codes: list[str]) -> None:
    """R2.0: amounts, windows, counts, first-use recipients and destinations, to the wei."""
    assert codes == _judge(facts(**changes))


def test_first_use_recipients_cannot_slip_under_by_small_payments() -> None:
    """R2.0: many small payments to fresh addresses are bounded by their own window's sum."""
    paid, window = 0, WindowFacts()
    for _ in range(100):
        seen = facts(amount=ETH // 10, max_fee=0, is_first_use=True, window=window)
        if _judge(seen, in_signer=True):
            break
        paid += seen.amount
        window = WindowFacts(
            amount=window.amount + seen.cost,
            count=window.count + 1,
            first_use_amount=window.first_use_amount + seen.amount,
        )

    assert paid == 8 * ETH


def test_all_reasons_are_told_at_once() -> None:
    """A refusal is explained in full."""
    law = make_law(**{"pools.main.deny": [CUSTOMER], "pools.main.allow": [address_of("bob")]}).law
    seen = facts(
        amount=6 * ETH,
        is_first_use=True,
        balance=ETH,
        window=WindowFacts(amount=20 * ETH, count=100, first_use_amount=8 * ETH),
    )

    told = "per_transfer window_amount window_count first_use balance_short balance_percent"
    assert [*told.split(), "not_allowed", "denied"] == _judge(seen, law=law)


def test_allow_and_deny() -> None:
    """An allowlist excludes everybody else; the denylist wins over it."""
    allowed = make_law(**{"pools.main.allow": [CUSTOMER]}).law
    both = make_law(**{"pools.main.allow": [CUSTOMER], "pools.main.deny": [CUSTOMER]}).law

    assert _judge(facts(), law=allowed) == []
    assert ["not_allowed"] == _judge(facts(destination=address_of("x")), law=allowed)
    assert ["denied"] == _judge(facts(), law=both)


def test_the_signer_runs_what_it_can_know_and_the_daemon_everything() -> None:
    """Only rules on facts of the chain stay out of the signer."""
    seen = facts(balance=None, amount=6 * ETH)
    daemon_only = {limit.name for limit in WITHDRAWAL_LIMITS if limit.side is Side.DAEMON_ONLY}

    assert {"balance"} == daemon_only
    assert ["per_transfer"] == _judge(seen, in_signer=True)
    assert ["per_transfer", "balance_unknown"] == _judge(seen)


def test_no_rule_is_a_refusal() -> None:
    """R1.10: an asset without a withdrawal rule, or of another chain, is never paid out."""
    elsewhere = dataclasses.replace(COIN, chain="other")

    assert ["no_withdrawal_rule"] == _judge(facts(asset=DOLLAR))
    assert ["no_withdrawal_rule"] == _judge(facts(asset=elsewhere))


@pytest.mark.parametrize(
    ("percent", "amount", "codes"),
    [
        (10, 5 * ETH, []),
        (10, 5 * ETH + 1, ["per_transfer", "balance_percent"]),
        (3, ETH + ETH // 2, []),
        (3, ETH + ETH // 2 + 1, ["balance_percent"]),
    ],
)
def test_a_share_of_the_balance(percent: int, amount: int, codes: list[str]) -> None:
    """One withdrawal never takes more than the law's percentage of what is there."""
    law = make_law(**{"pools.main.assets.ETH.withdrawal.balance_percent": percent}).law

    assert codes == _judge(facts(amount=amount), law=law)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], False),
        (["window_amount", "balance_short", "window_count", "first_use"], False),
        (["balance_unknown"], False),
        (["window_amount", "denied"], True),
        (["per_transfer"], True),
        (["no_withdrawal_rule"], True),
    ],
)
def test_what_time_can_heal_is_held_and_the_rest_refused(codes: list[str], expected: bool) -> None:
    """A full window or an empty wallet passes; a denied destination does not."""
    reasons = tuple(Reason(code=code, text="") for code in codes)

    assert expected == is_refused_for_good(reasons)


@pytest.mark.parametrize(("amount", "needed"), [(4 * ETH - 1, 0), (4 * ETH, 0), (4 * ETH + 1, 1)])
def test_treasurers_for_large_withdrawals(amount: int, needed: int) -> None:
    """Exactly the threshold needs nobody; without a threshold nothing does."""
    free = dataclasses.replace(RULE, hold_above=None)

    assert needed == approvals_needed(amount, RULE)
    assert approvals_needed(amount, free) == 0


@pytest.mark.parametrize(
    ("amount", "signed", "codes"),
    [
        (100 * ETH, 0, []),
        (100 * ETH + 1, 0, ["refill_window"]),
        (40 * ETH, 60 * ETH, []),
        (40 * ETH, 60 * ETH + 1, ["refill_window"]),
        (1, 200 * ETH, ["refill_window"]),
        (0, 0, ["nothing_moves"]),
    ],
)
def test_signed_refills_stay_within_the_cap(amount: int, signed: int, codes: list[str]) -> None:
    """R2.14: whatever a stolen daemon asks, one wallet's window of refills is its cap."""
    window = WindowFacts(amount=signed)

    assert codes == _codes(judge_refill(COIN, BAND, amount=amount, window=window))


def test_a_tokens_fee_is_not_in_its_own_window() -> None:
    """Fees are native coin: they count where native coin counts."""
    assert facts(asset=DOLLAR, amount=5, max_fee=7).cost == 5
    assert facts(asset=COIN, amount=5, max_fee=7).cost == 12


@pytest.mark.parametrize(
    ("amount", "signed", "codes"),
    [
        (ETH // 2, 0, []),
        (ETH // 2 + 1, 0, ["per_transfer"]),
        (ETH // 2, ETH + ETH // 2 - FEE, []),
        (ETH // 2, ETH + ETH // 2 - FEE + 1, ["window_amount"]),
        (ETH, 5 * ETH, ["per_transfer", "window_amount"]),
        (0, 0, ["nothing_moves"]),
    ],
)
def test_top_ups(amount: int, signed: int, codes: list[str]) -> None:
    """R2.14: gas for others is small, and small in sum."""
    window = WindowFacts(amount=signed)

    assert codes == _codes(judge_top_up(COIN, TOP_UP, amount=amount, max_fee=FEE, window=window))


@pytest.mark.parametrize("asset", [DOLLAR, dataclasses.replace(COIN, chain="other")])
def test_top_ups_are_gas(asset: Any) -> None:  # noqa: ANN401  (either asset of the table)
    """A sponsor gives its own chain's coin and nothing else."""
    reasons = judge_top_up(asset, TOP_UP, amount=1, max_fee=1, window=WindowFacts())

    assert ["not_native"] == _codes(reasons)


@pytest.mark.parametrize(("fee", "codes"), [(2 * ETH, []), (2 * ETH + 1, ["fee_window"])])
def test_fees_of_token_withdrawals_are_bounded(fee: int, codes: list[str]) -> None:
    """R2.14: fees paid for tokens come out of the native coin's window."""
    window = WindowFacts(amount=18 * ETH)

    assert codes == _codes(judge_token_fee(RULE.window_amount, max_fee=fee, native_window=window))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6 * ETH), st.booleans()), max_size=60))
def test_whatever_is_asked_the_window_holds(asked: list[tuple[int, bool]]) -> None:
    """R2.14: no sequence of withdrawals gets more out of one window than the law allows."""
    window = WindowFacts()
    for amount, is_first_use in asked:
        seen = facts(amount=amount, is_first_use=is_first_use, window=window)
        if _judge(seen, in_signer=True):
            continue
        window = WindowFacts(
            amount=window.amount + seen.cost,
            count=window.count + 1,
            first_use_amount=window.first_use_amount + (amount if is_first_use else 0),
        )

    assert window.amount <= RULE.window_amount
    assert window.count <= RULE.window_count
    assert window.first_use_amount <= RULE.first_use_amount


def test_the_window_that_pays_for_fees() -> None:
    """The native coin's own where the law has one; else two hundred fee ceilings a day."""
    assert fee_window(RULE, 7) == (RULE.window_s, RULE.window_amount)
    assert fee_window(None, 7) == (86_400, 1_400)


@pytest.mark.parametrize(("fee", "codes"), [(400, []), (401, ["fee_window"])])
def test_moves_to_safety_spend_the_days_fees_to_the_wei(fee: int, codes: list[str]) -> None:
    """Two hundred ceilings of 7 wei, of which 1,000 are spent."""
    assert codes == _codes(judge_safety_fee(1_000, max_fee=fee, fee_ceiling=7))
