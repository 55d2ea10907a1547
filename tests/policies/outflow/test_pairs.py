"""Rare payments that come together: what chance says, what is learned, what is asked once."""

from __future__ import annotations

import json
import random
from math import exp, log

import pytest

from policies.outflow import Judgement, Outflow, Verdict, WalletWatch
from policies.outflow.pairs import ANY, KEPT, SPAN_S, Pairs
from policies.outflow.state import from_bytes, to_bytes

DAY_S = 86_400
START = 1_600_000_000


def _address(dice: random.Random) -> str:
    return f"0x{dice.getrandbits(160):040x}"


def _bridge(days: int = 40) -> tuple[WalletWatch, random.Random]:
    """Two hundred payments a day with a heavy tail, all to newcomers."""
    dice = random.Random(11)
    watch = WalletWatch()
    times = sorted(START + dice.randrange(days * DAY_S) for _ in range(200 * days))
    for time in times:
        size = dice.paretovariate(1.2) * exp(dice.gauss(0.0, 0.3))
        watch.judge(Outflow(time, _address(dice), "ETH", size))
    return watch, dice


def _large(watch: WalletWatch, decades: float) -> float:
    """Return an amount that comes about once in so many decades of days."""
    amount = 1.0
    while watch.entry.decades[_bucket(watch, amount)] < decades:
        amount *= 1.2
    return amount


def _bucket(watch: WalletWatch, amount: float) -> int:
    return int(watch.assets["ETH"].size(log(amount)) * 2.0 / log(2.0) + 64.5)


def _rules(judged: Judgement) -> set[str]:
    return {finding.rule for finding in judged.findings}


def test_the_rarity_of_a_pair_is_the_product_over_the_gap() -> None:
    """Once in ten days and once in a hundred, within a hundredth of a day: 10 * 100 * 100."""
    pairs = Pairs()
    pairs.note(START, 1, ANY, 1.0)

    assert pairs.rarity(START + 864, 2, ANY, 2.0) == pytest.approx(5.0)
    assert pairs.rarity(START + 864, 1, ANY, 2.0) == 0.0
    assert pairs.rarity(START + SPAN_S, 2, ANY, 2.0) == 0.0


def test_payments_of_one_minute_are_no_closer_than_a_minute() -> None:
    """A batch within a second is not rarer than one within a minute."""
    pairs = Pairs()
    pairs.note(START, 1, ANY, 1.0)

    assert pairs.rarity(START, 2, ANY, 1.0) == pairs.rarity(START + 60, 2, ANY, 1.0)


def test_one_seldom_asset_to_two_recipients_is_one_oddity() -> None:
    """Two different seldom assets are two."""
    pairs = Pairs()
    pairs.note(START, 1, "0xa", 2.0)

    assert pairs.rarity(START + 60, 2, "0xa", 2.0) == 0.0
    assert pairs.rarity(START + 60, 2, "0xb", 2.0) > 6.0


def test_the_most_ordinary_are_forgotten_first() -> None:
    """Memory is bounded, and the rarest payment stays in it."""
    pairs = Pairs()
    for step in range(3 * KEPT):
        pairs.note(START + step, step, ANY, 3.0 if step == 2 else 0.5)

    assert len(pairs.recent) == KEPT
    assert max(one[3] for one in pairs.recent) == 3.0


def test_who_was_asked_is_not_asked_about_the_like_for_a_day() -> None:
    """A pair that is a hundred times rarer is news, and so is the like tomorrow."""
    pairs = Pairs()
    pairs.note(START, 1, ANY, 1.0)
    pairs.accept(START, 4.0)

    assert pairs.rarity(START + 60, 2, ANY, 1.0) == 0.0
    assert pairs.rarity(START + 60, 2, ANY, 2.0) > 6.0
    pairs.note(START + DAY_S + 1, 1, ANY, 1.0)
    assert pairs.rarity(START + DAY_S + 61, 2, ANY, 1.0) > 5.0


def test_two_rare_payments_to_two_newcomers_are_held_where_one_is_not() -> None:
    """R2.3: each comes once in a month or so; within a minute they are held at the second."""
    watch, dice = _bridge()
    amount = _large(watch, 1.4)
    time = START + 41 * DAY_S
    first = watch.judge(Outflow(time, _address(dice), "ETH", amount))
    second = watch.judge(Outflow(time + 60, _address(dice), "ETH", amount))

    assert first.verdict < Verdict.HOLD
    assert second.verdict >= Verdict.HOLD
    assert "pair" in _rules(second)


def test_two_rare_payments_to_one_newcomer_say_that_it_is_paid_again_so_soon() -> None:
    """The second to the same address speaks for itself, in words."""
    watch, dice = _bridge()
    amount, to = _large(watch, 1.4), _address(dice)
    time = START + 41 * DAY_S
    watch.judge(Outflow(time, to, "ETH", amount))
    second = watch.judge(Outflow(time + 60, to, "ETH", amount))
    said = {finding.rule: finding.observed for finding in second.findings}

    assert second.verdict >= Verdict.HOLD
    assert "paid again after 60 seconds" in said["again"]


def test_a_wallet_that_always_pays_in_such_pairs_is_not_asked() -> None:
    """What is large by itself comes in twos once a week: the habit is learned."""
    dice = random.Random(5)
    watch = WalletWatch()
    held = []
    for day in range(200):
        time = START + day * DAY_S
        events = [
            Outflow(time + 900 * step, _address(dice), "ETH", exp(dice.gauss(0.0, 0.5)))
            for step in range(40)
        ]
        if day % 7 == 3:
            events += [
                Outflow(time + 40_000 + 60 * step, _address(dice), "ETH", dice.uniform(20.0, 30.0))
                for step in range(2)
            ]
        held += [day for event in events if watch.judge(event).verdict >= Verdict.HOLD]

    assert len([day for day in held if day > 30]) <= 1


def test_a_restart_between_the_two_changes_nothing() -> None:
    """What was remembered of the first is in the stored state."""
    watch, dice = _bridge(days=20)
    amount = _large(watch, 1.2)
    time = START + 21 * DAY_S
    watch.judge(Outflow(time, _address(dice), "ETH", amount))
    twin = from_bytes(to_bytes(watch))
    second = Outflow(time + 90, _address(dice), "ETH", amount)

    assert json.loads(to_bytes(twin)) == json.loads(to_bytes(watch))
    assert twin.judge(second) == watch.judge(second)
    assert to_bytes(twin) == to_bytes(watch)
