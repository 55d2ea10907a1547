"""What leaves an isolated wallet next, in which order, and what each transfer may cost.

Tokens go before the native coin, which pays for them, and the most valuable first; the coin
follows on the nonce behind them, less what they may cost, because a thief takes what waits for
another block. No price is needed: an amount counts by its share of the pool's cap, which treasurers
chose by value. A balance that is not known holds the native coin back for a while, because a token
that was only not read would then lie there without gas.

Every transfer has a fee ceiling of its own, many times the market and never above the law's, so
that it can outbid a thief; for the native coin that is a small share of what it saves, and what is
left of it goes in the next round. Amounts and fees are base units.

Where a reorganisation took a thief's transaction back, nobody holds its nonce any more and nothing
after it can be mined: then one base unit goes home on that nonce.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from policies.fees import gas_limit_for
from policies.law import Asset

AT_ONCE = 16
"""Nodes keep so many transactions of one sender at least; a thief leaves no time for turns."""
FEE_ROOM = 16
"""How many times the market's price an evacuation may bid at last."""
FIRST_BID = 3
"""How many times the market's price it bids at first."""
SAVED_SHARE = 200
"""The native coin keeps a two-hundredth of what it saves for its own fee, if that is more."""
_RANK = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One asset of an isolated wallet; `amount` None is unknown, `cap` None has no band.

    `may_go`: no evacuation of it is open, and its last one did not revert. `is_moving`: one is
    open, and may cost `bid` wei by what it bids now, zero while it bids nothing.
    """

    asset: Asset
    amount: int | None
    cap: int | None
    may_go: bool
    is_moving: bool
    bid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EvacuationFacts:
    """An isolated wallet: `price` is wei per gas for the next block, `fee_ceiling` the law's.

    `waits_for_unknown`: it is early enough to wait for balances that could not be read.
    `is_contained`: only what the law's fee ceiling does not cover is worth another transfer.
    `is_stuck`: everything on its way waits for a nonce that no transfer of ours holds.
    """

    holdings: Sequence[Holding]
    price: int
    l1_fee: int
    fee_ceiling: int
    waits_for_unknown: bool
    is_contained: bool = False
    is_stuck: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One transfer to queue: how much of what, and the most that its fees may be in wei."""

    asset: Asset
    amount: int
    max_fee: int


def plan_evacuation(facts: EvacuationFacts) -> tuple[Load, ...]:
    """Return the transfers to queue now, in the order in which they should be signed."""
    native = next((h for h in facts.holdings if h.asset.is_native), None)
    tokens = [h for h in facts.holdings if not h.asset.is_native]
    waiting = sorted((h for h in tokens if h.may_go and h.amount), key=_rank, reverse=True)
    coins = 0 if native is None or native.amount is None else native.amount
    loads = tuple(_affordable(waiting, coins, facts))
    if facts.is_stuck:
        return loads or tuple(_filler(native, coins, facts))
    is_blind = facts.waits_for_unknown and any(h.amount is None for h in tokens)
    if is_blind or len(loads) < len(waiting):
        return loads
    kept = sum(load.max_fee for load in loads)
    kept += sum(fee_of(h.asset, facts) for h in tokens if h.is_moving)
    return (*loads, *_native(native, coins - kept, facts))


def gas_for_all(facts: EvacuationFacts) -> int:
    """Return the wei that moves every token that can go, at its bid, or else the first one.

    What is on its way counts until it has arrived: a thief may have taken the coins meanwhile.
    """
    return sum(
        h.bid or _first_cost(h.asset, facts)
        for h in facts.holdings
        if not h.asset.is_native and (h.may_go or h.is_moving) and h.amount
    )


def fee_of(asset: Asset, facts: EvacuationFacts) -> int:
    """Return the fee ceiling of one evacuation of an asset, in wei."""
    most = FEE_ROOM * gas_limit_for(asset) * facts.price + facts.l1_fee
    return min(most, facts.fee_ceiling)


def _rank(holding: Holding) -> tuple[int, str]:
    share = (holding.amount or 0) * _RANK // holding.cap if holding.cap else 0
    return share, holding.asset.symbol


def _affordable(waiting: Sequence[Holding], coins: int, facts: EvacuationFacts) -> Iterator[Load]:
    """Yield the tokens that the native coin can pay for, the most valuable first."""
    for holding in waiting:
        cost = _first_cost(holding.asset, facts)
        if cost > coins:
            return
        coins -= cost
        assert holding.amount is not None, "only known balances wait"
        fee = fee_of(holding.asset, facts)
        yield Load(asset=holding.asset, amount=holding.amount, max_fee=fee)


def _native(native: Holding | None, coins: int, facts: EvacuationFacts) -> Iterator[Load]:
    if native is None or not native.may_go:
        return
    fee = min(max(fee_of(native.asset, facts), coins // SAVED_SHARE), facts.fee_ceiling)
    least = facts.fee_ceiling if facts.is_contained else 2 * fee
    if coins > max(least, fee):
        yield Load(asset=native.asset, amount=coins - fee, max_fee=fee)


def _filler(native: Holding | None, coins: int, facts: EvacuationFacts) -> Iterator[Load]:
    """Yield the least that spends a nonce; it leaves the coin to those that wait behind it."""
    if native is None:
        return
    fee = fee_of(native.asset, facts)
    if coins > fee:
        yield Load(asset=native.asset, amount=1, max_fee=fee)


def _first_cost(asset: Asset, facts: EvacuationFacts) -> int:
    return min(FIRST_BID * gas_limit_for(asset) * facts.price + facts.l1_fee, facts.fee_ceiling)
