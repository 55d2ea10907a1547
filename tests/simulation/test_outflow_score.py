"""The score table of the learned judgement, guarded on a small part of the simulation.

The bars stand a little below what was measured, so that a change that makes the judgement worse
is seen and honest noise is not. `python -m tests.simulation.outflow_score` prints the whole table.
"""

from __future__ import annotations

from collections.abc import Collection
from statistics import median

import pytest

from tests.simulation.outflow_incidents import HABITS, PUBLISHED
from tests.simulation.outflow_score import Score, run, score_wallet, table
from tests.simulation.outflow_strangers import STRANGERS
from tests.simulation.outflow_thefts import FAMILIES, INJECTED, REAL, steal
from tests.simulation.outflow_wallets import ARCHETYPES, exchange
from tests.simulation.outflow_yardsticks import Forest, TwoLines

QUICK = ("small_treasury", "token_treasury", "payroll", "market_maker", "gateway")


@pytest.fixture(scope="module")
def score() -> Score:
    """Five archetypes, two seeds that nothing was tuned on, every family; one short exchange."""
    whole = run((41, 42), QUICK, list(FAMILIES))
    whole.add(score_wallet(exchange(46, days=12), 46, list(FAMILIES)))
    return whole


def _share(score: Score, families: Collection[str], within: int) -> float:
    thefts = [theft for theft in score.thefts if theft.family in families]
    early = [t for t in thefts if t.found_after is not None and t.found_after <= within]
    return len(early) / len(thefts)


def test_real_patterns_are_found(score: Score) -> None:
    """Nine in ten of the patterns of real thefts are held, and most by their second transfer."""
    assert _share(score, REAL, within=10_000) >= 0.9, table(score)
    assert _share(score, REAL, within=1) >= 0.78, table(score)


def test_injected_thefts_are_found(score: Score) -> None:
    """Four in five of insiders, bursts, bleeds and ladders are held."""
    assert _share(score, INJECTED, within=10_000) >= 0.8, table(score)


def test_little_is_lost(score: Score) -> None:
    """The median share lost is below 1 % for real patterns and below 5 % for injected ones."""
    real = median(theft.lost for theft in score.thefts if theft.family in REAL)
    injected = median(theft.lost for theft in score.thefts if theft.family in INJECTED)

    assert real <= 0.01, table(score)
    assert injected <= 0.05, table(score)


def test_false_alarms_are_few(score: Score) -> None:
    """Less than one in forty busy days and one in 180 slow ones on this small, hard part."""
    assert score.alarms["busy"] * 40 <= score.days["busy"], table(score)
    assert score.alarms["slow"] * 180 <= score.days["slow"], table(score)


def test_the_same_seed_gives_the_same_history_and_theft() -> None:
    """Nothing in the generator depends on the machine or the run."""
    wallets = [ARCHETYPES["token_treasury"](7) for _ in range(2)]
    start = wallets[0].events[200].time

    assert wallets[0].events == wallets[1].events
    assert steal("upbit", wallets[0], start, 7) == steal("upbit", wallets[1], start, 7)


@pytest.mark.parametrize("family", sorted(REAL))
def test_pattern_of_a_real_theft_is_held_at_an_ordinary_treasury(family: str) -> None:
    """R2.3: each published pattern is held, and a small share has left by then."""
    thefts = [
        theft
        for seed in (51, 52, 53)
        for theft in score_wallet(ARCHETYPES["payroll"](seed), seed, [family], known=True).thefts
    ]
    # Quarters of the balances to several addresses show only in sum.
    within = 3 if family == "upbit" else 1

    assert all(t.found_after is not None and t.found_after <= within for t in thefts)
    assert max(t.lost for t in thefts) < 0.5


def test_the_judgement_needs_no_price() -> None:
    """With values shown the same thefts are found, not many more: prices are no crutch."""
    plain = score_wallet(ARCHETYPES["gateway"](43), 43, list(REAL))
    priced = score_wallet(ARCHETYPES["gateway"](43, priced=True), 43, list(REAL))
    found = [sum(t.found_after is not None for t in one.thefts) for one in (plain, priced)]

    assert found[0] >= len(REAL) - 1
    assert found[1] >= len(REAL) - 1


def test_the_rule_of_two_lines_finds_less_and_cries_more(score: Score) -> None:
    """Of the same thefts it holds fewer by their second transfer, hardly an insider."""
    plain = Score()
    for seed in (41, 42):
        for name in QUICK:
            wallet = ARCHETYPES[name](seed)
            plain.add(score_wallet(wallet, seed, list(FAMILIES), judge=TwoLines))

    assert _share(plain, REAL, within=1) < _share(score, REAL, within=1), table(plain)
    assert _share(plain, INJECTED, within=10_000) + 0.2 < _share(score, INJECTED, within=10_000)


@pytest.mark.soak
def test_half_space_trees_are_no_better() -> None:
    """A forest of the library, its limit set for as few false alarms, finds fewer thefts."""
    anomaly = pytest.importorskip("river.anomaly", reason="the library river is not installed")
    compose = pytest.importorskip("river.compose")
    scaling = pytest.importorskip("river.preprocessing")

    def forest() -> Forest:
        trees = anomaly.HalfSpaceTrees(n_trees=10, height=6, seed=1)
        return Forest(compose.Pipeline(scaling.MinMaxScaler(), trees), hold_at=0.995)

    ours, theirs = Score(), Score()
    for name in ("small_treasury", "gateway"):
        wallet = ARCHETYPES[name](43)
        ours.add(score_wallet(wallet, 43, list(FAMILIES)))
        theirs.add(score_wallet(wallet, 43, list(FAMILIES), judge=forest))
    print(table(theirs))

    assert _share(theirs, REAL, within=1) < _share(ours, REAL, within=1), table(theirs)


@pytest.mark.soak
def test_the_whole_table_on_seeds_that_nothing_was_tuned_on() -> None:
    """Every archetype, without and with known balances; the table is printed."""
    for known in (False, True):
        whole = run(range(200, 208), list(ARCHETYPES), list(FAMILIES), known=known)
        print("\nbalances known" if known else "\nbalances unknown")
        print(table(whole))

        assert _share(whole, REAL, within=10_000) >= 0.85
        assert _share(whole, REAL, within=1) >= 0.72
        assert _share(whole, INJECTED, within=10_000) >= 0.8
        assert whole.alarms["busy"] * 35 <= whole.days["busy"]
        assert whole.alarms["slow"] * 200 <= whole.days["slow"]


@pytest.mark.soak
def test_the_table_of_wallets_and_thefts_of_other_kinds() -> None:
    """Other trades, poisoned histories, campaigns of projects, growth: alarms stay as rare."""
    whole = run(range(500, 508), list(STRANGERS), [*PUBLISHED, *HABITS])
    print(table(whole))

    assert _share(whole, PUBLISHED, within=10_000) >= 0.75
    assert _share(whole, PUBLISHED, within=1) >= 0.57
    assert _share(whole, HABITS, within=10_000) >= 0.65
    assert whole.alarms["busy"] * 90 <= whole.days["busy"]
    assert whole.alarms["slow"] * 180 <= whole.days["slow"]
