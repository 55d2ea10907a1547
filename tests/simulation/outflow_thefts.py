"""Thefts to inject into an honest history, by the patterns of real ones and of patient insiders.

Each family takes the wallet, a start and dice, and returns the thief's transfers in order.
Families named after a place follow what was published about it (order, count, pace, recipients);
sizes are shares of what the simulated wallet holds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from math import exp

from policies.outflow.event import Outflow
from tests.simulation.outflow_incidents import HABITS, PUBLISHED
from tests.simulation.outflow_maker import DAY_S, HOUR_S, Wallet
from tests.simulation.outflow_thief import Thief


def single_big(thief: Thief) -> None:
    """One to three transfers take the largest balances whole."""
    to = thief.addresses(1)[0]
    time = float(thief.start)
    for asset, value in thief.richest()[: thief.dice.randint(1, 3)]:
        thief.take(time, to, asset, value * 0.98)
        time += thief.dice.uniform(12, 600)


def token_drain(thief: Thief) -> None:
    """Every asset, largest first, one transfer each, to a few collectors (BitMart, Phemex)."""
    collectors = thief.addresses(thief.dice.choice([1, 1, 2, 3]))
    time = float(thief.start)
    for asset, value in thief.richest():
        thief.take(time, thief.dice.choice(collectors), asset, value)
        time += thief.dice.uniform(10, 90)


def kucoin(thief: Thief) -> None:
    """An odd small native transfer, then the native balance, then the tokens."""
    to = thief.addresses(1)[0]
    thief.take(thief.start, to, "ETH", thief.quantile(0.3))
    time = thief.start + 600.0
    for asset, value in sorted(thief.richest(), key=lambda item: item[0] != "ETH"):
        thief.take(time, to, asset, value)
        time += thief.dice.uniform(30, 200)


def poloniex(thief: Thief) -> None:
    """The native coin in a few large parts, then one transfer per token, then fan-out."""
    to = thief.addresses(4)
    time = float(thief.start)
    native = thief.held.get("ETH", 0.0)
    for share in (0.5, 0.3, 0.15):
        thief.take(time, to[0], "ETH", native * share)
        time += 60
    for asset, value in thief.richest():
        if asset != "ETH":
            thief.take(time, thief.dice.choice(to), asset, value)
            time += thief.dice.uniform(5, 40)


def coindcx(thief: Thief) -> None:
    """One unit as a test, then two, seven, ten, ten, ten shares: a ladder within minutes."""
    to = thief.addresses(1)[0]
    asset, value = thief.richest()[0]
    thief.take(thief.start, to, asset, max(1.0, value * 1e-5))
    time = thief.start + thief.dice.uniform(60, 3_600)
    for share in (0.04, 0.14, 0.2, 0.2, 0.2, 0.2):
        thief.take(time, to, asset, value * share)
        time += thief.dice.uniform(20, 70)


def stake(thief: Thief) -> None:
    """The largest stable, then native in two, then the tail down to crumbs."""
    to = thief.addresses(2)
    time = float(thief.start)
    for rank, (asset, value) in enumerate(thief.richest()):
        for part in (0.5, 0.5) if rank == 1 else (1.0,):
            thief.take(time, to[rank % 2], asset, value * part)
            time += thief.dice.uniform(60, 400)


def coinex(thief: Thief) -> None:
    """All of the native coin first, so that the defender has no gas; then the tokens."""
    to = thief.addresses(1)[0]
    time = float(thief.start)
    for asset, value in sorted(thief.richest(), key=lambda item: (item[0] != "ETH", -item[1])):
        thief.take(time, to, asset, value * 0.99)
        time += thief.dice.uniform(30, 300)


def upbit(thief: Thief) -> None:
    """Dozens of large transfers of two dozen assets within the hour, to several addresses."""
    to = thief.addresses(thief.dice.randint(3, 8))
    time = float(thief.start)
    assets = thief.richest()[:24]
    for _ in range(4):
        for asset, value in assets:
            thief.take(time, thief.dice.choice(to), asset, value / 4)
            time += thief.dice.uniform(5, 60)


def harmony(thief: Thief) -> None:
    """Eleven transfers in eighteen minutes, of a few assets, in parts, to one address."""
    to = thief.addresses(1)[0]
    chosen = thief.richest()[: thief.dice.randint(1, 5)]
    for step in range(11):
        asset, value = chosen[step % len(chosen)]
        thief.take(thief.start + 98 * step, to, asset, value * len(chosen) / 11)


def partial(thief: Thief) -> None:
    """A part of the largest balance, in one to three transfers that need not be records."""
    to = thief.addresses(1)[0]
    asset, value = thief.richest()[0]
    parts = thief.dice.randint(1, 3)
    time = float(thief.start)
    for _ in range(parts):
        thief.take(time, to, asset, value * thief.dice.uniform(0.4, 0.9) / parts)
        time += thief.dice.uniform(20, 3_000)


def forgotten_first(thief: Thief) -> None:
    """What was never paid out goes first, then the largest balances."""
    to = thief.addresses(1)[0]
    time = float(thief.start)
    idle = sorted(thief.wallet.idle, key=lambda name: -thief.held[name])
    for asset in [*idle[:20], *(name for name, _ in thief.richest() if name not in idle)]:
        thief.take(time, to, asset, thief.held[asset])
        time += thief.dice.uniform(12, 90)


def old_acquaintance(thief: Thief) -> None:
    """The largest balances go to an address that once got an ordinary payment."""
    old = [event.recipient for event in thief.past if event.time < thief.start - 4 * DAY_S]
    to = thief.dice.choice(old) if old else thief.addresses(1)[0]
    time = float(thief.start)
    for asset, value in thief.richest()[:4]:
        thief.take(time, to, asset, value * 0.99)
        time += thief.dice.uniform(20, 600)


def test_then_drain(thief: Thief) -> None:
    """A crumb, a wait of minutes to hours, then everything."""
    to = thief.addresses(1)[0]
    asset, value = thief.richest()[0]
    thief.take(thief.start, to, asset, value * 10 ** thief.dice.uniform(-6, -3))
    time = thief.start + exp(thief.dice.uniform(4, 10.5))
    thief.take(time, to, asset, value * 0.97)
    for other, rest in thief.richest()[1:4]:
        time += 40
        thief.take(time, to, other, rest)


def ascending(thief: Thief) -> None:
    """Doubling transfers from a small one until the balance is gone."""
    to = thief.addresses(thief.dice.choice([1, 1, 2]))
    asset, value = thief.richest()[0]
    time, part = float(thief.start), value / 2**10
    for step in range(10):
        thief.take(time, to[step % len(to)], asset, part)
        time, part = time + thief.dice.uniform(20, 900), part * 2


def small_burst(thief: Thief) -> None:
    """A burst of small payments, seconds apart."""
    to = thief.addresses(thief.dice.choice([1, 3, 10, 10_000]))
    asset = thief.richest()[0][0]
    time, left = float(thief.start), thief.held[asset] * 0.6
    for step in range(600):
        value = thief.quantile(thief.dice.uniform(0.2, 0.6))
        thief.take(time, to[step % len(to)], asset, value)
        time, left = time + thief.dice.uniform(2, 20), left - value
        if left < 0:
            break


def insider(thief: Thief) -> None:
    """Payouts of normal size at two to twenty times the usual rate, for hours."""
    to = thief.addresses(thief.dice.choice([1, 4, 20, 10_000]))
    factor = thief.dice.choice([2, 3, 5, 10, 20])
    gap = 1.0 / (thief.rate() * factor)
    time = float(thief.start)
    limit = sum(thief.held.values()) * 0.8
    for step in range(1_500):
        event = thief.dice.choice(thief.past)
        value = event.amount * thief.price[event.asset]
        thief.take(time, to[step % len(to)], event.asset, min(value, thief.quantile(0.98)))
        time, limit = time + thief.dice.expovariate(1 / gap), limit - value
        if limit < 0 or time > thief.start + 3 * DAY_S:
            break


def bleed(thief: Thief) -> None:
    """Two days of payments of a size that nobody looks at twice."""
    to = thief.addresses(thief.dice.choice([1, 2, 8]))
    count = thief.dice.randint(40, 250)
    asset, held = thief.richest()[0]
    each = min(held / count, thief.quantile(0.95))
    for step in range(count):
        time = thief.start + 48 * HOUR_S * (step + thief.dice.random()) / count
        thief.take(time, to[step % len(to)], asset, each * thief.dice.uniform(0.5, 1.2))


def tokens_50(thief: Thief) -> None:
    """Fifty tokens in five minutes to one address, most of them never sent before."""
    to = thief.addresses(1)[0]
    held = [asset for asset, _ in thief.richest()]
    assets = (held + thief.addresses(50))[:50]
    for step, asset in enumerate(assets):
        value = thief.held.get(asset, thief.quantile(0.8))
        thief.take(thief.start + 6 * step, to, asset, value)


def below_p99(thief: Thief) -> None:
    """Everything, in parts that all stay below the wallet's ninety-ninth percentile."""
    to = thief.addresses(thief.dice.choice([1, 1, 3, 10]))
    time = float(thief.start)
    for asset, value in thief.richest()[:3]:
        left, step = value, 0
        while left > 0 and step < 300:
            part = thief.quantile(thief.dice.uniform(0.9, 0.985))
            thief.take(time, to[step % len(to)], asset, part)
            time, left, step = time + thief.dice.uniform(12, 180), left - part, step + 1


def many_accounts(thief: Thief) -> None:
    """Hundreds of payouts of a few units, each to an address of its own (Crypto.com)."""
    asset, held = thief.richest()[0]
    count = thief.dice.randint(200, 480)
    time = float(thief.start)
    for to in thief.addresses(count):
        thief.take(time, to, asset, held / count * thief.dice.uniform(0.6, 1.4))
        time += thief.dice.uniform(5, 40)


REAL: dict[str, Callable[[Thief], None]] = {
    "single_big": single_big,
    "token_drain": token_drain,
    "kucoin": kucoin,
    "poloniex": poloniex,
    "coindcx": coindcx,
    "stake": stake,
    "coinex": coinex,
    "upbit": upbit,
    "harmony": harmony,
    "partial": partial,
    "forgotten_first": forgotten_first,
    "old_acquaintance": old_acquaintance,
}
INJECTED: dict[str, Callable[[Thief], None]] = {
    "test_then_drain": test_then_drain,
    "ascending": ascending,
    "small_burst": small_burst,
    "insider": insider,
    "bleed": bleed,
    "tokens_50": tokens_50,
    "below_p99": below_p99,
    "many_accounts": many_accounts,
}
FAMILIES = REAL | INJECTED
EVERY = FAMILIES | PUBLISHED | HABITS


def steal(family: str, wallet: Wallet, start: int, seed: int) -> list[Outflow]:
    """Return the thief's transfers for one family, one wallet and one start."""
    thief = Thief(wallet, start, random.Random(f"{family}-{seed}"))
    EVERY[family](thief)
    return thief.transfers
