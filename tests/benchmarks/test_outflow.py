"""Speed of the judgement of outflow and of the backtest, against a plain loop of the same run.

The unit is what this machine needs for one event of the least a detector could do: parse an
address, look it up, take a logarithm and move a mean. Absolute figures are printed.
"""

from __future__ import annotations

import csv
import gc
import time
from math import log
from pathlib import Path

import pytest

from policies.outflow import Outflow, WalletWatch
from policies.outflow.sensitivity import DEFAULT
from tests.simulation.outflow_wallets import bridge, exchange, gateway, pool
from treasury.backtest.history import read_histories
from treasury.backtest.replay import choose_wallets, replay

ROUNDS = 3
WALLET = "0x" + "ab" * 20
HEADER = (
    "timestamp", "block", "tx_hash", "log_index", "from", "to", "asset", "symbol", "amount", "usd",
)  # fmt: skip

pytestmark = pytest.mark.bench


def _least(events: list[Outflow]) -> float:
    """Return the seconds that the least thinkable detector takes."""
    seen: dict[int, float] = {}
    mean, begin = 0.0, time.process_time()
    for event in events:
        key = int(event.recipient[-16:], 16)
        x = log(event.amount)
        seen[key] = max(seen.get(key, x), x)
        mean += 0.001 * (x - mean)
    return time.process_time() - begin


def _judged(events: list[Outflow]) -> float:
    watch = WalletWatch()
    begin = time.process_time()
    for event in events:
        watch.judge(event)
    return time.process_time() - begin


@pytest.mark.parametrize(("make", "seed"), [(exchange, 2), (bridge, 2), (gateway, 0), (pool, 2)])
def test_judgement_costs_at_most_twenty_times_the_least(make: object, seed: int) -> None:
    """Features, learning and verdicts of a busy wallet: the median is above 100,000 a second.

    Of seventeen thousand events and more: what a day costs is spread over its payments.
    """
    events = make(seed).events[:40_000]  # type: ignore[operator]
    gc.collect()
    least = min(_least(events) for _ in range(ROUNDS))
    judged = min(_judged(events) for _ in range(ROUNDS))
    print(
        f"\n{getattr(make, '__name__', '')}: {len(events) / judged:,.0f} events a second,"
        f" {judged / len(events) * 1e6:.1f} us, {judged / least:.1f} times the least"
    )

    assert judged / least < 20.0


def test_backtest_end_to_end_costs_at_most_thirty_times_the_least(tmp_path: Path) -> None:
    """Reading the file included: above 50,000 events a second."""
    events = exchange(2).events[:40_000]
    path = tmp_path / "history.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            [
                "timestamp",
                "block",
                "tx_hash",
                "log_index",
                "from",
                "to",
                "asset",
                "symbol",
                "amount",
                "usd",
            ]
        )
        for index, event in enumerate(events):
            tx = f"0x{index:064x}"
            rows.writerow(
                [event.time, "", tx, "", WALLET, event.recipient, event.asset, "", event.amount, ""]
            )
    least = min(_least(events) for _ in range(ROUNDS))
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.process_time()
        read = read_histories([path])
        replay(read, choose_wallets(read, []), 0.3, DEFAULT)
        best = min(best, time.process_time() - begin)
    print(f"\nbacktest: {len(events) / best:,.0f} events a second, {best / least:.1f} times least")

    assert best / least < 30.0
