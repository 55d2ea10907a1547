"""Seeded histories of honest wallets: weeks to years of outflow, with everything that looks odd.

Each archetype is a generator of `Outflow` facts.  Amounts are drawn in a hidden currency and
divided by a hidden price, so that what a judge sees has no price unless it is asked for.
Same seed, same history, on every machine.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp, log, sin, tau

from policies.outflow.event import Outflow

DAY_S = 86_400
HOUR_S = 3_600
EPOCH_S = 1_600_000_200


@dataclass
class Coin:
    """An asset with a hidden price and a share of the wallet's payments."""

    name: str
    price: float
    share: float
    shift: float


@dataclass
class Wallet:
    """An honest history and what a thief would find in the wallet."""

    archetype: str
    busy: bool
    events: list[Outflow]
    coins: list[Coin]
    balance: dict[str, float] = field(default_factory=dict)
    """Value per asset in the hidden currency."""

    @property
    def days(self) -> float:
        """Return the span of the history."""
        return (self.events[-1].time - self.events[0].time) / DAY_S


class Maker:
    """The dice, addresses and coins that the archetypes share."""

    def __init__(self, seed: int, archetype: str, *, priced: bool) -> None:
        """Start a history of its own for each seed and archetype."""
        self.dice = random.Random(f"{archetype}-{seed}")
        self.priced = priced
        self.limit = float("inf")
        self.largest: dict[str, float] = {}
        self.events: list[Outflow] = []

    def address(self) -> str:
        """Return an address that was never used before."""
        return f"0x{self.dice.getrandbits(160):040x}"

    def coins(self, count: int, zipf: float = 1.2) -> list[Coin]:
        """Return assets whose shares fall off like a power."""
        weights = [1.0 / (rank + 1) ** zipf for rank in range(count)]
        whole = sum(weights)
        coins = []
        for rank, weight in enumerate(weights):
            name = "ETH" if rank == 0 else self.address()
            price = exp(self.dice.uniform(log(1e-4), log(3e3)))
            coins.append(Coin(name, price, weight / whole, self.dice.gauss(0.0, 0.5)))
        return coins

    def coin(self, coins: list[Coin]) -> Coin:
        """Draw an asset by share."""
        return self.dice.choices(coins, [coin.share for coin in coins])[0]

    def value(self, median: float, sigma: float, tail: float = 0.0, alpha: float = 1.3) -> float:
        """Draw a value: lognormal, with a share of power-law giants."""
        value = median * exp(self.dice.gauss(0.0, sigma))
        if self.dice.random() < tail:
            value = median * exp(sigma) * self.dice.paretovariate(alpha)
        # Beyond a limit people pay from the vault by hand, so the hot wallet never does.
        return value if value < self.limit else self.limit * self.dice.uniform(0.2, 1.0)

    def pay(self, time: float, to: str, coin: Coin, value: float) -> None:
        """Write one payment down."""
        if value < self.limit:
            self.largest[coin.name] = max(value, self.largest.get(coin.name, 0.0))
        digits = 4 if self.dice.random() < 0.5 else 12
        amount = float(f"{value / coin.price:.{digits}g}")
        self.events.append(
            Outflow(int(time), to, coin.name, amount, value if self.priced else None)
        )

    def wallet(self, archetype: str, coins: list[Coin], *, busy: bool) -> Wallet:
        """Sort the payments and estimate what the wallet holds at any time."""
        events = sorted(self.events, key=lambda event: event.time)
        price = {coin.name: coin.price for coin in coins}
        days = max(1.0, (events[-1].time - events[0].time) / DAY_S)
        spent: dict[str, float] = {}
        for event in events:
            spent[event.asset] = spent.get(event.asset, 0.0) + event.amount * price[event.asset]
        reserve_days = self.dice.uniform(0.7, 4.0) if busy else days * self.dice.uniform(0.05, 0.4)
        balance = {
            name: value / days * reserve_days * self.dice.uniform(0.4, 1.6)
            for name, value in spent.items()
        }
        if busy:
            # A wallet that pays on demand holds what its largest payments need.
            for name, value in self.largest.items():
                balance[name] = max(balance[name], value * self.dice.uniform(0.7, 3.0))
        return Wallet(archetype, busy, events, coins, balance)


def _rhythm(hour: int) -> float:
    """Return the rate factor of an hour: quiet nights, calmer weekends."""
    day = 1.0 + 0.6 * sin(tau * ((hour % 24) - 9) / 24)
    return day * (0.7 if (hour // 24) % 7 in (5, 6) else 1.0)


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


def _campaign(make: Maker, time: float, coin: Coin, payees: int, value: float) -> None:
    """Hundreds of small payouts to people never paid before, within minutes or hours."""
    gap = make.dice.choice([0.5, 2.0, 12.0, 60.0])
    spread = make.dice.choice([0.0, 0.1, 0.6])
    for index in range(payees):
        amount = value * exp(make.dice.gauss(0.0, spread))
        make.pay(time + gap * index, make.address(), coin, amount)


def exchange(seed: int, *, priced: bool = False, days: int = 0) -> Wallet:
    """An exchange's hot wallet: hundreds to thousands a day, many coins, whales, listings."""
    make = Maker(seed, "exchange", priced=priced)
    dice = make.dice
    days = days or dice.randint(18, 45)
    daily = exp(dice.uniform(log(150), log(2_500)))
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
        rate = daily / 24 * _rhythm(hour) * (1 + growth * late) * dice.gammavariate(9, 1 / 9)
        for _ in range(int(rate * month_end + dice.random())):
            time = start + dice.uniform(0, HOUR_S)
            value = make.value(400.0, sigma, tail, alpha)
            if dice.random() < fresh:
                _customer_bursts(make, time, traded, value, make.address())
            else:
                to = regulars[int(len(regulars) * dice.random() ** 2.5)]
                make.pay(time, to, make.coin(traded), value * 1.3)
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
        _campaign(
            make, time, dice.choice(coins), dice.randint(60, 600), dice.choice([10.0, 50.0, 200.0])
        )
    if dice.random() < 0.06:
        coin, time = dice.choice(coins), start + dice.uniform(0, 16 * HOUR_S)
        for _ in range(int(daily * dice.uniform(0.02, 0.25))):
            when = time + dice.uniform(0, 6 * HOUR_S)
            make.pay(when, make.address(), coin, make.value(500.0, 1.4))


def payroll(seed: int, *, priced: bool = False) -> Wallet:
    """Salaries once a month, vendors in between, a bonus in December, a few new people."""
    make = Maker(seed, "payroll", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(1, 3))
    staff = {make.address(): make.value(4_000, 0.4) for _ in range(dice.randint(12, 220))}
    vendors = [make.address() for _ in range(dice.randint(3, 12))]
    for month in range(dice.randint(10, 26)):
        payday = EPOCH_S + month * 30 * DAY_S + 9 * HOUR_S
        for _ in range(int(len(staff) * 0.04 + dice.random())):
            staff[make.address()] = make.value(4_000, 0.5)
        bonus = 2.0 if month % 12 == 3 else 1.0
        for index, (to, value) in enumerate(staff.items()):
            make.pay(payday + 7 * index, to, coins[0], value * bonus)
        for _ in range(dice.randint(2, 9)):
            time = payday + dice.uniform(0, 29 * DAY_S)
            to = make.address() if dice.random() < 0.15 else dice.choice(vendors)
            make.pay(time, to, make.coin(coins), make.value(2_500, 1.1))
    return make.wallet("payroll", coins, busy=False)


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


def small_treasury(seed: int, *, priced: bool = False) -> Wallet:
    """Thirty to two hundred transfers in years: grants, suppliers, tests before large payments."""
    make = Maker(seed, "small_treasury", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(1, 5), 1.0)
    payees = [make.address() for _ in range(dice.randint(3, 9))]
    count, days = dice.randint(30, 200), dice.randint(200, 1_000)
    sigma, fresh = dice.uniform(0.7, 1.7), dice.uniform(0.05, 0.4)
    for _ in range(count):
        time = EPOCH_S + dice.uniform(0, days) * DAY_S
        coin, value = make.coin(coins), make.value(8_000, sigma)
        to = make.address() if dice.random() < fresh else dice.choice(payees)
        if dice.random() < 0.06:
            make.pay(time, to, coin, value * dice.uniform(0.001, 0.02))
            time += dice.uniform(200, 4_000)
        make.pay(time, to, coin, value)
        if dice.random() < 0.004:
            _campaign(make, time, coin, dice.randint(20, 150), dice.uniform(30.0, 500.0))
        for _ in range(dice.randint(2, 7) if dice.random() < 0.05 else 0):
            time += dice.uniform(20, 400)
            make.pay(time, dice.choice(payees), coin, make.value(5_000, sigma))
    return make.wallet("small_treasury", coins, busy=False)


def token_treasury(seed: int, *, priced: bool = False) -> Wallet:
    """A treasury of many tokens, most of them rarely moved."""
    make = Maker(seed, "token_treasury", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(6, 18), 0.9)
    payees = [make.address() for _ in range(dice.randint(8, 30))]
    for _ in range(dice.randint(120, 700)):
        time = EPOCH_S + dice.uniform(0, 500) * DAY_S
        to = make.address() if dice.random() < 0.2 else dice.choice(payees)
        coin, value = make.coin(coins), make.value(10_000, 1.5)
        for _ in range(2 if dice.random() < 0.07 else 1):
            make.pay(time, to, coin, value)
            coin, time = make.coin(coins), time + dice.uniform(30, 900)
    return make.wallet("token_treasury", coins, busy=False)


def market_maker(seed: int, *, priced: bool = False) -> Wallet:
    """A few counterparties, large and frequent; a new one each month, after a test."""
    make = Maker(seed, "market_maker", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(2, 8))
    parties = [make.address() for _ in range(dice.randint(3, 8))]
    daily, days = dice.randint(20, 150), dice.randint(40, 100)
    for day in range(days):
        start = EPOCH_S + day * DAY_S
        if day % 30 == 17:
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
        rate = daily / 24 * _rhythm(hour) * dice.gammavariate(5, 0.2)
        for _ in range(int(rate + dice.random())):
            time = EPOCH_S + hour * HOUR_S + dice.uniform(0, HOUR_S)
            value = make.value(900, dice.uniform(1.5, 2.1), 0.01, 1.2)
            if dice.random() < fresh:
                _customer_bursts(make, time, coins, value, make.address())
            else:
                make.pay(time, dice.choice(users), make.coin(coins), value)
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
            _campaign(
                make,
                start + 12 * HOUR_S,
                coins[0],
                dice.randint(50, 400),
                dice.choice([15.0, 150.0]),
            )
    return make.wallet("gateway", coins, busy=True)


ARCHETYPES: dict[str, Callable[..., Wallet]] = {
    "exchange": exchange,
    "payroll": payroll,
    "pool": pool,
    "small_treasury": small_treasury,
    "token_treasury": token_treasury,
    "market_maker": market_maker,
    "bridge": bridge,
    "gateway": gateway,
}
