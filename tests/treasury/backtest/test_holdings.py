"""Balances from deposits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policies.outflow import DEFAULT, Verdict
from treasury.backtest.history import Row
from treasury.backtest.holdings import Holdings
from treasury.backtest.replay import replay

A, B = "0x" + "aa" * 20, "0x" + "bb" * 20
DAY_S = 86_400


def test_without_deposits_nothing_is_known() -> None:
    """A history of payments alone tells no balance."""
    assert Holdings().spend(A, "ETH", 1.0) is None


def test_a_payment_beyond_what_is_known_makes_the_balance_unknown() -> None:
    """More was there than the history shows; the next deposit is known again."""
    holdings = Holdings()
    holdings.receive(A, "ETH", 5.0)

    assert holdings.spend(A, "ETH", 2.0) == 5.0
    assert holdings.spend(A, "ETH", 9.0) is None
    holdings.receive(A, "ETH", 4.0)
    assert holdings.spend(A, "ETH", 4.0) == 4.0


@given(st.lists(st.tuples(st.booleans(), st.floats(0.001, 1e6)), max_size=60), st.floats(0, 1e6))
def test_what_is_known_never_exceeds_what_is_there(
    moves: list[tuple[bool, float]], start: float
) -> None:
    """Whatever was there at the beginning, the least balance is at most the real one."""
    holdings, real = Holdings(), start
    for is_deposit, amount in moves:
        if is_deposit:
            holdings.receive(A, "ETH", amount)
            real += amount
        elif amount <= real:
            known = holdings.spend(A, "ETH", amount)
            assert known is None or known <= real * (1 + 1e-3) + 1e-6
            real -= amount


def _row(time: int, sender: str, to: str, amount: float) -> Row:
    return Row(time, f"0x{time:x}", sender, to, "ETH", amount, None)


def test_deposits_let_the_backtest_see_a_drain() -> None:
    """Of two equal payments to strangers the one that leaves nothing is held."""
    rows = []
    for month in range(30):
        time = month * 30 * DAY_S + 1
        rows.append(_row(time, B, A, 12.0))
        rows.append(_row(time + DAY_S, A, f"0x{month:040x}", 4.0 + month % 5))
    level = sum(row.amount if row.recipient == A else -row.amount for row in rows)
    last = rows[-1].time
    full = [*rows, _row(last + 20 * DAY_S, A, "0x" + "dd" * 20, 8.0)]
    low = [
        *rows,
        _row(last + 10 * DAY_S, A, f"0x{1:040x}", level - 8.0),
        _row(last + 20 * DAY_S, A, "0x" + "dd" * 20, 8.0),
    ]
    held = [
        [
            one.row.recipient
            for one in replay(case, {A}, 0.3, DEFAULT).spoken
            if one.judgement.verdict >= Verdict.HOLD
        ]
        for case in (full, low)
    ]

    stranger = "0x" + "dd" * 20

    assert stranger not in held[0]
    assert stranger in held[1]


def test_what_a_wallet_sends_to_itself_is_not_judged() -> None:
    """Moving money from a wallet to the same wallet moves nothing."""
    rows = [_row(day * DAY_S + 1, A, f"0x{day % 4:040x}", 1.0 + day % 3) for day in range(40)]
    rows.append(_row(41 * DAY_S, A, A, 1e6))
    outcome = replay(rows, {A}, 0.3, DEFAULT)

    assert outcome.spans[A].events == 41
    assert not outcome.spoken
