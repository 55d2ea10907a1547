"""Campaigns at wallets that pay seldom: what they teach, and how often a person is asked."""

from __future__ import annotations

import random
from math import exp, log

from policies.outflow import Outflow, Verdict, WalletWatch
from policies.outflow.scale import FLOOD, Scale

DAY_S = 86_400
START = 1_600_000_000
TOKEN = "0x" + "77" * 20


def _project(campaigns: int) -> tuple[list[Outflow], random.Random]:
    """A project's year: a payment on most days, and its own token to 300 people now and then."""
    dice = random.Random(3)
    helpers = [f"0x{dice.getrandbits(160):040x}" for _ in range(10)]
    events = []
    for day in range(300):
        time = START + day * DAY_S + dice.randrange(30_000, 60_000)
        stranger = f"0x{dice.getrandbits(160):040x}"
        to = stranger if dice.random() < 0.15 else dice.choice(helpers)
        asset = dice.choice(("ETH", TOKEN))
        events.append(Outflow(time, to, asset, 1_000.0 * exp(dice.gauss(0.0, 0.8))))
        if day > 60 and day % (240 // campaigns) == 0:
            events += [
                Outflow(time + 60 + 20 * i, f"0x{dice.getrandbits(160):040x}", TOKEN, 40.0)
                for i in range(300)
            ]
    return events, dice


def test_a_campaign_is_asked_about_once_and_ordinary_payments_stay_ordinary() -> None:
    """Four campaigns of 300 payees: a person is asked about the first two, once each."""
    events, _ = _project(campaigns=4)
    watch = WalletWatch()
    held = [event for event in events if watch.judge(event).verdict >= Verdict.HOLD]
    crumbs = [event.time // DAY_S for event in held if event.amount == 40.0]

    assert len(crumbs) == len(set(crumbs)) <= 2
    assert len(held) - len(crumbs) <= 2


def test_a_theft_after_campaigns_is_still_held() -> None:
    """Crumbs to a crowd do not hide a hundred ordinary payments in one."""
    events, dice = _project(campaigns=4)
    watch = WalletWatch()
    for event in events:
        watch.judge(event)
    thief = f"0x{dice.getrandbits(160):040x}"
    judged = watch.judge(Outflow(events[-1].time + 9_000, thief, TOKEN, 200_000.0))

    assert judged.verdict >= Verdict.HOLD


def test_of_a_flood_only_every_doubling_counts_and_it_ebbs_by_the_hour() -> None:
    """Five hundred payments in an hour teach as much as twenty, quiet hours teach again."""
    scale = Scale()
    learned = sum(scale.learn(log(5.0), 100) for _ in range(500))
    later = sum(scale.learn(log(5.0), 101) for _ in range(100))

    assert FLOOD < learned <= FLOOD + 5
    assert later <= 1
    assert scale.learn(log(5.0), 120)


def test_one_burst_of_an_unknown_asset_is_no_measure() -> None:
    """Nine amounts of one hour say little of what is large; nine hours say more."""
    burst, steady = Scale(), Scale()
    for step in range(9):
        burst.learn(log(1.0), 100)
        steady.learn(log(1.0), 100 + step)

    assert exp(burst.size(log(1e9))) < 2.0
    assert exp(steady.size(log(1e9))) > 50.0
