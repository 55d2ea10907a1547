"""The dice, coins and balances that all simulated wallets are made of.

Amounts are drawn in a hidden currency and divided by a hidden price, so that what a judge sees
has no price unless it is asked for.  Same seed, same history, on every machine.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from math import exp, log, sin, tau

from policies.outflow.event import Outflow

DAY_S = 86_400
HOUR_S = 3_600
EPOCH_S = 1_600_000_200
YEAR_S = 365 * DAY_S
REFILL_BELOW = 0.12
LURES_A_DAY = 0.4


@dataclass
class Coin:
    """An asset with a hidden price, its drift in a year, and its share of the payments."""

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
    full: dict[str, float] = field(default_factory=dict)
    """Value per asset in the hidden currency when the wallet is full."""
    before: list[float] = field(default_factory=list)
    """Amount of the event's asset that the wallet held before each event."""
    idle: dict[str, float] = field(default_factory=dict)
    """Value per asset that lies in the wallet and was never paid out."""

    @property
    def days(self) -> float:
        """Return the span of the history."""
        return (self.events[-1].time - self.events[0].time) / DAY_S

    def held_at(self, index: int) -> dict[str, float]:
        """Return the value of every asset in the wallet right after an event."""
        price = {coin.name: coin.price for coin in self.coins}
        held = dict(self.full)
        seen = set()
        for event, before in zip(self.events[index::-1], self.before[index::-1], strict=True):
            if event.asset not in seen:
                seen.add(event.asset)
                held[event.asset] = (before - event.amount) * price[event.asset]
            if len(seen) == len(self.full):
                break
        return held | self.idle


class Maker:
    """The dice, addresses and coins that the archetypes share."""

    def __init__(self, seed: int, archetype: str, *, priced: bool) -> None:
        """Start a history of its own for each seed and archetype."""
        self.dice = random.Random(f"{archetype}-{seed}")
        self.priced = priced
        self.limit = float("inf")
        self.largest: dict[str, float] = {}
        self.events: list[Outflow] = []
        self.fakes: list[Coin] = []

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
        price = coin.price * exp(coin.shift * (time - EPOCH_S) / YEAR_S)
        amount = float(f"{value / price:.{digits}g}")
        self.events.append(
            Outflow(int(time), to, coin.name, amount, value if self.priced else None)
        )

    def lures(self) -> None:
        """Add what others forge: fake tokens with absurd amounts to look-alikes, seemingly ours."""
        dice = self.dice
        times = [event.time for event in self.events]
        first, last = min(times), max(times)
        paid = [event.recipient for event in self.events[:400]]
        for _ in range(int((last - first) / DAY_S * dice.uniform(0.0, LURES_A_DAY))):
            time = dice.uniform(first, last)
            fake = Coin(self.address(), dice.choice([1e-9, 1e-3, 1.0]), 0.0, 0.0)
            self.fakes.append(fake)
            scale = dice.choice([1e-3, 1.0, 1e3, 1e8])
            for _ in range(dice.choice([1, 1, 1, 3, 12])):
                real = dice.choice(paid)
                alike = f"{real[:6]}{dice.getrandbits(128):032x}{real[-4:]}"
                self.pay(time, alike, fake, scale * exp(dice.gauss(0.0, 2.0)))

    def wallet(self, archetype: str, coins: list[Coin], *, busy: bool) -> Wallet:
        """Sort the payments, and fill the wallet whenever a payment would empty it."""
        events = sorted(self.events, key=lambda event: event.time)
        price = {coin.name: coin.price for coin in [*coins, *self.fakes]}
        days = max(1.0, (events[-1].time - events[0].time) / DAY_S)
        spent: dict[str, float] = {}
        for event in events:
            spent[event.asset] = spent.get(event.asset, 0.0) + event.amount * price[event.asset]
        reserve_days = self.dice.uniform(0.7, 4.0) if busy else days * self.dice.uniform(0.05, 0.4)
        full = {
            name: spent[name] / days * reserve_days * self.dice.uniform(0.4, 1.6)
            for name in (coin.name for coin in coins)
            if name in spent
        }
        if busy:
            # A wallet that pays on demand holds what its largest payments need.
            for name, value in self.largest.items():
                if name in full:
                    full[name] = max(full[name], value * self.dice.uniform(0.7, 3.0))
        wallet = Wallet(archetype, busy, events, [*coins, *self.fakes], full)
        wallet.before = self._balances(events, full, price)
        if self.dice.random() < 0.5:
            whole = sum(full.values())
            for _ in range(self.dice.choice([1, 5, 30, 150])):
                wallet.idle[self.address()] = whole * 10 ** self.dice.uniform(-6.0, -1.5)
        return wallet

    def _balances(
        self, events: list[Outflow], full: dict[str, float], price: dict[str, float]
    ) -> list[float]:
        """Return what the wallet held before each payment; it is refilled when it runs low."""
        held = {name: value / price[name] for name, value in full.items()}
        before = []
        for event in events:
            name = event.asset
            if name not in full:
                before.append(0.0)
                continue
            top = full[name] / price[name]
            left = held[name]
            if left < event.amount:
                left = max(top, event.amount * self.dice.uniform(1.0, 1.6))
            before.append(left)
            left -= event.amount
            if left < top * REFILL_BELOW and self.dice.random() < 0.7:
                left = top * self.dice.uniform(0.6, 1.0)
            held[name] = left
        return before


def rhythm(hour: int) -> float:
    """Return the rate factor of an hour: quiet nights, calmer weekends."""
    day = 1.0 + 0.6 * sin(tau * ((hour % 24) - 9) / 24)
    return day * (0.7 if (hour // 24) % 7 in (5, 6) else 1.0)


def campaign(make: Maker, time: float, coin: Coin, payees: int, value: float) -> None:
    """Hundreds of small payouts to people never paid before, within minutes or hours."""
    gap = make.dice.choice([0.5, 2.0, 12.0, 60.0])
    spread = make.dice.choice([0.0, 0.1, 0.6])
    for index in range(payees):
        amount = value * exp(make.dice.gauss(0.0, spread))
        make.pay(time + gap * index, make.address(), coin, amount)
