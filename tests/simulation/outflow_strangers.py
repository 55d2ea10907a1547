"""Seeded wallets of other trades, and thefts of other shapes: a second opinion.

The other histories and families of this directory were looked at while the judgement was made.
These were looked at too, on seeds 500 to 511 alone, so that other seeds say how far it carries.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, sin, tau

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


def poisoned(make: Maker, share: float) -> None:
    """Answer a share of the payments with forged ones: a fake token, the same amount, a look-alike.

    Whoever poisons addresses writes such logs within minutes, in the name of the payer.
    """
    dice = make.dice
    fakes = [Coin(make.address(), 1.0, 0.0, 0.0) for _ in range(dice.randint(2, 12))]
    make.fakes += fakes
    for event in list(make.events):
        if dice.random() >= share:
            continue
        alike = f"{event.recipient[:6]}{dice.getrandbits(128):032x}{event.recipient[-4:]}"
        make.pay(event.time + dice.uniform(20, 900), alike, dice.choice(fakes), event.amount)


def long_tail_exchange(seed: int, *, priced: bool = False) -> Wallet:
    """An exchange of a hundred and more tokens, most of them asked for a few times a week."""
    make = Maker(seed, "long_tail_exchange", priced=priced)
    dice = make.dice
    days, daily = dice.randint(16, 30), dice.uniform(120, 1_500)
    coins = make.coins(dice.randint(80, 220), dice.uniform(0.7, 1.1))
    sigma = dice.uniform(1.0, 1.9)
    make.limit = daily * 300.0 * exp(sigma * sigma / 2) * dice.uniform(0.05, 0.4)
    regulars = [make.address() for _ in range(dice.randint(200, 2_000))]
    cold = [make.address() for _ in range(3)]
    for hour in range(days * 24):
        start = EPOCH_S + hour * HOUR_S
        for _ in range(
            int(daily / 24 * rhythm(hour) * dice.gammavariate(6, 1 / 6) + dice.random())
        ):
            to = make.address() if dice.random() < 0.5 else dice.choice(regulars)
            make.pay(start + dice.uniform(0, HOUR_S), to, make.coin(coins), make.value(300, sigma))
        if hour % 24 == 3 and dice.random() < 0.5:
            # Tokens that piled up go to the vault, one transfer each.
            for step, coin in enumerate(dice.sample(coins, k=dice.randint(3, 25))):
                make.pay(start + 40 * step, dice.choice(cold), coin, daily * dice.uniform(10, 150))
    poisoned(make, dice.choice([0.0, 0.02, 0.2]))
    return make.wallet("long_tail_exchange", coins, busy=True)


def growing_business(seed: int, *, priced: bool = False) -> Wallet:
    """A payout business that triples within some weeks: more customers, and larger ones."""
    make = Maker(seed, "growing_business", priced=priced)
    dice = make.dice
    days, daily = dice.randint(35, 70), dice.uniform(30, 250)
    coins = make.coins(dice.randint(1, 5))
    customers = [make.address() for _ in range(60)]
    for hour in range(days * 24):
        late = hour / (days * 24)
        rate = daily / 24 * (1.0 + 2.0 * late) * (1.0 + 0.5 * sin(tau * hour / 24))
        for _ in range(int(max(0.0, rate) * dice.gammavariate(8, 1 / 8) + dice.random())):
            if dice.random() < 0.3:
                customers.append(make.address())
            to = customers[-1] if dice.random() < 0.3 else dice.choice(customers)
            value = make.value(250.0 * (1.0 + late), 1.2, 0.004, 1.5)
            make.pay(EPOCH_S + (hour + dice.random()) * HOUR_S, to, make.coin(coins), value)
    return make.wallet("growing_business", coins, busy=True)


def lender(seed: int, *, priced: bool = False) -> Wallet:
    """Loans paid out: a few dozen a day, round sums, half of them to somebody new."""
    make = Maker(seed, "lender", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(2, 4))
    clients = [make.address() for _ in range(40)]
    sums = [250.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 25_000.0]
    weights = [8.0, 9.0, 9.0, 5.0, 3.0, 1.0, dice.uniform(0.02, 0.3)]
    for day in range(dice.randint(50, 120)):
        for _ in range(int(dice.uniform(12, 60) * (0.4 if day % 7 > 4 else 1.0))):
            if dice.random() < 0.5:
                clients.append(make.address())
            to = clients[-1] if dice.random() < 0.5 else dice.choice(clients)
            time = EPOCH_S + day * DAY_S + dice.gauss(13.0, 3.0) * HOUR_S
            make.pay(time, to, make.coin(coins), dice.choices(sums, weights)[0])
    return make.wallet("lender", coins, busy=True)


def affiliate_payer(seed: int, *, priced: bool = False) -> Wallet:
    """A pay day each week with hundreds of payees within minutes, some payments in between."""
    make = Maker(seed, "affiliate_payer", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(1, 2))
    payees = {make.address(): make.value(80, 1.4) for _ in range(dice.randint(80, 700))}
    for day in range(dice.randint(60, 120)):
        start = EPOCH_S + day * DAY_S
        if day % 7 == 4:
            for _ in range(int(len(payees) * 0.06)):
                payees[make.address()] = make.value(80, 1.4)
            for step, (to, value) in enumerate(payees.items()):
                shown = value * exp(dice.gauss(0.0, 0.8))
                make.pay(start + 11 * HOUR_S + 1.5 * step, to, coins[0], shown)
        for _ in range(dice.randint(0, 12)):
            to = make.address() if dice.random() < 0.2 else dice.choice(list(payees))
            make.pay(start + dice.uniform(7, 20) * HOUR_S, to, coins[-1], make.value(100, 1.3))
    return make.wallet("affiliate_payer", coins, busy=True)


def desk(seed: int, *, priced: bool = False) -> Wallet:
    """A trading desk: five to twenty settlements a day, most after a test, wide in size."""
    make = Maker(seed, "desk", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(3, 9))
    clients = [make.address() for _ in range(15)]
    for day in range(dice.randint(80, 160)):
        if day % 7 > 4 and dice.random() < 0.7:
            continue
        for _ in range(dice.randint(3, 18)):
            time = EPOCH_S + day * DAY_S + dice.uniform(7, 19) * HOUR_S
            to, value = dice.choice(clients), make.value(30_000, 1.5)
            if dice.random() < 0.25:
                clients.append(to := make.address())
                if dice.random() < 0.5:
                    make.pay(time - dice.uniform(300, 4_000), to, coins[0], dice.uniform(1, 100))
            make.pay(time, to, make.coin(coins), value)
    return make.wallet("desk", coins, busy=True)


def token_issuer(seed: int, *, priced: bool = False) -> Wallet:
    """A project's wallet: quiet weeks, and distributions of its own token to hundreds at once."""
    make = Maker(seed, "token_issuer", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(2, 4))
    helpers = [make.address() for _ in range(dice.randint(5, 15))]
    for day in range(dice.randint(200, 400)):
        start = EPOCH_S + day * DAY_S + 10 * HOUR_S
        for _ in range(int(dice.random() * 1.8)):
            to = make.address() if dice.random() < 0.15 else dice.choice(helpers)
            make.pay(
                start + dice.uniform(0, 9 * HOUR_S), to, make.coin(coins), make.value(1_500, 1)
            )
        if dice.random() < 0.02:
            campaign(make, start, coins[-1], dice.randint(60, 500), dice.choice([20.0, 90.0]))
    return make.wallet("token_issuer", coins, busy=False)


def sleeper(seed: int, *, priced: bool = False) -> Wallet:
    """A treasury that sleeps for months and wakes for some weeks of ordinary payments."""
    make = Maker(seed, "sleeper", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(1, 4))
    payees = [make.address() for _ in range(dice.randint(4, 10))]
    time = float(EPOCH_S)
    for _ in range(dice.randint(4, 9)):
        for _ in range(dice.randint(6, 40)):
            time += dice.expovariate(1 / (0.7 * DAY_S))
            to = make.address() if dice.random() < 0.2 else dice.choice(payees)
            make.pay(time, to, make.coin(coins), make.value(6_000, 1.1))
        time += dice.uniform(40, 140) * DAY_S
    if dice.random() < 0.5:
        poisoned(make, 0.3)
    return make.wallet("sleeper", coins, busy=False)


def foundation(seed: int, *, priced: bool = False) -> Wallet:
    """Grants in two or three milestones, salaries of few, conferences; a test before each grant."""
    make = Maker(seed, "foundation", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(1, 3), 1.5)
    team = {make.address(): make.value(5_000, 0.3) for _ in range(dice.randint(3, 10))}
    for month in range(dice.randint(12, 30)):
        start = EPOCH_S + month * 30 * DAY_S
        for step, (to, value) in enumerate(team.items()):
            make.pay(start + 300 * step, to, coins[0], value)
        for _ in range(dice.randint(0, 5)):
            to, grant = make.address(), dice.choice([5_000.0, 10_000.0, 25_000.0, 50_000.0])
            time = start + dice.uniform(1, 28) * DAY_S
            make.pay(time, to, coins[0], 10.0)
            for part in range(dice.randint(1, 3)):
                make.pay(time + 3_600 + part * 35 * DAY_S, to, make.coin(coins), grant)
    return make.wallet("foundation", coins, busy=False)


def poisoned_treasury(seed: int, *, priced: bool = False) -> Wallet:
    """A few payments a week, and after most of them somebody forges the like in our name."""
    make = Maker(seed, "poisoned_treasury", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(2, 6))
    payees = [make.address() for _ in range(dice.randint(5, 20))]
    for _ in range(dice.randint(80, 300)):
        time = EPOCH_S + dice.uniform(0, 500) * DAY_S
        to = make.address() if dice.random() < 0.2 else dice.choice(payees)
        make.pay(time, to, make.coin(coins), make.value(4_000, 1.3))
    poisoned(make, dice.uniform(0.3, 0.9))
    return make.wallet("poisoned_treasury", coins, busy=False)


def newborn(seed: int, *, priced: bool = False) -> Wallet:
    """Fewer than thirty payments within some weeks or months."""
    make = Maker(seed, "newborn", priced=priced)
    dice = make.dice
    coins = make.coins(dice.randint(1, 3))
    payees = [make.address() for _ in range(4)]
    for _ in range(dice.randint(12, 29)):
        time = EPOCH_S + dice.uniform(0, 120) * DAY_S
        to = make.address() if dice.random() < 0.4 else dice.choice(payees)
        make.pay(time, to, make.coin(coins), make.value(3_000, 1.2))
    return make.wallet("newborn", coins, busy=False)


STRANGERS: dict[str, Callable[..., Wallet]] = {
    "long_tail_exchange": long_tail_exchange,
    "growing_business": growing_business,
    "lender": lender,
    "affiliate_payer": affiliate_payer,
    "desk": desk,
    "token_issuer": token_issuer,
    "sleeper": sleeper,
    "foundation": foundation,
    "poisoned_treasury": poisoned_treasury,
    "newborn": newborn,
}
