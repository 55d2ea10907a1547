"""Floor, target and cap: a table worked out by hand, and what holds for every input."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from policies.bands import (
    Hold,
    Refill,
    Sweep,
    assess,
    is_urgent,
    judge_release,
)
from policies.lifecycles import WalletState
from tests.laws import ETH, NOON, TOKEN, USDC
from tests.policies.band_facts import BAND, DOLLAR, DOLLARS, FEE, facts

HOLD, REFILL, SWEEP = "hold", "refill", "sweep"
# The band of these tables: urgent 5, floor 20, target 60, cap 100, minimum move 1, cooldown 60 s.


def _told(verdict: Hold | Refill | Sweep) -> tuple[str, int]:
    if isinstance(verdict, Hold):
        return HOLD, 0
    return (REFILL if isinstance(verdict, Refill) else SWEEP), verdict.amount


def _codes(verdict: Hold | Refill | Sweep) -> list[str]:
    return [reason.code for reason in verdict.reasons]


# observed, inbound, outbound -> action, amount; every line was worked out by hand.
BOUNDS = [
    # The floor: one below refills the round 40 (39 missing wei are not worth odd digits), exactly
    # at the floor and one above hold.
    (20 * ETH - 1, 0, 0, REFILL, 40 * ETH),
    (20 * ETH, 0, 0, HOLD, 0),
    (20 * ETH + 1, 0, 0, HOLD, 0),
    # The target and the middle hold.
    (60 * ETH - 1, 0, 0, HOLD, 0),
    (60 * ETH, 0, 0, HOLD, 0),
    (60 * ETH + 1, 0, 0, HOLD, 0),
    # The cap: exactly at it holds; one above sweeps to the target and keeps the fee of 0.01.
    (100 * ETH - 1, 0, 0, HOLD, 0),
    (100 * ETH, 0, 0, HOLD, 0),
    (100 * ETH + 1, 0, 0, SWEEP, 40 * ETH + 1 - FEE),
    (250 * ETH, 0, 0, SWEEP, 190 * ETH - FEE),
    # Empty: the whole target.
    (0, 0, 0, REFILL, 60 * ETH),
    (1, 0, 0, REFILL, 59 * ETH),
    # In flight toward the wallet counts as there: 10 + 10 is the floor, one wei less is below it.
    (10 * ETH, 10 * ETH, 0, HOLD, 0),
    (10 * ETH, 10 * ETH - 1, 0, REFILL, 40 * ETH),
    (0, 60 * ETH, 0, HOLD, 0),
    (60 * ETH, 40 * ETH, 0, HOLD, 0),
    (60 * ETH, 40 * ETH + 1, 0, SWEEP, 40 * ETH - FEE),
    (90 * ETH, 10 * ETH + 1, 0, SWEEP, 40 * ETH + 1 - FEE),
    # In flight away from it counts as gone: 30 - 10 is the floor, one wei more is below it.
    (30 * ETH, 0, 10 * ETH, HOLD, 0),
    (30 * ETH, 0, 10 * ETH + 1, REFILL, 40 * ETH),
    (130 * ETH, 0, 30 * ETH, HOLD, 0),
    (130 * ETH, 0, 30 * ETH - 1, SWEEP, 40 * ETH + 1 - FEE),
    # Both at once.
    (20 * ETH, 5 * ETH, 5 * ETH, HOLD, 0),
    (20 * ETH, 5 * ETH, 5 * ETH + 1, REFILL, 40 * ETH),
    (100 * ETH, 7 * ETH, 7 * ETH, HOLD, 0),
    (100 * ETH, 7 * ETH + 1, 7 * ETH, SWEEP, 40 * ETH + 1 - FEE),
    # More on its way out than there is: what is missing to the target grows accordingly.
    (10 * ETH, 0, 15 * ETH, REFILL, 65 * ETH),
    # A sweep never takes the wallet below its floor before the inbound money has landed.
    (30 * ETH, 100 * ETH, 0, SWEEP, 10 * ETH - FEE),
    (20 * ETH, 100 * ETH, 0, HOLD, 0),
    (0, 200 * ETH, 0, HOLD, 0),
]


@pytest.mark.parametrize(("observed", "inbound", "outbound", "action", "amount"), BOUNDS)
def test_bounds_to_the_wei(
    observed: int, inbound: int, outbound: int, action: str, amount: int
) -> None:
    """One below, exactly at and one above every bound, with money in flight both ways."""
    verdict = assess(facts(observed=observed, inbound=inbound, outbound=outbound), BAND)

    assert (action, amount) == _told(verdict)
    assert verdict.reasons


@pytest.mark.parametrize(
    ("observed", "action", "amount"),
    [
        (20_000 * USDC - 1, REFILL, 40_000 * USDC),
        (20_000 * USDC, HOLD, 0),
        (100_000 * USDC, HOLD, 0),
        (100_000 * USDC + 1, SWEEP, 40_000 * USDC + 1),
    ],
)
def test_bounds_of_a_token(observed: int, action: str, amount: int) -> None:
    """Six decimals change nothing, and a token's sweep keeps no fee back: native coin pays it."""
    verdict = assess(facts(asset=DOLLAR, observed=observed, vault_balance=10**6 * USDC), DOLLARS)

    assert (action, amount) == _told(verdict)


@pytest.mark.parametrize(
    ("missing", "amount"),
    [
        (40 * ETH + 1, 40 * ETH),
        (41_900_000_000_000_000_000, 40 * ETH),
        (42 * ETH, 40 * ETH),
        (42 * ETH + 1, 42 * ETH),
        (47_300_000_000_000_000_000, 47 * ETH),
        (59 * ETH, 59 * ETH),
        (60 * ETH, 60 * ETH),
    ],
)
def test_amounts_are_round_figures_where_the_band_allows(missing: int, amount: int) -> None:
    """At most a twentieth of target - floor (here 2) is given up for fewer digits, never more."""
    verdict = assess(facts(observed=60 * ETH - missing), BAND)

    assert (REFILL, amount) == _told(verdict)


def test_rounding_never_falls_below_the_minimum_move() -> None:
    """Where rounding would make a move too small, the exact amount goes."""
    band = dataclasses.replace(BAND, minimum_move=40 * ETH, floor=20 * ETH, target=60 * ETH)

    verdict = assess(facts(observed=20 * ETH - 5 * 10**17), band)
    exact = assess(facts(observed=20 * ETH - 1, vault_balance=40 * ETH + ETH + FEE), band)

    assert (REFILL, 40 * ETH) == _told(verdict)
    assert (REFILL, 40 * ETH) == _told(exact)
    odd = dataclasses.replace(band, minimum_move=40_300_000_000_000_000_000)
    assert (REFILL, 40_400_000_000_000_000_000) == _told(
        assess(facts(observed=19_600_000_000_000_000_000), odd)
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"observed": None}, "balance_unknown"),
        ({"observed_at": None}, "balance_unknown"),
        ({"observed_at": NOON - 31}, "stale"),
        ({"observed_at": NOON + 1}, "stale"),
    ],
)
@pytest.mark.parametrize("observed", [0, 50 * ETH, 500 * ETH])
def test_unknown_or_stale_holds_in_both_directions(
    observed: int, changes: dict[str, Any], code: str
) -> None:
    """R1.10: a reading that is missing, old or from the future moves nothing, up or down."""
    verdict = assess(facts(**{"observed": observed, **changes}), BAND)

    assert isinstance(verdict, Hold)
    assert [code] == _codes(verdict)


def test_a_reading_just_young_enough_is_used() -> None:
    """The limit of freshness belongs to the fresh side."""
    assert (REFILL, 60 * ETH) == _told(assess(facts(observed=0, observed_at=NOON - 30), BAND))


BLOCKS = [
    ({"wallet_state": WalletState.STANDBY}, "not_active"),
    ({"wallet_state": WalletState.ISOLATED}, "not_active"),
    ({"wallet_state": WalletState.RETIRED}, "not_active"),
    ({"is_calm": False}, "not_calm"),
    ({"has_open_refill": True}, "refill_open"),
    ({"last_refill_at": NOON - 59}, "cooldown"),
    ({"last_refill_at": NOON + 5}, "cooldown"),
    ({"is_window_open": False}, "window_closed"),
    ({"vault_balance": None}, "vault_unknown"),
    ({"vault_native": None}, "vault_unknown"),
    ({"vault_native": ETH + FEE - 1}, "vault_fees"),
]


@pytest.mark.parametrize(("changes", "code"), BLOCKS)
def test_every_obstacle_holds_a_refill(changes: dict[str, Any], code: str) -> None:
    """R2.7: one obstacle is enough, and it is told beside what was wanted."""
    verdict = assess(facts(observed=19 * ETH, **changes), BAND)

    assert isinstance(verdict, Hold)
    assert ["below_floor", code] == _codes(verdict)


def test_an_emergency_waits_for_nothing_and_brings_less() -> None:
    """A wallet that took over is refilled out of hours and soon, up to what its tier gives."""
    taken_over = {"observed": 0, "is_window_open": False, "last_refill_at": NOON}
    band = dataclasses.replace(BAND, urgent_floor=0)
    plain = assess(facts(**taken_over), band)
    hurried = assess(facts(**taken_over, emergency_left=30 * ETH), band)
    spent = assess(facts(**taken_over, emergency_left=ETH - 1), band)

    assert isinstance(plain, Hold)
    assert isinstance(hurried, Refill)
    assert (30 * ETH, ["below_floor", "emergency"]) == (hurried.amount, _codes(hurried))
    assert plain == spent


def test_what_an_emergency_does_not_cover_waits_for_its_hours() -> None:
    """At release too, only what the tier still gives may pass a closed schedule."""
    closed = facts(observed=6 * ETH, is_window_open=False, emergency_left=30 * ETH)

    assert () == judge_release(closed, BAND, 30 * ETH)
    assert ["window_closed"] == [r.code for r in judge_release(closed, BAND, 30 * ETH + 1)]


def test_all_obstacles_are_told_at_once() -> None:
    """A verdict has every reason, so that nobody mends one to find the next."""
    verdict = assess(
        facts(
            observed=19 * ETH,
            wallet_state=WalletState.ISOLATED,
            is_calm=False,
            has_open_refill=True,
            last_refill_at=NOON,
            is_window_open=False,
            vault_balance=0,
            vault_native=0,
        ),
        BAND,
    )

    assert [
        (
            "below_floor not_active not_calm refill_open cooldown window_closed vault_fees "
            "vault_short below_minimum_move"
        )
    ] == [" ".join(_codes(verdict))]


@pytest.mark.parametrize(
    "changes",
    [
        {"last_refill_at": NOON - 60},
        {"vault_native": ETH + FEE, "asset": DOLLAR},
        {"is_window_open": False, "observed": 5 * ETH - 1},
    ],
)
def test_obstacles_end_exactly(changes: dict[str, Any]) -> None:
    """A cooldown that is just over, fees that just suffice, and the urgent floor let it go."""
    assert isinstance(assess(facts(**{"observed": 19 * ETH, **changes}), BAND), Refill)


@pytest.mark.parametrize(("observed", "urgent"), [(5 * ETH - 1, True), (5 * ETH, False)])
def test_the_urgent_floor_overrides_the_schedule_and_nothing_else(
    observed: int, urgent: bool
) -> None:
    """Below the urgent floor, not at it, a closed window does not matter; a cooldown still does."""
    closed = assess(facts(observed=observed, is_window_open=False), BAND)
    cooling = assess(facts(observed=observed, is_window_open=False, last_refill_at=NOON), BAND)

    assert urgent == isinstance(closed, Refill)
    assert urgent == ("urgent" in _codes(closed))
    assert isinstance(cooling, Hold)
    assert urgent == is_urgent(BAND, observed)


@pytest.mark.parametrize(
    ("vault", "action", "amount"),
    [
        (41 * ETH + FEE, REFILL, 40 * ETH),
        (41 * ETH + FEE - 1, REFILL, 39 * ETH),
        (11 * ETH + FEE, REFILL, 10 * ETH),
        (2 * ETH + FEE, REFILL, ETH),
        (2 * ETH + FEE - 1, HOLD, 0),
        (FEE, HOLD, 0),
        (0, HOLD, 0),
    ],
)
def test_the_vault_gives_what_it_can(vault: int, action: str, amount: int) -> None:
    """Headroom and fee stay in the vault; less than the minimum move is not worth moving."""
    verdict = assess(facts(observed=20 * ETH - 1, vault_balance=vault, vault_native=vault), BAND)

    assert (action, amount) == _told(verdict)
    assert "vault_short" in _codes(verdict)


def test_a_token_refill_needs_native_coin_in_the_vault_only_for_its_fee() -> None:
    """All tokens may go; the native headroom is checked apart."""
    verdict = assess(
        facts(asset=DOLLAR, observed=0, vault_balance=30_000 * USDC, vault_native=ETH + FEE),
        DOLLARS,
    )

    assert (REFILL, 30_000 * USDC) == _told(verdict)
    assert ["below_floor", "vault_short"] == _codes(verdict)


@pytest.mark.parametrize(
    ("left", "action", "amount"),
    [
        (40 * ETH, REFILL, 40 * ETH),
        (35 * ETH, REFILL, 35 * ETH),
        (ETH, REFILL, ETH),
        (ETH - 1, HOLD, 0),
        (-5, HOLD, 0),
    ],
)
def test_the_signers_window_limits_the_proposal(left: int, action: str, amount: int) -> None:
    """What the signer would refuse is not proposed; less is, down to the minimum move."""
    verdict = assess(facts(observed=20 * ETH - 1, window_left=left), BAND)

    assert (action, amount) == _told(verdict)


def test_one_refill_never_exceeds_the_cap() -> None:
    """However much is on its way out, the amount stays within what a stolen key may cost."""
    verdict = assess(facts(observed=0, outbound=70 * ETH), BAND)
    dollars = assess(
        facts(asset=DOLLAR, observed=0, outbound=70_000 * USDC, vault_balance=10**6 * USDC), DOLLARS
    )

    assert (REFILL, 100 * ETH) == _told(verdict)
    assert ["below_floor", "urgent", "cap_limits"] == _codes(verdict)
    assert (REFILL, 100_000 * USDC) == _told(dollars)


@pytest.mark.parametrize(
    "changes",
    [
        {"observed": 10 * ETH, "window_left": 50 * ETH},
        {"observed": 10 * ETH, "vault_balance": 51 * ETH + FEE},
        {"observed": 10 * ETH, "inbound": 50 * ETH, "outbound": 100 * ETH},
    ],
)
def test_a_limit_that_just_suffices_is_not_told(changes: dict[str, Any]) -> None:
    """Window, vault and cap limit only what is more than they allow."""
    verdict = assess(facts(**changes), BAND)

    assert isinstance(verdict, Refill)
    assert not {"window_short", "vault_short", "cap_limits"} & set(_codes(verdict))


@pytest.mark.parametrize(
    ("observed", "action", "amount"),
    [
        (20 * ETH, REFILL, 40 * ETH),
        (24 * ETH - 1, REFILL, 36 * ETH),
        (24 * ETH, HOLD, 0),
        (24 * ETH + 1, HOLD, 0),
    ],
)
def test_a_short_runway_refills_early(observed: int, action: str, amount: int) -> None:
    """With 2 ETH an hour and two hours of approval, 4 ETH above the floor are just enough."""
    verdict = assess(facts(observed=observed, outflow_per_h=2 * ETH, lead_time_s=7200), BAND)

    assert (action, amount) == _told(verdict)
    assert (action == REFILL) == ("short_runway" in _codes(verdict))


def test_a_short_runway_never_fills_above_the_target() -> None:
    """However fast it drains, a wallet at its target holds, and crumbs are not moved."""
    fast = {"outflow_per_h": 1000 * ETH, "lead_time_s": 86_400}

    assert ["within_band"] == _codes(assess(facts(observed=60 * ETH, **fast), BAND))
    crumbs = assess(facts(observed=60 * ETH - 5, **fast), BAND)
    assert ["short_runway", "below_minimum_move"] == _codes(crumbs)


@pytest.mark.parametrize(
    "changes",
    [
        {"is_calm": False},
        {"wallet_state": WalletState.STANDBY},
        {"has_open_refill": True},
        {"last_refill_at": NOON},
        {"is_window_open": False},
        {"vault_balance": None, "vault_native": None},
        {"wallet_native": None},
    ],
)
def test_nothing_delays_a_sweep(changes: dict[str, Any]) -> None:
    """R2.10: toward safety asks nobody: no alarm, schedule, cooldown or unknown vault stops it."""
    assert (SWEEP, 41 * ETH - FEE) == _told(assess(facts(observed=101 * ETH, **changes), BAND))


@pytest.mark.parametrize("state", [WalletState.ISOLATED, WalletState.RETIRED])
def test_an_isolated_wallet_is_evacuated_not_swept(state: WalletState) -> None:
    """R2.6: what is left on an isolated wallet goes by evacuation."""
    verdict = assess(facts(observed=101 * ETH, wallet_state=state), BAND)

    assert isinstance(verdict, Hold)
    assert ["above_cap", "not_sweepable"] == _codes(verdict)


@pytest.mark.parametrize(
    ("native", "codes"),
    [
        (None, ["above_cap", "gas_unknown"]),
        (FEE - 1, ["above_cap", "no_gas"]),
        (FEE, ["above_cap"]),
    ],
)
def test_a_tokens_sweep_needs_gas(native: int | None, codes: list[str]) -> None:
    """Without native coin for the fee there is nothing to sign yet; a top-up comes first."""
    verdict = assess(facts(asset=DOLLAR, observed=200_000 * USDC, wallet_native=native), DOLLARS)

    assert codes == _codes(verdict)
    assert (native == FEE) == isinstance(verdict, Sweep)


def test_sweeps_stop_where_the_law_says() -> None:
    """`sweep_to` above the target leaves a gap, so that the next payment in does not sweep."""
    band = dataclasses.replace(BAND, sweep_to=80 * ETH)

    assert (SWEEP, 20 * ETH + 1 - FEE) == _told(assess(facts(observed=100 * ETH + 1), band))


def test_a_lowered_cap_moves_what_is_already_there() -> None:
    """Existing excess goes home at the next look, not only what arrives later."""
    lowered = dataclasses.replace(
        BAND, floor=5 * ETH, target=10 * ETH, cap=15 * ETH, sweep_to=10 * ETH
    )

    assert (SWEEP, 40 * ETH - FEE) == _told(assess(facts(observed=50 * ETH), lowered))


def test_crumbs_above_the_cap_wait_until_they_are_worth_their_fee() -> None:
    """R2.15: an excess below the minimum move stays; many small ones sum up and go together."""
    band = dataclasses.replace(BAND, sweep_to=100 * ETH)

    few = assess(facts(observed=101 * ETH + FEE - 1), band)
    enough = assess(facts(observed=101 * ETH + FEE), band)

    assert ["above_cap", "below_minimum_move"] == _codes(few)
    assert (SWEEP, ETH) == _told(enough)


@pytest.mark.parametrize(
    ("observed", "claimed", "action", "amount"),
    [
        (101 * ETH, FEE, SWEEP, 41 * ETH - 2 * FEE),
        (100 * ETH, 5 * ETH, HOLD, 0),
        (20 * ETH, ETH, HOLD, 0),
        (101 * ETH, 41 * ETH, HOLD, 0),
    ],
)
def test_fees_on_their_way_are_kept_back_from_a_sweep_only(
    observed: int, claimed: int, action: str, amount: int
) -> None:
    """What others may still cost is not swept away, and alone is no reason to refill."""
    assert (action, amount) == _told(assess(facts(observed=observed, fees_claimed=claimed), BAND))


RELEASE = [
    ({}, 40 * ETH, []),
    ({"has_open_refill": True, "last_refill_at": NOON}, 40 * ETH, []),
    ({}, 40 * ETH + 1, ["above_target"]),
    ({"inbound": 1}, 40 * ETH, ["above_target"]),
    ({"outbound": 5 * ETH}, 45 * ETH, []),
    ({"observed": 70 * ETH}, 1, ["above_target"]),
    ({"observed": None}, 40 * ETH, ["balance_unknown"]),
    ({"observed_at": NOON - 31}, 40 * ETH, ["stale"]),
    ({"wallet_state": WalletState.ISOLATED}, 40 * ETH, ["not_active"]),
    ({"is_calm": False}, 40 * ETH, ["not_calm"]),
    ({"is_window_open": False}, 40 * ETH, ["window_closed"]),
    ({"is_window_open": False}, 1, ["window_closed"]),
    ({"is_window_open": False, "observed": 4 * ETH}, 40 * ETH, []),
    ({"vault_balance": None}, 40 * ETH, ["vault_unknown"]),
    ({"vault_native": 0}, 40 * ETH, ["vault_fees"]),
    ({"vault_balance": 41 * ETH + FEE - 1}, 40 * ETH, ["vault_short"]),
    ({"vault_balance": 41 * ETH + FEE}, 40 * ETH, []),
]


@pytest.mark.parametrize(("changes", "amount", "codes"), RELEASE)
def test_an_approved_refill_is_judged_again(
    changes: dict[str, Any], amount: int, codes: list[str]
) -> None:
    """Before money leaves the vault everything is looked at once more, with fresh facts."""
    reasons = judge_release(facts(**{"observed": 20 * ETH, **changes}), BAND, amount)

    assert codes == [reason.code for reason in reasons]


def test_the_token_of_these_tables_is_the_sample_laws() -> None:
    """The tables above stand on the sample law and its token."""
    assert DOLLAR.address == TOKEN
    assert (20 * ETH, 60 * ETH, 100 * ETH) == (BAND.floor, BAND.target, BAND.cap)
