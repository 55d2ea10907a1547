"""Do what the answer to a theft rests on, before its commit.

The signer activates the successors and tells which orders its book has, the node tells the price
of gas. Nothing here may hold up the isolation: a signer or a node that does not answer leaves its
part empty, and the stations that do it anyway do it later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hsm.errors import HsmError
from hsm.wire.answers import Okay
from policies.law import Law, Pool, Wallet
from policies.lifecycles import TransferState, WalletState
from policies.succession import Candidate, choose_successor
from policies.terms import Address, Purpose
from treasury.ledger import Session
from treasury.ledger.facts import Standing, Transfer
from treasury.ledger.journal import Place
from treasury.ledger.queries import standings, transfers
from treasury.orders.signing import place_of
from treasury.safety.evacuating import Price, highest_price, price_of
from treasury.world import World

_MOST_PAGES = 20
_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What was learned outside of the transaction; without any of it the rest still holds.

    `successors` were activated by the signer; `signed` are the orders (0x-hex) that its book has
    beyond ours, None when nobody could tell; `prices` are those of the chains by their names;
    `book` is the newest place of the book that was heard of.
    """

    successors: Sequence[str] = ()
    book: Place | None = None
    signed: frozenset[str] | None = None
    prices: Mapping[str, Price] = field(default_factory=dict)
    world: World | None = None


def prepare(world: World, law: Law, fallen: Sequence[Wallet]) -> Prepared:
    """Do what the commit rests on: successors, the book's newest orders, the price of gas.

    Asks for nothing that could hold up the isolation: a signer or a node that does not answer
    leaves its part empty.
    """
    chain = law.chain_by_id(world.chain_id)
    assert chain is not None, "a lane runs for chains of the law only"
    prices = {c.name: highest_price(c.fee_ceiling) for c in law.chains}
    activated = dict(_activated(world, law, fallen))
    return Prepared(
        successors=tuple(activated),
        book=max(activated.values(), key=lambda place: place.seq, default=None),
        signed=_orders_in_book(world, law, fallen),
        prices={**prices, chain.name: price_of(world, chain.fee_ceiling)},
        world=world,
    )


def successor_for(session: Session, law: Law, pool: Pool, fallen: Collection[str]) -> Wallet | None:
    """Return the fittest standby of a pool that has lost its active wallet; None when it has one.

    `fallen` are wallets that count as isolated whatever the ledger says of them yet.
    """
    active = standings.active_of(session, pool.name)
    if active is not None and active.name not in fallen:
        return None
    members = [(law.wallet(name), standings.wallet(session, name)) for name in pool.members]
    candidates = [_candidate(w, s, fallen) for w, s in members if w is not None and s is not None]
    lost = [c.wallet for c in candidates if c.state is WalletState.ISOLATED]
    if not lost:
        return None
    first = next((wallet for wallet in lost if wallet.name in fallen), lost[0])
    return choose_successor(first, candidates).successor


def _candidate(wallet: Wallet, standing: Standing, fallen: Collection[str]) -> Candidate:
    state = WalletState.ISOLATED if wallet.name in fallen else standing.state
    return Candidate(
        wallet=wallet,
        state=state or WalletState.STANDBY,
        is_healthy=standing.is_calm,
        balance=None,
    )


def _activated(world: World, law: Law, fallen: Sequence[Wallet]) -> Iterator[tuple[str, Place]]:
    """Have the signer activate a successor for every pool that loses its active wallet."""
    names = {wallet.name for wallet in fallen}
    pools = {pool.name: pool for w in fallen if (pool := law.pool_of(w.name)) is not None}
    with world.ledger.read() as session:
        found = [successor_for(session, law, pool, names) for pool in pools.values()]
    for successor in found:
        if successor is None:
            continue
        try:
            answer = world.signer.activate(successor.name)
        except HsmError:
            return  # `respond` asks again at every tick
        if isinstance(answer, Okay):
            yield successor.name, place_of(answer.book)


def _orders_in_book(world: World, law: Law, fallen: Sequence[Wallet]) -> frozenset[str] | None:
    """Return the orders that the book has beyond what `adopt` took over; None: nobody can tell."""
    with world.ledger.read() as session:
        chains = {law.chain(wallet.chain) for wallet in fallen}
        queued = [t for c in chains if c for t in _queued(session, c.chain_id, fallen)]
        seen = [standings.remembered(session, f"adopted_seq:{c.chain_id}") for c in chains if c]
    found: set[str] = set()
    if not queued:
        return frozenset()
    seq = min(int(one or "0") for one in seen)
    try:
        for _ in range(_MOST_PAGES):
            page = world.signer.orders_since(seq, _PAGE)
            found.update("0x" + record.order_id.hex() for record in page.orders)
            if not page.more:
                return frozenset(found)
            seq = max(record.seq for record in page.orders)
    except HsmError:
        return None
    return None


def _queued(session: Session, chain_id: int, fallen: Sequence[Wallet]) -> list[Transfer]:
    ends = {wallet.address for wallet in fallen}
    queued = transfers.in_states(session, chain_id, TransferState.QUEUED)
    return [transfer for transfer in queued if is_stopped(transfer, ends)]


def is_stopped(transfer: Transfer, ends: Collection[Address]) -> bool:
    """Say whether a transfer may not go on; gas still reaches an isolated wallet."""
    if transfer.purpose is Purpose.EVACUATION:
        return False
    is_gas = transfer.purpose is Purpose.TOP_UP
    return transfer.source in ends or (transfer.destination in ends and not is_gas)
