"""What holds for every band and all facts, drawn at random."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from policies.bands import BandFacts, Hold, Refill, assess, judge_release
from policies.law import Band
from policies.lifecycles import WalletState
from tests.laws import NOON
from tests.policies.band_facts import COIN, DOLLAR, facts

AMOUNT = st.integers(0, 10**21)


@st.composite
def cases(draw: st.DrawFn) -> tuple[BandFacts, Band]:
    """Draw a lawful band and any facts."""
    asset = draw(st.sampled_from([COIN, DOLLAR]))
    fee = draw(st.integers(1, 10**16))
    floor, gap = draw(AMOUNT), draw(st.integers(1, 10**21))
    least = draw(st.integers(1, gap))
    target = floor + gap
    sweep_to = target + draw(AMOUNT)
    cap = sweep_to + least + fee + draw(AMOUNT)
    band = Band(
        floor=floor,
        target=target,
        cap=cap,
        minimum_move=least,
        cooldown_s=draw(st.integers(0, 100)),
        fee_headroom=draw(st.integers(0, 10**18)),
        urgent_floor=draw(st.integers(0, floor)),
        sweep_to=sweep_to,
    )
    maybe = st.none() | st.integers(0, 2 * cap)
    return (
        facts(
            asset=asset,
            observed=draw(maybe),
            observed_at=draw(st.none() | st.integers(NOON - 40, NOON + 2)),
            inbound=draw(st.integers(0, cap)),
            outbound=draw(st.integers(0, cap)),
            wallet_state=draw(st.sampled_from(WalletState)),
            is_calm=draw(st.booleans()),
            has_open_refill=draw(st.booleans()),
            last_refill_at=draw(st.none() | st.integers(NOON - 200, NOON)),
            is_window_open=draw(st.booleans()),
            vault_balance=draw(maybe),
            vault_native=draw(maybe),
            wallet_native=draw(maybe),
            fee_ceiling=fee,
            window_left=draw(st.none() | st.integers(-5, cap)),
            outflow_per_h=draw(AMOUNT),
            lead_time_s=draw(st.integers(0, 86_400)),
        ),
        band,
    )


@settings(max_examples=600, deadline=None)
@given(cases())
def test_what_always_holds(case: tuple[BandFacts, Band]) -> None:
    """R2.14: never above target or cap, never on doubt, never beyond the vault, always a reason."""
    seen, band = case
    verdict = assess(seen, band)
    projected = seen.projected

    assert verdict.reasons
    if isinstance(verdict, Hold):
        return
    assert projected is not None
    assert seen.observed_at is not None
    assert 0 <= NOON - seen.observed_at <= 30
    assert verdict.amount >= band.minimum_move
    if isinstance(verdict, Refill):
        _check_refill(seen, band, projected, verdict.amount)
    else:
        _check_sweep(seen, band, projected, verdict.amount)


def _check_refill(seen: BandFacts, band: Band, projected: int, amount: int) -> None:
    assert projected < band.target
    assert projected + amount <= band.target < band.cap
    assert amount <= band.cap
    assert seen.is_calm
    assert seen.wallet_state is WalletState.ACTIVE
    assert not seen.has_open_refill
    assert seen.vault_balance is not None
    assert amount <= seen.vault_balance
    assert seen.window_left is None or amount <= seen.window_left
    assert seen.is_window_open or projected < band.urgent_floor
    assert judge_release(seen, band, amount) == ()


def _check_sweep(seen: BandFacts, band: Band, projected: int, amount: int) -> None:
    fee = seen.fee_ceiling if seen.asset.is_native else 0
    assert projected > band.cap
    assert projected - amount - fee >= band.sweep_to
    assert seen.observed is not None
    assert seen.observed - seen.outbound - amount - fee >= band.floor
