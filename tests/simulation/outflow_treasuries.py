"""Seeded histories of slow honest wallets: payrolls, treasuries, and hardly any payments at all."""

from __future__ import annotations

from collections.abc import Callable
from math import exp

from tests.simulation.outflow_maker import DAY_S, EPOCH_S, HOUR_S, Maker, Wallet, campaign


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
            campaign(make, time, coin, dice.randint(20, 150), dice.uniform(30.0, 500.0))
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


def vendors(seed: int, *, priced: bool = False) -> Wallet:
    """A handful of known suppliers each month, and rarely something ten times as large."""
    make = Maker(seed, "vendors", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(1, 2))
    known = {make.address(): make.value(3_000, 0.8) for _ in range(dice.randint(3, 12))}
    for month in range(dice.randint(8, 30)):
        start = EPOCH_S + month * 30 * DAY_S
        if dice.random() < 0.2:
            newcomer = make.address()
            known[newcomer] = make.value(3_000, 0.8)
            if dice.random() < 0.4:
                make.pay(start + dice.uniform(0, DAY_S), newcomer, coins[0], dice.uniform(1, 20))
                start += DAY_S
        batch = start + dice.uniform(0, 10) * DAY_S
        for index, (to, value) in enumerate(known.items()):
            time = batch + 240 * index if dice.random() < 0.7 else start + dice.uniform(0, 2e6)
            make.pay(time, to, make.coin(coins), value * exp(dice.gauss(0.0, 0.3)))
        if dice.random() < 0.12:
            to = make.address() if dice.random() < 0.4 else dice.choice(list(known))
            make.pay(start + dice.uniform(0, 2e6), to, coins[0], make.value(25_000, 0.7))
    return make.wallet("vendors", coins, busy=False)


def sparse(seed: int, *, priced: bool = False) -> Wallet:
    """Twenty to seventy payments in all, months of silence, often a fresh address of our own."""
    make = Maker(seed, "sparse", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(1, 4), 1.0)
    payees = [make.address() for _ in range(dice.randint(2, 6))]
    own = make.address()
    time, sigma = float(EPOCH_S), dice.uniform(0.6, 2.0)
    for _ in range(dice.randint(20, 70)):
        time += dice.expovariate(1 / (8 * DAY_S))
        if dice.random() < 0.05:
            time += dice.uniform(30, 200) * DAY_S
        to = make.address() if dice.random() < 0.25 else dice.choice(payees)
        if dice.random() < 0.1:
            to, own = own, make.address() if dice.random() < 0.15 else own
        make.pay(time, to, make.coin(coins), make.value(5_000, sigma))
    if dice.random() < 0.4:
        make.lures()
    return make.wallet("sparse", coins, busy=False)


def collector(seed: int, *, priced: bool = False) -> Wallet:
    """Fifty to three hundred tokens, most of them sent once or twice, to exchanges and own keys."""
    make = Maker(seed, "collector", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(50, 300), 0.7)
    places = [make.address() for _ in range(dice.randint(4, 15))]
    for _ in range(dice.randint(150, 900)):
        time = EPOCH_S + dice.uniform(0, 400) * DAY_S
        to = make.address() if dice.random() < 0.12 else dice.choice(places)
        for _ in range(dice.choice([1, 1, 1, 2, 5]) if dice.random() < 0.2 else 1):
            make.pay(time, to, make.coin(coins), make.value(3_000, 1.6))
            time += dice.uniform(15, 600)
    make.lures()
    return make.wallet("collector", coins, busy=False)


def mover(seed: int, *, priced: bool = False) -> Wallet:
    """A treasury that grows, shuffles between its own wallets, and once moves house."""
    make = Maker(seed, "mover", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(2, 6))
    own = [make.address() for _ in range(3)]
    payees = [make.address() for _ in range(dice.randint(4, 20))]
    days = dice.randint(150, 500)
    move = dice.uniform(0.1, 0.9) * days
    for day in range(days):
        start, growth = EPOCH_S + day * DAY_S, exp(1.2 * day / days)
        for _ in range(int(dice.random() * 1.6)):
            to = make.address() if dice.random() < 0.2 else dice.choice(payees)
            time = start + dice.uniform(8, 19) * HOUR_S
            make.pay(time, to, make.coin(coins), make.value(4_000, 1.0) * growth)
        if dice.random() < 0.06:
            time = start + dice.uniform(8, 19) * HOUR_S
            for coin in dice.sample(coins, k=dice.randint(1, len(coins))):
                make.pay(time, dice.choice(own), coin, make.value(60_000, 0.6) * growth)
                time += dice.uniform(30, 300)
        if day == int(move):
            own[0] = make.address()
            make.pay(start + 36_000, own[0], coins[0], 10.0)
            make.pay(start + 39_000, own[0], coins[0], make.value(60_000, 0.6) * growth)
    return make.wallet("mover", coins, busy=False)


SLOW: dict[str, Callable[..., Wallet]] = {
    "payroll": payroll,
    "small_treasury": small_treasury,
    "token_treasury": token_treasury,
    "vendors": vendors,
    "sparse": sparse,
    "collector": collector,
    "mover": mover,
}
