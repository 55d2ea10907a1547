"""Exposure: the arithmetic of what each threat could take."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policies.exposure import (
    Coming,
    ExposureFacts,
    Figure,
    Threat,
    above_max_loss,
    exposures,
    windows_within,
)
from policies.law import Law
from tests.laws import ETH, GONE, USDC, make_law

ADVERSARY = "pools.main.assets.ETH.withdrawal"
TOKEN_RULE = {
    "per_transfer": "5000 USDC",
    "window_s": 3600,
    "window_amount": "50000 USDC",
    "window_count": 3,
    "first_use_amount": "5000 USDC",
}


def facts(law: Law | None = None, **changes: object) -> ExposureFacts:
    """Return facts with hot-a active, both hot wallets read, one refill on its way."""
    values: dict[str, object] = {
        "law": law or make_law().law,
        "balances": {("hot-a", "ETH"): 30 * ETH, ("hot-b", "ETH"): ETH, ("hot-a", "USDC"): 0},
        "active": frozenset({"hot-a"}),
        "coming": (Coming(wallet="hot-a", symbol="ETH", amount=40 * ETH, name="refill #1"),),
    }
    return ExposureFacts(**{**values, **changes})  # type: ignore[arg-type]


def find(found: ExposureFacts, threat: Threat, name: str, symbol: str = "ETH") -> Figure | None:
    """Return one figure."""
    key = (threat, name, symbol)
    return next((f for f in exposures(found) if (f.threat, f.name, f.symbol) == key), None)


def most(found: ExposureFacts, threat: Threat, name: str, symbol: str = "ETH") -> int:
    """Return one figure's sum."""
    figure = find(found, threat, name, symbol)
    assert figure is not None
    return figure.at_most


@pytest.mark.parametrize(
    ("reaction_s", "window_s", "count"),
    [
        (0, 60, 1),
        (59, 60, 1),
        (60, 60, 2),
        (3600, 3600, 2),
        (3600, 86_400, 1),
        (3600, 0, 1),
        (5, 1, 6),
    ],
)
def test_windows_slide(reaction_s: int, window_s: int, count: int) -> None:
    """What was signed exactly a window ago has left it: the period's two ends both count."""
    assert count == windows_within(reaction_s, window_s)


def test_a_stolen_key_takes_the_cap_and_what_comes() -> None:
    """An active wallet may be filled while nobody notices; a standby is not."""
    assert 140 * ETH == most(facts(), Threat.STOLEN_KEY, "hot-a")
    assert ETH == most(facts(), Threat.STOLEN_KEY, "hot-b")


def test_an_isolated_wallet_costs_what_is_left_in_it() -> None:
    """No refill reaches it; what already flies may still land, and is evacuated too."""
    gone = facts(gone=frozenset({"hot-a"}), active=frozenset({"hot-b"}))

    assert 70 * ETH == most(gone, Threat.STOLEN_KEY, "hot-a")
    assert 100 * ETH == most(gone, Threat.STOLEN_KEY, "hot-b")


def test_a_wallet_at_its_cap_is_counted_with_what_it_holds() -> None:
    """Nothing more is sent to it: the sum is its balance, and is called so."""
    figure = find(facts(balances={("hot-a", "ETH"): 100 * ETH}), Threat.STOLEN_KEY, "hot-a")
    assert figure is not None

    assert [part.text for part in figure.parts] == ["its balance", "refill #1 in flight"]


def test_which_limit_of_a_window_bounds_is_told() -> None:
    """The sum that it lets out, or the number of withdrawals where that lets out less."""
    wide = find(facts(), Threat.CORRUPT_SERVICE, "main")
    few = find(
        facts(make_law(**{f"{ADVERSARY}.window_count": 3}).law), Threat.CORRUPT_SERVICE, "main"
    )
    assert wide is not None
    assert few is not None

    assert wide.parts[0].text == "hot-a: 2 x the window of 3600 s"
    assert few.parts[0].text.startswith("hot-a: 2 x 3 of the largest of 3600 s")


def test_a_token_without_a_band_counts_with_what_is_known() -> None:
    """Where no policy fills it, what lies there can be stolen: of gas, at least the reserve."""
    law = make_law(**{"pools.main.assets.ETH": GONE}).law
    unread = facts(law, balances={}, coming=())

    assert ETH // 5 == most(unread, Threat.STOLEN_KEY, "hot-a")


def test_one_fate_is_one_sum() -> None:
    """Wallets that share a host fall together."""
    law = make_law(**{"wallets.hot-b.fate_group": "rack-1"}).law

    assert 141 * ETH == most(facts(law), Threat.STOLEN_TOGETHER, "rack-1")


def test_a_stolen_daemon_goes_from_wallet_to_wallet() -> None:
    """It may isolate one and activate the next: every member's windows count, and fees."""
    figure = find(facts(), Threat.STOLEN_DAEMON, "main")
    assert figure is not None

    assert 2 * (2 * 20 * ETH) + 2 * (200 * ETH // 100) == figure.at_most
    assert 4 == len(figure.parts)
    assert 2 * 2 * ETH == most(facts(), Threat.STOLEN_DAEMON, "sponsor")


def test_what_waits_for_people_is_not_taken_without_them() -> None:
    """Few large withdrawals: above `hold_above` a person is needed, so the count bounds the sum."""
    law = make_law(**{f"{ADVERSARY}.window_count": 3}).law

    fees = 3 * ETH // 100
    assert 2 * (3 * 4 * ETH + fees) == most(facts(law), Threat.CORRUPT_SERVICE, "main")


def test_without_a_bound_for_people_the_largest_payouts_count() -> None:
    """Three payouts an hour of the most that one may be, none of which waits for anybody."""
    law = make_law(**{f"{ADVERSARY}.window_count": 3, f"{ADVERSARY}.hold_above": GONE}).law

    assert 2 * (3 * 5 * ETH + 3 * ETH // 100) == most(facts(law), Threat.CORRUPT_SERVICE, "main")


def test_payouts_of_tokens_pay_their_fees_in_another_coin() -> None:
    """The number of payouts bounds the token without fees; those are counted for the native coin.

    Where the native coin has a window, token fees come out of that, so its count bounds nothing.
    """
    rule = "pools.main.assets.USDC.withdrawal"
    both = make_law(**{rule: TOKEN_RULE, f"{ADVERSARY}.window_count": 1}).law
    alone = make_law(**{rule: TOKEN_RULE, ADVERSARY: GONE}).law
    burnt = find(facts(alone), Threat.STOLEN_DAEMON, "main")
    assert burnt is not None

    assert 2 * 3 * 5_000 * USDC == most(facts(both), Threat.CORRUPT_SERVICE, "main", "USDC")
    assert 2 * 20 * ETH == most(facts(both), Threat.CORRUPT_SERVICE, "main")
    assert 4 * (200 * ETH // 100) == burnt.at_most
    assert "hot-b: 200 fee ceilings of token withdrawals" in {p.text for p in burnt.parts}


def test_a_corrupt_service_has_the_keys_of_shared_wallets() -> None:
    """In shared custody the payout engine signs: what it can take is all that is there."""
    law = make_law(**{"wallets.hot-a.custody": "shared"}).law

    assert (100 + 40 + 40) * ETH == most(facts(law), Threat.CORRUPT_SERVICE, "main")


def test_a_corrupt_service_uses_the_windows_of_the_wallet_that_pays() -> None:
    """Of the active wallet; of the law's first one when none is active."""
    for active, name in ((frozenset({"hot-b"}), "hot-b"), (frozenset(), "hot-a")):
        figure = find(facts(active=active), Threat.CORRUPT_SERVICE, "main")
        assert figure is not None
        assert [part.text.partition(":")[0] for part in figure.parts] == [name] * len(figure.parts)


@pytest.mark.parametrize(
    ("endpoints", "said"),
    [({"devnet": (2, 3)}, "2 of 3 nodes must agree"), ({}, "the read quorum must agree")],
)
def test_a_lying_minority_moves_nothing(endpoints: dict[str, object], said: str) -> None:
    """It is told for every chain, with how many nodes must agree."""
    figure = find(facts(endpoints=endpoints), Threat.LYING_MINORITY, "devnet")
    assert figure is not None

    assert (figure.at_most, len(figure.parts)) == (0, 1)
    assert figure.parts[0].text == f"{said}: a minority can freeze, and move nothing"


def test_a_token_that_is_never_withdrawn_is_safe_from_the_daemon() -> None:
    """Without a withdrawal rule the signer lets none of it out."""
    assert find(facts(), Threat.STOLEN_DAEMON, "main", "USDC") is None
    assert 100_000 * USDC == most(facts(), Threat.STOLEN_KEY, "hot-a", "USDC")


def test_one_treasurer_who_carries_motions_alone_is_above_every_loss() -> None:
    """A law of one can be changed by one: no figure bounds it."""
    law = make_law(**{"roster.quorum": 1, "chains.devnet.max_loss": GONE}).law

    above = above_max_loss(exposures(facts(law)))
    assert [Threat.BRIBED_TREASURER] == [figure.threat for figure in above]


def test_the_limit_itself_is_accepted() -> None:
    """R2.14: exactly `max_loss` is no red line, one wei more is."""
    law = make_law(**{"chains.devnet.max_loss": {"ETH": "140 ETH"}}).law
    exact = facts(law)
    more = replace(exact, coming=(replace(exact.coming[0], amount=40 * ETH + 1),))

    assert () == above_max_loss(exposures(exact))
    assert {Threat.STOLEN_KEY, Threat.STOLEN_TOGETHER} == {
        figure.threat for figure in above_max_loss(exposures(more))
    }


def test_a_patient_insider_takes_what_a_days_windows_let_through() -> None:
    """The law's windows bound him, or what was learned if that is narrower; no red line."""
    law = make_law(**{"chains.devnet.max_loss": {"ETH": "200 ETH"}}).law
    explicit = most(facts(law), Threat.PATIENT_INSIDER, "hot-a")
    narrow = facts(law, learned={("main", "ETH"): 7 * ETH})
    wide = facts(law, learned={("main", "ETH"): 9_000 * ETH})

    assert 24 * 20 * ETH == explicit == most(wide, Threat.PATIENT_INSIDER, "hot-a")
    assert 7 * ETH == most(narrow, Threat.PATIENT_INSIDER, "hot-a")
    assert () == above_max_loss(exposures(facts(law)))


def test_a_patient_insider_is_told_for_each_wallet_and_for_strangers() -> None:
    """First uses have windows of their own; who pays is named, and which window bounds him."""
    name = "hot-b, to strangers"
    after_a_swap = facts(active=frozenset({"hot-b"}))
    narrow = facts(active=frozenset({"hot-b"}), learned={("main", "ETH"): 7 * ETH})
    told = find(narrow, Threat.PATIENT_INSIDER, "hot-b")

    equal = facts(active=frozenset({"hot-b"}), learned={("main", "ETH"): 24 * 8 * ETH})
    by_law = find(equal, Threat.PATIENT_INSIDER, name)

    assert by_law is not None
    assert "first uses" in by_law.parts[0].text
    assert 24 * 8 * ETH == most(after_a_swap, Threat.PATIENT_INSIDER, name)
    assert 7 * ETH == most(narrow, Threat.PATIENT_INSIDER, name)
    assert find(after_a_swap, Threat.PATIENT_INSIDER, "hot-a") is None
    assert told is not None
    assert "what was learned lets through in a day; by law: hot-b: 24 x" in told.parts[0].text
