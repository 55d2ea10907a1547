"""The learned judgement: attacks that must be held, and honest days that must pass."""

from __future__ import annotations

import random
from collections.abc import Iterable
from math import exp

import pytest

from policies.outflow import CALM, Judgement, Outflow, Verdict, WalletWatch

DAY_S = 86_400
START = 1_600_000_000


class Honest:
    """A wallet with a steady crowd: `daily` payments, three in ten to somebody new."""

    def __init__(self, daily: int, days: int, seed: int = 1) -> None:
        self.dice = random.Random(seed)
        self.watch = WalletWatch()
        self.regulars = [self.address() for _ in range(60)]
        self.time = START
        self.held = 0
        for day in range(days):
            for step in range(daily):
                time = START + day * DAY_S + step * DAY_S // daily
                self.held += self.pay(time).verdict >= Verdict.HOLD

    def address(self) -> str:
        return f"0x{self.dice.getrandbits(160):040x}"

    def pay(self, time: int) -> Judgement:
        to = self.address() if self.dice.random() < 0.3 else self.dice.choice(self.regulars)
        asset = self.dice.choice(("ETH", "ETH", "ETH", "0x" + "aa" * 20))
        self.time = time
        return self.watch.judge(Outflow(time, to, asset, exp(self.dice.gauss(0.0, 1.0))))

    def steal(self, payments: Iterable[tuple[int, str, str, float]]) -> list[Verdict]:
        """Judge the thief's payments, given as seconds from now, recipient, asset, amount."""
        return [
            self.watch.judge(Outflow(self.time + after, to, asset, amount)).verdict
            for after, to, asset, amount in payments
        ]


def _first_hold(verdicts: list[Verdict]) -> int:
    """Return how many left before the first was held."""
    return next((i for i, v in enumerate(verdicts) if v >= Verdict.HOLD), len(verdicts))


@pytest.fixture(scope="module")
def state() -> bytes:
    """A busy wallet after thirty honest days, stored."""
    from policies.outflow.state import to_bytes

    honest = Honest(daily=120, days=30)
    assert honest.held == 0

    return to_bytes(honest.watch)


@pytest.fixture
def wallet(state: bytes) -> Honest:
    """The busy wallet as it was, for one test to spoil."""
    from policies.outflow.state import from_bytes

    honest = Honest(daily=1, days=0)
    honest.watch = from_bytes(state)
    honest.time = START + 30 * DAY_S
    return honest


def test_single_giant_to_a_stranger_is_held_at_once(wallet: Honest) -> None:
    """The first transfer of a drain does not leave."""
    assert wallet.steal([(10, wallet.address(), "ETH", 5_000.0)])[0] >= Verdict.HOLD


def test_giant_to_an_old_cold_wallet_passes(wallet: Honest) -> None:
    """A large internal transfer to an address that always got large ones is calm."""
    cold = wallet.address()
    for day in range(8):
        wallet.steal([(day * DAY_S + 5, cold, "ETH", 900.0)])
    later = wallet.steal([(9 * DAY_S, cold, "ETH", 1_100.0)])

    assert later == [Verdict.CALM]


def test_test_transfer_then_drain_is_held_at_the_second(wallet: Honest) -> None:
    """A crumb, then a fortune to the same stranger: the fortune waits."""
    thief = wallet.address()

    assert _first_hold(wallet.steal([(0, thief, "ETH", 1e-4), (400, thief, "ETH", 900.0)])) == 1


def test_a_crumb_long_ago_is_no_alibi(wallet: Honest) -> None:
    """A sleeper who was paid a little last month and gets a fortune today is held."""
    thief = wallet.address()
    wallet.steal([(0, thief, "ETH", 0.05)])
    wallet.watch.judge(Outflow(wallet.time + 20 * DAY_S, wallet.address(), "ETH", 1.0))

    assert wallet.steal([(21 * DAY_S, thief, "ETH", 3_000.0)])[0] >= Verdict.HOLD


def test_descending_drain_of_many_tokens_is_held_by_its_second(wallet: Honest) -> None:
    """Largest first, one transfer per token, seconds apart."""
    thief = wallet.address()
    tokens = [
        (20 * i, thief, "ETH" if not i else f"0x{i:040x}", 800.0 / (i + 1)) for i in range(20)
    ]

    assert _first_hold(wallet.steal(tokens)) <= 1


def test_ascending_ladder_loses_little(wallet: Honest) -> None:
    """Doubling transfers are held long before the large ones."""
    thief = wallet.address()
    ladder = [(60 * i, thief, "ETH", 0.5 * 2**i) for i in range(12)]
    left = _first_hold(wallet.steal(ladder))

    assert sum(x[3] for x in ladder[:left]) / sum(x[3] for x in ladder) < 0.02


def test_fifty_tokens_in_five_minutes_are_held(wallet: Honest) -> None:
    """Tokens that were never sent before, all to one stranger."""
    thief = wallet.address()
    sweep = [(6 * i, thief, f"0x{0xF000 + i:040x}", 1_000.0) for i in range(50)]

    assert _first_hold(wallet.steal(sweep)) <= 4


def test_burst_of_small_payments_to_one_stranger_is_held(wallet: Honest) -> None:
    """Hundreds of ordinary crumbs, seconds apart, to the same address."""
    thief = wallet.address()
    burst = [(5 * i, thief, "ETH", 0.4) for i in range(300)]

    assert _first_hold(wallet.steal(burst)) <= 15


def test_insider_at_many_times_the_usual_rate_is_held(wallet: Honest) -> None:
    """Payments of normal size to twenty mules at twenty times the usual rate."""
    mules = [wallet.address() for _ in range(20)]
    insider = [(36 * i, mules[i % 20], "ETH", exp(wallet.dice.gauss(0, 1))) for i in range(400)]

    assert _first_hold(wallet.steal(insider)) < 120


def test_slow_bleed_below_the_ninety_ninth_percentile_is_held(wallet: Honest) -> None:
    """Two days of large but ordinary payments to two strangers."""
    thieves = [wallet.address(), wallet.address()]
    bleed = [(1_440 * i, thieves[i % 2], "ETH", 7.0) for i in range(120)]

    assert _first_hold(wallet.steal(bleed)) < 24


def test_flood_of_strangers_with_real_money_is_held(wallet: Honest) -> None:
    """Hundreds of addresses of their own, a few units each, within hours (R2.0)."""
    flood = [(20 * i, wallet.address(), "ETH", 4.0) for i in range(480)]

    assert _first_hold(wallet.steal(flood)) < 120


def test_campaign_of_crumbs_to_hundreds_of_strangers_passes(wallet: Honest) -> None:
    """Four hundred small equal payouts within the hour never hold anybody."""
    campaign = [(8 * i, wallet.address(), "ETH", 0.1) for i in range(400)]

    assert max(wallet.steal(campaign)) < Verdict.HOLD


def test_dozens_of_ordinary_payments_in_a_minute_pass(wallet: Honest) -> None:
    """A queue that was stuck and is paid out at once: forty payments, one minute."""
    queue = [
        (i, wallet.dice.choice(wallet.regulars), "ETH", exp(wallet.dice.gauss(0, 1)))
        for i in range(40)
    ]

    assert max(wallet.steal(queue)) < Verdict.HOLD


def test_a_wallet_of_which_little_is_known_is_not_judged() -> None:
    """Seven transfers are no past."""
    watch = WalletWatch()
    for index in range(6):
        watch.judge(Outflow(START + index * DAY_S, f"0x{index:040x}", "ETH", 1.0))

    assert CALM == watch.judge(Outflow(START + 9 * DAY_S, "0x" + "ff" * 20, "ETH", 1e9))


def test_small_treasury_holds_a_drain_with_a_dozen_payments_of_past() -> None:
    """Two years, two dozen payments, then everything to a stranger."""
    honest = Honest(daily=1, days=0)
    for month in range(24):
        to = honest.regulars[month % 4]
        honest.watch.judge(Outflow(START + month * 30 * DAY_S, to, "ETH", 8.0 + month % 5))
    honest.time = START + 24 * 30 * DAY_S

    assert honest.steal([(0, honest.address(), "ETH", 400.0)])[0] >= Verdict.HOLD


def test_held_payments_are_not_learned_as_normal(wallet: Honest) -> None:
    """A thief cannot buy himself a higher normal with attempts that were held."""
    before = list(wallet.watch.entry.counts)
    verdicts = wallet.steal([(60 * i, wallet.address(), "ETH", 5_000.0) for i in range(5)])
    again = wallet.steal([(600, wallet.address(), "ETH", 5_000.0)])

    assert min(verdicts) >= Verdict.HOLD
    assert again[0] >= Verdict.HOLD
    assert before[100:] == wallet.watch.entry.counts[100:]


def test_slow_poisoning_is_stopped_long_before_the_goal(wallet: Honest) -> None:
    """Raising the size by a third every half day towards a fortune ends in a hold on the way."""
    amount, day, left = 3.0, 0, 0.0
    while amount < 20_000.0 and day < 80:
        held = False
        for step in range(120):
            time = wallet.time + day * DAY_S + step * DAY_S // 120
            wallet.watch.judge(
                Outflow(
                    time, wallet.dice.choice(wallet.regulars), "ETH", exp(wallet.dice.gauss(0, 1))
                )
            )
            if step % 60 == 0:
                verdict = wallet.watch.judge(Outflow(time, wallet.address(), "ETH", amount)).verdict
                held = held or verdict >= Verdict.HOLD
                left += 0.0 if verdict >= Verdict.HOLD else amount
                amount *= 1.3
        if held:
            break
        day += 1

    assert amount < 2_000.0


def test_several_holds_within_the_hour_freeze(wallet: Honest) -> None:
    """One held transfer is a question; three are a freeze, and many more isolate."""
    verdicts = wallet.steal([(30 * i, wallet.address(), "ETH", 200.0 + i) for i in range(12)])

    assert Verdict.FREEZE in verdicts or Verdict.ISOLATE in verdicts
    assert verdicts[-1] is Verdict.ISOLATE


def test_zero_amounts_say_nothing(wallet: Honest) -> None:
    """A zero-value transfer is forgeable and neither judged nor learned."""
    events = wallet.watch.events

    assert CALM == wallet.watch.judge(Outflow(wallet.time, wallet.address(), "ETH", 0.0))
    assert events == wallet.watch.events


def test_events_out_of_order_count_as_now(wallet: Honest) -> None:
    """An event that is a little older than the last is judged all the same."""
    wallet.watch.judge(Outflow(wallet.time + 500, wallet.address(), "ETH", 1.0))

    assert wallet.steal([(10, wallet.address(), "ETH", 9_000.0)])[0] >= Verdict.HOLD


def test_the_unit_of_amounts_does_not_matter() -> None:
    """The same history in wei gives the same verdicts and scores."""
    judged = []
    for unit in (1.0, 1e18):
        dice, watch, said = random.Random(5), WalletWatch(), []
        for index in range(900):
            amount = exp(dice.gauss(0, 2)) * (500.0 if index == 850 else 1.0)
            to = f"0x{dice.randrange(300):040x}" if index != 850 else "0x" + "ee" * 20
            event = Outflow(START + index * 3_000, to, "ETH", amount * unit)
            said.append(watch.judge(event)[:2])
        judged.append(said)

    assert judged[0] == judged[1]


def test_values_replace_prices_when_they_are_given() -> None:
    """With values a new asset is judged by its value and not as ordinary."""
    dice, watch = random.Random(6), WalletWatch()
    for index in range(2_000):
        to = f"0x{dice.getrandbits(160):040x}"
        value = 100.0 * exp(dice.gauss(0, 1))
        watch.judge(Outflow(START + index * 1_200, to, f"0x{index % 5:040x}", value / 7, value))
    end = START + 2_001 * 1_200
    large = watch.judge(Outflow(end, "0x" + "ee" * 20, "0x" + "cc" * 20, 3.0, 5e6))

    assert large.verdict >= Verdict.HOLD


def test_every_verdict_explains_itself(wallet: Honest) -> None:
    """A held transfer names rules, what was seen and what was expected, in sentences."""
    thief = wallet.address()
    event = Outflow(wallet.time + 10, thief, "ETH", 5_000.0)
    judgement = wallet.watch.judge(event)

    assert judgement.score > 2.5
    for finding in judgement.findings:
        assert len(finding.observed.split()) > 4
        assert "by this wallet's own past" in finding.expected
    assert any(thief in finding.observed for finding in judgement.findings)


def test_emptying_an_asset_to_a_stranger_is_held_though_the_amount_is_ordinary() -> None:
    """Where balances are known, nine tenths of one for a newcomer are a drain, not a payment."""
    honest = Honest(daily=1, days=0)
    for month in range(24):
        to = honest.address() if month % 3 == 0 else honest.regulars[month % 4]
        honest.watch.judge(
            Outflow(START + month * 30 * DAY_S, to, "ETH", 8.0 + month % 5, None, 100.0)
        )
    time = START + 24 * 30 * DAY_S
    drain = honest.watch.judge(Outflow(time, honest.address(), "ETH", 9.9, None, 10.0))

    assert drain.verdict >= Verdict.HOLD
    assert any(finding.rule == "drain" for finding in drain.findings)


def test_an_absurd_amount_of_a_token_seen_once_is_no_giant(wallet: Honest) -> None:
    """Fake tokens carry any amount: one amount of an asset is no measure of the next."""
    fake = "0x" + "0f" * 20
    rows = [(i, wallet.address(), fake, amount) for i, amount in enumerate((1.0, 1e9, 3e4))]

    assert max(wallet.steal(rows)) < Verdict.HOLD


def test_large_payments_to_several_strangers_within_minutes_are_held(wallet: Honest) -> None:
    """Each alone is a large payment of every few days; four in three minutes never came before."""
    parts = [(40 * i, wallet.address(), "ETH", 25.0) for i in range(4)]

    assert _first_hold(wallet.steal(parts)) <= 2


def test_a_ladder_after_a_test_of_dust_is_held_at_its_first_rung(wallet: Honest) -> None:
    """A large payment of every week, but no newcomer was ever paid so many times as much."""
    for day in range(30):
        to = wallet.address()
        wallet.steal([(day * DAY_S, to, "ETH", 0.05), (day * DAY_S + 900, to, "ETH", 0.9)])
    thief, start = wallet.address(), 31 * DAY_S
    ladder = [(start, thief, "ETH", 0.001), (start + 400, thief, "ETH", 15.0)]
    judgements = [
        wallet.watch.judge(Outflow(wallet.time + after, to, asset, amount))
        for after, to, asset, amount in ladder
    ]

    assert judgements[0].verdict < Verdict.HOLD <= judgements[1].verdict
    assert any(finding.rule == "jump" for finding in judgements[1].findings)
