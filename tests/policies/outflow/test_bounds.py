"""Explicit limits: rolling windows, canaries and drains."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policies.outflow import CALM, Verdict
from policies.outflow.bounds import Bounds, BoundsWatch, Request, WindowBound

HOUR_S = 3_600
A, B = "0x" + "aa" * 20, "0x" + "bb" * 20


def _ask(
    time: int = 0, to: str = A, asset: str = "ETH", amount: int = 1, **rest: object
) -> Request:
    return Request(time, to, asset, amount, **{"is_first_use": False} | rest)  # type: ignore[arg-type]


def _watch(**bound: int) -> BoundsWatch:
    return BoundsWatch(Bounds(windows=(WindowBound(span_s=HOUR_S, **bound),)))  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.integers(0, 4_000), st.integers(1, 50)), max_size=60))
def test_whatever_is_let_through_stays_within_the_window(asked: list[tuple[int, int]]) -> None:
    """No sequence of calm requests sums to more than the bound within the span."""
    watch, time = _watch(amount=100), 0
    calm: list[tuple[int, int]] = []
    for gap, amount in asked:
        time += gap
        if watch.judge(_ask(time, amount=amount)) == CALM:
            calm.append((time, amount))
        inside = sum(a for t, a in calm if t > time - HOUR_S)

        assert inside <= 100


def test_exactly_the_limit_may_go() -> None:
    """A limit is inclusive, and a base unit more is held."""
    watch = _watch(amount=100)

    assert CALM == watch.judge(_ask(amount=100))
    assert watch.judge(_ask(1, amount=1)).verdict is Verdict.HOLD


def test_small_payouts_to_strangers_add_up() -> None:
    """480 payouts of a few units each to first-use recipients trip their own window (R2.0)."""
    watch = _watch(first_use_amount=200)
    verdicts = [
        watch.judge(_ask(i * 5, to=f"0x{i:040x}", amount=4, is_first_use=True)).verdict
        for i in range(480)
    ]

    assert verdicts.index(Verdict.HOLD) == 50


def test_assets_recipients_counts_and_share_of_balance_have_bounds() -> None:
    """Each kind of bound speaks in its own name (R2.4)."""
    watch = _watch(count=3, assets_to_first_use=2, first_use_recipients=2, balance_percent=50)
    rules: set[str] = set()
    for index in range(5):
        request = _ask(
            index, to=f"0x{index:040x}", asset=f"T{index % 3}", amount=30, is_first_use=True,
            balance=100,
        )  # fmt: skip
        rules |= {finding.rule for finding in watch.judge(request).findings}
    watch.judge(_ask(6, asset="T0", amount=30, balance=40))
    for index in range(3):
        said = watch.judge(_ask(7 + index, asset="T0", amount=10, balance=40))
        rules |= {finding.rule for finding in said.findings}

    assert {
        "limit_count", "limit_assets_to_first_use", "limit_first_use_recipients",
        "limit_balance_percent",
    } == rules  # fmt: skip


def test_a_canary_quarantines_its_recipient() -> None:
    """After a tiny first payment the same address gets nothing more for a while (R2.4)."""
    watch = BoundsWatch(Bounds(canary_below=10, canary_s=HOUR_S))

    assert CALM == watch.judge(_ask(0, to=B, amount=1, is_first_use=True))
    assert watch.judge(_ask(60, to=B, amount=500)).findings[0].rule == "canary"
    assert CALM == watch.judge(_ask(60, to=A, amount=500))
    assert CALM == watch.judge(_ask(HOUR_S + 1, to=B, amount=500))


def test_draining_an_asset_to_a_stranger_is_held() -> None:
    """Nine tenths of a balance to a first-use recipient wait for a person (R2.4)."""
    watch = BoundsWatch(Bounds(drain_percent=90))

    assert watch.judge(_ask(amount=95, balance=100, is_first_use=True)).verdict is Verdict.HOLD
    assert CALM == watch.judge(_ask(amount=95, balance=100))


def test_a_window_that_is_too_full_to_count_is_held() -> None:
    """Memory is bounded, and what cannot be counted is not waved through."""
    bounds = Bounds(windows=(WindowBound(span_s=HOUR_S, count=10_000),), entries_max=50)
    watch = BoundsWatch(bounds)
    verdicts = [watch.judge(_ask(index)).verdict for index in range(60)]

    assert verdicts[-1] is Verdict.HOLD
    assert len(watch.entries) == 50
