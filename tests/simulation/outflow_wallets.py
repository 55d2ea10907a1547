"""Seeded histories of busy honest wallets, with everything that looks odd and is not."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log

from tests.simulation.outflow_maker import (
    DAY_S,
    EPOCH_S,
    HOUR_S,
    Coin,
    Maker,
    Wallet,
    campaign,
    rhythm,
)
from tests.simulation.outflow_treasuries import SLOW


def _customer_bursts(make: Maker, time: float, coins: list[Coin], value: float, to: str) -> None:
    """A new customer pays himself: sometimes after a test, sometimes again, in other coins."""
    dice = make.dice
    coin = make.coin(coins)
    habit = dice.random()
    if habit < 0.07:
        make.pay(time, to, coin, value * dice.uniform(0.002, 0.1))
        time += dice.uniform(120, 5_400)
    make.pay(time, to, coin, value)
    while dice.random() < 0.25:
        time += dice.expovariate(1 / (6 * HOUR_S))
        again = coin if dice.random() < 0.6 else make.coin(coins)
        make.pay(time, to, again, value * exp(dice.gauss(0.0, 1.0)))


def exchange(seed: int, *, priced: bool = False, days: int = 0) -> Wallet:
    """An exchange's hot wallet: hundreds to thousands a day, many coins, whales, listings."""
    make = Maker(seed, "exchange", priced=priced)
    dice = make.dice
    days = days or dice.randint(18, 40)
    daily = exp(dice.uniform(log(150), log(4_000)))
    coins = make.coins(dice.randint(3, 40), dice.uniform(0.9, 1.6))
    sigma, tail, alpha = dice.uniform(1.2, 2.2), dice.uniform(0.0, 0.02), dice.uniform(1.1, 1.8)
    regulars = [make.address() for _ in range(dice.randint(100, 3_000))]
    own = [make.address() for _ in range(dice.randint(1, 3))]
    make.limit = daily * 400.0 * exp(sigma * sigma / 2) * dice.uniform(0.03, 0.3)
    fresh, growth = dice.uniform(0.25, 0.75), dice.uniform(-0.2, 1.0)
    listings = dice.sample(coins[1:], k=min(len(coins) // 6, 4))
    for hour in range(days * 24):
        start = EPOCH_S + hour * HOUR_S
        late = hour / (days * 24)
        if hour % 24 == 0:
            _exchange_day(make, start, coins, daily, dice.choice(own))
        traded = [c for i, c in enumerate(coins) if c not in listings or late * 7 > i % 5 + 1]
        month_end = 1.7 if (hour // 24) % 30 in (28, 29) else 1.0
        rate = daily / 24 * rhythm(hour) * (1 + growth * late) * dice.gammavariate(9, 1 / 9)
        for _ in range(int(rate * month_end + dice.random())):
            time = start + dice.uniform(0, HOUR_S)
            value = make.value(400.0, sigma, tail, alpha)
            if dice.random() < fresh:
                _customer_bursts(make, time, traded, value, make.address())
            else:
                to = regulars[int(len(regulars) * dice.random() ** 2.5)]
                make.pay(time, to, make.coin(traded), value * 1.3)
    if dice.random() < 0.5:
        make.lures()
    return make.wallet("exchange", coins, busy=True)


def _exchange_day(make: Maker, start: int, coins: list[Coin], daily: float, own: str) -> None:
    """The day's house-keeping: sweeps, now and then a campaign or a coin that everybody wants."""
    dice = make.dice
    for _ in range(dice.choice([0, 1, 1, 2])):
        make.pay(
            start + dice.uniform(0, DAY_S), own, make.coin(coins), daily * dice.uniform(50, 500)
        )
    if dice.random() < 0.08:
        time = start + dice.uniform(0, 20 * HOUR_S)
        campaign(
            make, time, dice.choice(coins), dice.randint(60, 600), dice.choice([10.0, 50.0, 200.0])
        )
    if dice.random() < 0.06:
        coin, time = dice.choice(coins), start + dice.uniform(0, 16 * HOUR_S)
        for _ in range(int(daily * dice.uniform(0.02, 0.25))):
            when = time + dice.uniform(0, 6 * HOUR_S)
            make.pay(when, make.address(), coin, make.value(500.0, 1.4))


def pool(seed: int, *, priced: bool = False) -> Wallet:
    """A mining pool: thresholds paid out in bursts, every few hours, to a slowly changing crowd."""
    make = Maker(seed, "pool", priced=priced)
    dice = make.dice
    coins = make.coins(1)
    miners = {make.address(): dice.paretovariate(1.1) for _ in range(dice.randint(100, 1_200))}
    every, threshold = dice.choice([1, 3, 6, 24]), dice.uniform(20, 200)
    owed = dict.fromkeys(miners, 0.0)
    for tick in range(dice.randint(20, 40) * 24 // every):
        time = EPOCH_S + tick * every * HOUR_S + dice.uniform(0, 300)
        for _ in range(int(len(miners) * 0.02 * every / 24 + dice.random())):
            newcomer = make.address()
            miners[newcomer], owed[newcomer] = min(dice.paretovariate(1.1), 300.0), 0.0
        for miner, power in miners.items():
            owed[miner] += power * threshold * every / 36 * dice.uniform(0.8, 1.2)
            if owed[miner] >= threshold:
                make.pay(time, miner, coins[0], owed[miner])
                owed[miner], time = 0.0, time + dice.uniform(0.05, 1.0)
    return make.wallet("pool", coins, busy=True)


def market_maker(seed: int, *, priced: bool = False) -> Wallet:
    """A few counterparties, large and frequent; a new one each month, after a test."""
    make = Maker(seed, "market_maker", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(2, 8))
    parties = [make.address() for _ in range(dice.randint(3, 8))]
    daily, days = dice.randint(20, 150), dice.randint(40, 100)
    for day in range(days):
        start = EPOCH_S + day * DAY_S
        if dice.random() < 1 / 45:
            parties.append(make.address())
            make.pay(start, parties[-1], coins[0], 50.0)
            start += 1_800
        for _ in range(int(daily * dice.gammavariate(4, 0.25))):
            time = start + dice.uniform(0, DAY_S)
            make.pay(time, dice.choice(parties), make.coin(coins), make.value(60_000, 1.0))
    return make.wallet("market_maker", coins, busy=True)


def bridge(seed: int, *, priced: bool = False) -> Wallet:
    """A bridge: anyone, any size, a heavy tail, mostly first uses."""
    make = Maker(seed, "bridge", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(2, 6))
    daily, days, fresh = dice.randint(60, 900), dice.randint(25, 50), dice.uniform(0.4, 0.7)
    users = [make.address() for _ in range(400)]
    make.limit = daily * 900.0 * 5.0 * dice.uniform(0.05, 0.4)
    for hour in range(days * 24):
        rate = daily / 24 * rhythm(hour) * dice.gammavariate(5, 0.2)
        for _ in range(int(rate + dice.random())):
            time = EPOCH_S + hour * HOUR_S + dice.uniform(0, HOUR_S)
            value = make.value(900, dice.uniform(1.5, 2.1), 0.01, 1.2)
            if dice.random() < fresh:
                _customer_bursts(make, time, coins, value, make.address())
            else:
                make.pay(time, dice.choice(users), make.coin(coins), value)
    if dice.random() < 0.5:
        make.lures()
    return make.wallet("bridge", coins, busy=True)


def gateway(seed: int, *, priced: bool = False) -> Wallet:
    """A payment company: merchants settled each night, refunds by day, seasonal sales."""
    make = Maker(seed, "gateway", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(1, 4))
    merchants = {make.address(): make.value(600, 1.3) for _ in range(dice.randint(40, 300))}
    for day in range(dice.randint(40, 90)):
        start = EPOCH_S + day * DAY_S
        season = 2.2 if 30 <= day % 45 < 34 else 1.0
        if dice.random() < 0.4:
            merchants[make.address()] = make.value(600, 1.3)
        for index, (to, value) in enumerate(merchants.items()):
            make.pay(start + 4 * index, to, coins[0], value * season * exp(dice.gauss(0.0, 0.5)))
        for _ in range(dice.randint(3, 40)):
            time = start + dice.uniform(6, 22) * HOUR_S
            make.pay(time, make.address(), make.coin(coins), make.value(45, 1.0))
        if dice.random() < 0.03:
            campaign(
                make,
                start + 12 * HOUR_S,
                coins[0],
                dice.randint(50, 400),
                dice.choice([15.0, 150.0]),
            )
    return make.wallet("gateway", coins, busy=True)


BUSY: dict[str, Callable[..., Wallet]] = {
    "exchange": exchange,
    "pool": pool,
    "market_maker": market_maker,
    "bridge": bridge,
    "gateway": gateway,
}
ARCHETYPES = BUSY | SLOW
