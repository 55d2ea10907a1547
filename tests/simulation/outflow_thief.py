"""What a thief of the simulation knows and does; the families say in which order he does it."""

from __future__ import annotations

import random
from bisect import bisect_left

from policies.outflow.event import Outflow
from tests.simulation.outflow_maker import DAY_S, Wallet


class Thief:
    """What a thief knows and owns: the balance, the history, and fresh addresses."""

    def __init__(self, wallet: Wallet, start: int, dice: random.Random) -> None:
        """Take over the wallet at a time."""
        self.wallet, self.start, self.dice = wallet, start, dice
        self.price = {coin.name: coin.price for coin in wallet.coins}
        self.transfers: list[Outflow] = []
        self.priced = wallet.events[0].value is not None
        stop = bisect_left(wallet.events, start, key=lambda event: event.time)
        self.past = wallet.events[max(0, stop - 3_000) : stop]
        self.held = wallet.held_at(stop - 1)
        sizes = sorted(event.amount * self.price[event.asset] for event in self.past)
        self.sizes = sizes or [1_000.0]

    def addresses(self, count: int) -> list[str]:
        """Return fresh addresses."""
        return [f"0x{self.dice.getrandbits(160):040x}" for _ in range(count)]

    def quantile(self, share: float) -> float:
        """Return a usual value of the wallet: the quantile of its past payments."""
        return self.sizes[min(int(share * len(self.sizes)), len(self.sizes) - 1)]

    def richest(self) -> list[tuple[str, float]]:
        """Return assets and values held, the largest first."""
        return sorted(self.held.items(), key=lambda item: -item[1])

    def take(self, time: float, to: str, asset: str, value: float) -> None:
        """Send a value of an asset."""
        amount = value / self.price.get(asset, 1.0)
        shown = value if self.priced else None
        self.transfers.append(Outflow(int(time), to, asset, amount, shown))

    def rate(self) -> float:
        """Return the wallet's usual payments per second over the last week or so."""
        if len(self.past) < 2:
            return 1.0 / DAY_S
        recent = [event for event in self.past if event.time > self.past[-1].time - 7 * DAY_S]
        span = max(self.past[-1].time - recent[0].time, DAY_S)
        return max(len(recent), 1) / span
