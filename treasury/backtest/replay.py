"""Judge a past event by event, each by what came before it, as the daemon would have done."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat

from policies.outflow.event import Outflow
from policies.outflow.sensitivity import Sensitivity
from policies.outflow.verdict import Judgement
from policies.outflow.watch import WalletWatch
from treasury.backtest.errors import BacktestError
from treasury.backtest.history import Row
from treasury.backtest.holdings import Holdings

_UNKNOWN: Iterable[None] = repeat(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What the history says about one wallet."""

    events: int
    first: int
    last: int
    warm_until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A judgement above calm, with the transfer that it is about."""

    row: Row
    judgement: Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a replay."""

    spans: dict[str, Span]
    rows: list[Row]
    spoken: list[Spoken]
    judged_s: float
    """Seconds of this machine that the judgement alone took."""


def choose_wallets(rows: list[Row], wanted: list[str]) -> set[str]:
    """Return the senders to judge.

    Without a list: the one address that takes part in every row (an export of one wallet has
    its deposits too), else every sender.  Raises `BacktestError` for a wallet without outflow.
    """
    senders = {row.sender for row in rows}
    if wanted:
        chosen = {address.lower() for address in wanted}
        for address in sorted(chosen - senders):
            raise BacktestError(f"--wallet {address}: no transfer from it in the history")
        return chosen
    owners = {rows[0].sender, rows[0].recipient}
    for row in rows:
        owners &= {row.sender, row.recipient}
        if not owners:
            return senders
    owned = owners & senders
    busiest = Counter(row.sender for row in rows)
    return {max(owned, key=lambda address: busiest[address])} if owned else senders


def replay(rows: list[Row], wallets: set[str], warm_up: float, sensitivity: Sensitivity) -> Outcome:
    """Judge every outflow of the wallets; what falls into the warm-up is learned in silence.

    Deposits in the history tell balances. What a wallet sends to itself moves nothing.
    """
    chosen = [row for row in rows if row.sender in wallets]
    balances = _balances(rows, wallets)
    spans = _spans(chosen, warm_up)
    # Nothing is said of less, and a history may name thousands who once sent a deposit.
    judged = {name for name, span in spans.items() if span.events >= sensitivity.events_min}
    watches = {wallet: WalletWatch(sensitivity) for wallet in spans if wallet in judged}
    warm = {wallet: span.warm_until for wallet, span in spans.items()}
    spoken = []
    begin = time.perf_counter()
    for row, balance in zip(chosen, balances, strict=balances is not _UNKNOWN):
        when, _, sender, recipient, asset, amount, value = row
        if sender not in judged or sender == recipient:
            continue
        judgement = watches[sender].judge(Outflow(when, recipient, asset, amount, value, balance))
        if judgement.verdict and when >= warm[sender]:
            spoken.append(Spoken(row=row, judgement=judgement))
    judged_s = time.perf_counter() - begin
    return Outcome(spans=spans, rows=chosen, spoken=spoken, judged_s=judged_s)


def _balances(rows: list[Row], wallets: set[str]) -> Iterable[float | None]:
    """Return what is known of the balance before each outflow; nothing without deposits."""
    if not any(row.recipient in wallets for row in rows):
        return _UNKNOWN
    holdings = Holdings()
    before: list[float | None] = []
    for row in rows:
        is_ours = row.sender in wallets
        if row.sender == row.recipient:
            before += [None] * is_ours
            continue
        if row.recipient in wallets:
            holdings.receive(row.recipient, row.asset, row.amount)
        if is_ours:
            before.append(holdings.spend(row.sender, row.asset, row.amount))
    return before


def _spans(rows: list[Row], warm_up: float) -> dict[str, Span]:
    counts = Counter(row.sender for row in rows)
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for row in rows:
        first.setdefault(row.sender, row.time)
        last[row.sender] = row.time
    return {
        wallet: Span(
            events=counts[wallet],
            first=first[wallet],
            last=last[wallet],
            warm_until=first[wallet] + int(warm_up * (last[wallet] - first[wallet])),
        )
        for wallet in first
    }
