"""Thefts in the published proportions of real ones, and insiders of other habits.

Amounts are shares of what the simulated wallet holds, in the order and at the pace that reports
give (block times, counts, sums).  Hardly anything was tuned on them.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.outflow_maker import HOUR_S
from tests.simulation.outflow_thief import Thief


def operator_key(thief: Thief) -> None:
    """One transfer of nearly all of the richest asset, the rest of it after minutes (HECO)."""
    to = thief.addresses(1)[0]
    asset, value = thief.richest()[0]
    thief.take(thief.start, to, asset, value * 0.9)
    thief.take(thief.start + 420, to, asset, value * 0.09)


def two_withdrawals(thief: Thief) -> None:
    """The two richest assets whole, a few blocks apart (Ronin)."""
    to = thief.addresses(1)[0]
    for step, (asset, value) in enumerate(thief.richest()[:2]):
        thief.take(thief.start + 60 * step, to, asset, value)


def one_transfer(thief: Thief) -> None:
    """Everything of one asset in one transfer (DMM)."""
    asset, value = thief.richest()[0]
    thief.take(thief.start, thief.addresses(1)[0], asset, value * 0.95)


def stake_2023(thief: Thief) -> None:
    """3.9 of stable, twice 9.8 of native coin, 1.1, 0.9, then down to crumbs over 40 minutes."""
    to = thief.addresses(1)[0]
    (first, most), *rest = thief.richest()
    thief.take(thief.start, to, first, most)
    second = rest[0] if rest else (first, 0.0)
    thief.take(thief.start + 300, to, second[0], second[1] / 2)
    thief.take(thief.start + 420, to, second[0], second[1] / 2)
    for step, (asset, value) in enumerate(rest[1:]):
        thief.take(thief.start + 700 + 170 * step, to, asset, value)


def phemex_2025(thief: Thief) -> None:
    """Descending value over two hours, one collector, the last transfers hardly worth their gas."""
    to = thief.addresses(1)[0]
    assets = thief.richest()[:100]
    for step, (asset, value) in enumerate(assets):
        thief.take(thief.start + step * 2 * HOUR_S / len(assets), to, asset, value)


def long_tail_at_random(thief: Thief) -> None:
    """Hundreds of tokens in no order within an hour and a half, two collectors (BingX, BitMart)."""
    to = thief.addresses(2)
    assets = thief.richest()
    thief.dice.shuffle(assets)
    for step, (asset, value) in enumerate(assets):
        thief.take(thief.start + step * 5_400 / len(assets), to[step % 2], asset, value)


def ladder_2025(thief: Thief) -> None:
    """A single unit, twenty minutes, then 2, 7, 10, 10, 10 and the rest of 44 (CoinDCX)."""
    to = thief.addresses(1)[0]
    asset, value = thief.richest()[0]
    thief.take(thief.start, to, asset, value / 44e6 if value > 44e6 else value * 1e-6)
    for step, part in enumerate((2, 7, 10, 10, 10, 5)):
        thief.take(thief.start + 1_200 + 45 * step, to, asset, value * part / 44)


def hours_after_notice(thief: Thief) -> None:
    """Large transfers now and then for seven hours, the thief comes back for more (Liquid)."""
    to = thief.addresses(2)
    assets = thief.richest()[:12]
    for step in range(14):
        asset, value = assets[step % len(assets)]
        thief.take(thief.start + step * 1_800, to[step % 2], asset, value * 0.45)


def pulses(thief: Thief) -> None:
    """Payouts of normal size in pulses of a quarter of an hour, ten times the rate, all day."""
    to = thief.addresses(6)
    gap = 1.0 / (thief.rate() * 20)
    time, step = float(thief.start), 0
    while time < thief.start + 24 * HOUR_S and step < 800:
        if (time - thief.start) % HOUR_S > HOUR_S / 4:
            time += HOUR_S - (time - thief.start) % HOUR_S
        event = thief.dice.choice(thief.past)
        value = min(event.amount * thief.price[event.asset], thief.quantile(0.97))
        thief.take(time, to[step % 6], event.asset, value)
        time, step = time + thief.dice.expovariate(1 / gap), step + 1


def equal_parts(thief: Thief) -> None:
    """All of one asset in equal parts to fresh addresses, one a minute."""
    asset, value = thief.richest()[0]
    count = thief.dice.randint(12, 60)
    for step, to in enumerate(thief.addresses(count)):
        thief.take(thief.start + 60 * step, to, asset, value / count)


def gentle_ladder(thief: Thief) -> None:
    """From a median payment up by half each time, to one address, every few minutes."""
    to = thief.addresses(1)[0]
    asset, held = thief.richest()[0]
    time, part = float(thief.start), thief.quantile(0.5)
    while held > 0 and part < 1e15:
        thief.take(time, to, asset, min(part, held))
        time, held, part = time + thief.dice.uniform(100, 500), held - part, part * 1.5


def hourly_drip(thief: Thief) -> None:
    """The same ordinary sum every hour for two days, always to the same stranger."""
    to = thief.addresses(1)[0]
    asset, held = thief.richest()[0]
    each = min(thief.quantile(0.8), held / 48)
    for hour in range(48):
        thief.take(thief.start + hour * HOUR_S, to, asset, each)


def busy_insider(thief: Thief) -> None:
    """Four times the usual rate at usual sizes, every payment to somebody new, for a day."""
    time, limit = float(thief.start), sum(thief.held.values()) * 0.8
    gap = 1.0 / (thief.rate() * 4)
    for to in thief.addresses(1_200):
        event = thief.dice.choice(thief.past)
        value = min(event.amount * thief.price[event.asset], thief.quantile(0.99))
        thief.take(time, to, event.asset, value)
        time, limit = time + thief.dice.expovariate(1 / gap), limit - value
        if limit < 0 or time > thief.start + 24 * HOUR_S:
            break


PUBLISHED: dict[str, Callable[[Thief], None]] = {
    "operator_key": operator_key,
    "two_withdrawals": two_withdrawals,
    "one_transfer": one_transfer,
    "stake_2023": stake_2023,
    "phemex_2025": phemex_2025,
    "long_tail_at_random": long_tail_at_random,
    "ladder_2025": ladder_2025,
    "hours_after_notice": hours_after_notice,
}
HABITS: dict[str, Callable[[Thief], None]] = {
    "pulses": pulses,
    "equal_parts": equal_parts,
    "gentle_ladder": gentle_ladder,
    "hourly_drip": hourly_drip,
    "busy_insider": busy_insider,
}
