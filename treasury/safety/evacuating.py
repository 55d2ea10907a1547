"""Gather what `policies.evacuation` plans from, for one isolated wallet at the newest look.

The price of gas is asked of the chain; while it does not answer, every evacuation may cost what
the law allows at most, because waiting for a price would cost more. The rest is read in the
caller's session, so that what is queued can be part of the commit that isolates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from policies.evacuation import EvacuationFacts, Holding, Load
from policies.fees import TOKEN_GAS, MarketFacts, make_bid
from policies.law import Asset, Law, Pool, Wallet
from policies.lifecycles import IncidentState, TransferState
from policies.terms import Purpose
from treasury.chain.errors import ChainError
from treasury.ledger import Session
from treasury.ledger.facts import Cells, Incident, Transfer
from treasury.ledger.queries import transfers, watch
from treasury.ledger.tables import TransferRow
from treasury.orders.drafts import Draft, draft_terms, transfer_row
from treasury.world import World

LASTS_S = 86_400
"""How long an evacuation may wait for its first signature."""
UNKNOWN_WAITS_S = 120
"""How long the native coin stays for the sake of a balance that cannot be read."""
_RAW_BYTES = 250
_OVER = frozenset({TransferState.CONFIRMED, TransferState.CANCELLED, TransferState.REVERTED})
_MAY_HAVE_FAILED = frozenset({TransferState.MINED, TransferState.REVERTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One isolated wallet and what this tick knows of it; it looked at `looked_at`, in seconds."""

    wallet: Wallet
    pool: Pool
    incident: Incident
    head: Cells
    final: Cells
    looked_at: int
    on_the_way: Sequence[Transfer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a transaction costs now: the usual bid in wei per gas, and a rollup's fee beside it."""

    per_gas: int
    l1_fee: int = 0


def price_of(world: World, fee_ceiling: int) -> Price:
    """Ask the chain; without an answer say what the law allows at most."""
    try:
        market, l1_fee = world.chain.fee_market(), world.chain.l1_fee(_RAW_BYTES)
    except ChainError:
        return highest_price(fee_ceiling)
    facts = MarketFacts(base_fee=market.base_fee, priority_fee=market.priority_fee)
    return Price(per_gas=make_bid(facts, 1).max_fee_per_gas, l1_fee=l1_fee)


def highest_price(fee_ceiling: int) -> Price:
    """Return the price at which a transfer of a token costs all that the law allows."""
    return Price(per_gas=fee_ceiling // TOKEN_GAS)


def look_into(
    session: Session, law: Law, incident: Incident, *, stale_after_s: float, now: int
) -> Case | None:
    """Gather what is known of an isolated wallet; None without a fresh look at its chain."""
    wallet, pool = law.wallet(incident.wallet), law.pool_of(incident.wallet)
    chain = law.chain(wallet.chain) if wallet else None
    if wallet is None or pool is None or chain is None:
        return None
    newest = watch.newest(session, chain.chain_id)
    if newest is None or now - newest[0].at > stale_after_s:
        return None
    open_ones = transfers.open_ones(session, chain.chain_id)
    return Case(
        wallet=wallet,
        pool=pool,
        incident=incident,
        head=newest[1],
        final=newest[2],
        looked_at=newest[0].at,
        on_the_way=[t for t in open_ones if wallet.address in (t.source, t.destination)],
    )


def evacuation_facts(
    session: Session, law: Law, case: Case, price: Price, now: int
) -> EvacuationFacts:
    """Return what is left in an isolated wallet, and what moving it costs."""
    chain = law.chain(case.wallet.chain)
    assert chain is not None, "a wallet of a parsed law has a chain"
    return EvacuationFacts(
        holdings=tuple(_holdings(session, law, case)),
        price=price.per_gas,
        l1_fee=price.l1_fee,
        fee_ceiling=chain.fee_ceiling,
        waits_for_unknown=now - case.incident.opened_at < UNKNOWN_WAITS_S,
        is_contained=case.incident.state is IncidentState.CONTAINED,
        is_stuck=_is_stuck(case),
    )


def evacuation_row(
    session: Session, law: Law, case: Case, load: Load, *, world: World, now: int
) -> TransferRow:
    """Return the row of one evacuation, to be queued in this session."""
    vault = law.wallet(case.pool.vault)
    assert vault is not None, "a pool of a parsed law has a vault"
    prefix = _cause_of(case, load.asset)
    number = len(transfers.by_cause(session, prefix)) + 1
    draft = Draft(
        purpose=Purpose.EVACUATION,
        asset=load.asset,
        source=case.wallet.address,
        destination=vault.address,
        amount=load.amount,
        lasts_s=LASTS_S,
        max_fee=load.max_fee,
    )
    terms = draft_terms(draft, law, salt=world.draw_salt(), now=now)
    cause = f"{prefix}:{number}"
    return transfer_row(terms, deployment=world.deployment, cause=cause, now=now)


def _cause_of(case: Case, asset: Asset) -> str:
    """Return the name that every evacuation of an asset in one incident begins with."""
    return f"evacuation:{case.incident.id}:{asset.symbol}"


def _holdings(session: Session, law: Law, case: Case) -> Iterator[Holding]:
    for asset in law.assets:
        if asset.chain != case.wallet.chain:
            continue
        earlier = transfers.by_cause(session, _cause_of(case, asset))
        band = case.pool.bands.get(asset.symbol)
        moving = [t for t in case.on_the_way if _moves(t, case, asset)]
        yield Holding(
            asset=asset,
            amount=case.head.balance(case.wallet.address, asset.address),
            cap=None if band is None else band.cap,
            may_go=not earlier or _may_follow(earlier, case),
            is_moving=bool(moving),
            bid=max((_bid_of(session, t) for t in moving), default=0),
        )


def is_spent(transfer: Transfer, head: Cells) -> bool:
    """Say whether the head shows that a transfer in flight will never be waited for any more.

    Its nonce is spent: by itself, and then the balance of the same look says so, or by a thief. To
    wait until that is final would leave him everything that still lies there.
    """
    spent = head.nonces.get(transfer.source)
    if transfer.state is not TransferState.IN_FLIGHT or transfer.nonce is None or spent is None:
        return False
    return transfer.nonce < spent


def _moves(transfer: Transfer, case: Case, asset: Asset) -> bool:
    is_evacuation = transfer.purpose is Purpose.EVACUATION
    return is_evacuation and transfer.asset == asset.address and not _is_seen(transfer, case)


def _bid_of(session: Session, transfer: Transfer) -> int:
    """Return what a transfer may cost by its newest bid, in wei; zero before the first."""
    attempts = transfers.attempts(session, transfer.id)
    if not attempts:
        return 0
    return attempts[-1].gas_limit * attempts[-1].max_fee_per_gas + attempts[-1].l1_fee


def _is_seen(transfer: Transfer, case: Case) -> bool:
    """Say whether the balances of this look know already what became of a transfer."""
    if transfer.state is TransferState.MINED and transfer.block_number is not None:
        return transfer.block_number <= case.head.stamp.number
    return is_spent(transfer, case.head)


def _is_stuck(case: Case) -> bool:
    """Say whether what is on its way waits for a nonce below, which the next evacuation takes."""
    leaving = [t for t in case.on_the_way if t.source == case.wallet.address]
    if any(t.state is TransferState.QUEUED and t.purpose is Purpose.EVACUATION for t in leaving):
        return False
    there = case.head.nonces.get(case.wallet.address)
    if there is None:
        return False
    held = [t for t in leaving if t.nonce is not None and t.nonce >= there]
    if any(t.changed_at >= case.looked_at for t in held):
        return False  # it was signed after that look, perhaps behind a nonce spent since
    return min((t.nonce for t in held if t.nonce is not None), default=there) > there


def _may_follow(earlier: Sequence[Transfer], case: Case) -> bool:
    """Say whether a further evacuation makes sense: the last is over, seen, and did not fail.

    One that reverted, or may have, is tried again only when something else lies there than it asked
    for: then the thief was quicker, and no token forbade it.
    """
    last = earlier[-1]
    present = case.head.balance(case.wallet.address, last.asset)
    if present == last.amount and any(t.state in _MAY_HAVE_FAILED for t in earlier):
        return False
    if last.state is TransferState.USURPED or _is_seen(last, case):
        return True
    if last.state not in _OVER:
        return False
    return last.block_number is None or case.head.stamp.number >= last.block_number
