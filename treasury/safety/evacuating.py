"""Gather what `policies.evacuation` plans from, for one isolated wallet at the newest look.

The price of gas is asked of the chain; while it does not answer, every evacuation may cost what
the law allows at most, because waiting for a price would cost more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from policies.evacuation import EvacuationFacts, Holding
from policies.fees import TOKEN_GAS, MarketFacts, make_bid
from policies.law import Asset, Law, Pool, Wallet
from policies.lifecycles import IncidentState, TransferState
from policies.terms import Purpose
from treasury.chain.errors import ChainError
from treasury.ledger import Session
from treasury.ledger.facts import Cells, Incident, Transfer
from treasury.ledger.queries import transfers
from treasury.world import World

UNKNOWN_WAITS_S = 120
"""How long the native coin stays for the sake of a balance that cannot be read."""
_RAW_BYTES = 250
_OVER = frozenset({TransferState.CONFIRMED, TransferState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One isolated wallet and what this tick knows of it."""

    wallet: Wallet
    pool: Pool
    incident: Incident
    head: Cells
    final: Cells
    on_the_way: Sequence[Transfer]


def evacuation_facts(world: World, law: Law, case: Case, now: int) -> EvacuationFacts:
    """Return what is left in an isolated wallet, and what moving it costs now."""
    chain = law.chain(case.wallet.chain)
    assert chain is not None, "a wallet of a parsed law has a chain"
    with world.ledger.read() as session:
        holdings = tuple(_holdings(session, law, case))
    price, l1_fee = _price(world, chain.fee_ceiling) if any(h.amount for h in holdings) else (0, 0)
    return EvacuationFacts(
        holdings=holdings,
        price=price,
        l1_fee=l1_fee,
        fee_ceiling=chain.fee_ceiling,
        waits_for_unknown=now - case.incident.opened_at < UNKNOWN_WAITS_S,
        is_contained=case.incident.state is IncidentState.CONTAINED,
    )


def cause_of(case: Case, asset: Asset) -> str:
    """Return the name that every evacuation of an asset in one incident begins with."""
    return f"evacuation:{case.incident.id}:{asset.symbol}"


def _holdings(session: Session, law: Law, case: Case) -> Iterator[Holding]:
    for asset in law.assets:
        if asset.chain != case.wallet.chain:
            continue
        earlier = transfers.by_cause(session, cause_of(case, asset))
        band = case.pool.bands.get(asset.symbol)
        yield Holding(
            asset=asset,
            amount=case.head.balance(case.wallet.address, asset.address),
            cap=None if band is None else band.cap,
            may_go=not earlier or _may_follow(earlier[-1], case),
            is_moving=_is_moving(case, asset),
        )


def _is_moving(case: Case, asset: Asset) -> bool:
    return any(
        t.purpose is Purpose.EVACUATION and t.asset == asset.address for t in case.on_the_way
    )


def _may_follow(last: Transfer, case: Case) -> bool:
    """Say whether a further evacuation makes sense: the last is over, seen, and did not fail.

    One that reverted is tried again only when something else lies there than it asked for: then
    the thief was quicker, and no token forbade it.
    """
    if last.state is TransferState.USURPED:
        return True
    if last.state is TransferState.REVERTED:
        return case.head.balance(case.wallet.address, last.asset) != last.amount
    if last.state not in _OVER:
        return False
    return last.block_number is None or case.head.stamp.number >= last.block_number


def _price(world: World, fee_ceiling: int) -> tuple[int, int]:
    """Return the usual bid in wei per gas, and a rollup's fee beside it."""
    try:
        market, l1_fee = world.chain.fee_market(), world.chain.l1_fee(_RAW_BYTES)
    except ChainError:
        return fee_ceiling // TOKEN_GAS, 0
    facts = MarketFacts(base_fee=market.base_fee, priority_fee=market.priority_fee)
    return make_bid(facts, 1).max_fee_per_gas, l1_fee
