"""Assess: turn balances outside their band into proposed refills, sweeps and gas top-ups.

Facts are those at the head, as projected by what is on its way. A refill is only proposed; a
sweep and a top-up are queued at once, because they need nobody. Twins are stopped by indexes: one
open refill per wallet and asset, one transfer per cause. Nothing is proposed for a wallet that may
lack money behind a transfer which has just arrived: a theft looks exactly like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from policies import bands
from policies.consent import terms_to_json
from policies.law import Asset, Band, Law, Pool, TopUpRule, Wallet
from policies.lifecycles import Owner, RefillState, WalletState
from policies.terms import NATIVE, Address, Purpose, Reason
from treasury.briefing.bands import View, band_facts, head_view, is_at_rest, moving
from treasury.briefing.scenes import hidden_drops
from treasury.clock import unix
from treasury.errors import TwinError
from treasury.ledger import Session, moves
from treasury.ledger.facts import Refill, Transfer
from treasury.ledger.tables import RefillRow
from treasury.orders.drafts import Draft, draft_terms, order_id_of, transfer_row
from treasury.world import NO_LAW, Deeds, Outcome, World, law_of

_NAME = "assess"
SWEEP_LASTS_S = 3600
"""How long a sweep or a top-up may wait for its first signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """One wallet and asset of a pool, with its band."""

    pool: Pool
    wallet: Wallet
    asset: Asset
    band: Band
    cell: tuple[Address, Address]


_Bounds = tuple[tuple[Address, Address], int, int, _Place]
"""A place's cell, floor and cap, and the place: unpacked in one step, thousands of times a tick."""


def assess(world: World, now: datetime) -> Outcome:
    """Judge every wallet and asset of the chain once."""
    deeds = Deeds(_NAME)
    with world.ledger.read() as session:
        found = law_of(session, world.chain_id)
        view = None if found is None else _view(session, world, found[0], unix(now))
    if found is None:
        return Outcome(station=_NAME, unavailable=NO_LAW)
    law, chain = found
    if view is None:
        return deeds.broken_off("the chain was never seen")
    for place in _restless(view, _places(law, chain.name)):
        if not is_at_rest(view, place.cell, place.band, place.pool.name):
            view = _judge(world, view, place, deeds)
    rule = law.top_up(chain.name)
    if rule is not None:
        _top_up_all(world, view, rule, deeds)
    return deeds.outcome()


@lru_cache(maxsize=8)
def _places(law: Law, chain_name: str) -> tuple[_Bounds, ...]:
    """Return every wallet and asset of a chain that has a band; a law never changes."""
    found = []
    for pool in law.pools:
        wallets = [w for name in pool.members if (w := law.wallet(name)) is not None]
        for symbol, band in pool.bands.items():
            asset = law.asset(pool.chain, symbol)
            if pool.chain != chain_name or asset is None:
                continue
            for wallet in wallets:
                cell = (wallet.address, asset.address)
                place = _Place(pool=pool, wallet=wallet, asset=asset, band=band, cell=cell)
                found.append((cell, band.floor, band.cap, place))
    return tuple(found)


def _restless(view: View, places: Sequence[_Bounds]) -> list[_Place]:
    """Leave out what is plainly within its band: nearly all, and this is asked at every tick."""
    amount_of, others = view.cells.balances.get, moving(view)
    return [
        place
        for cell, floor, cap, place in places
        if (amount := amount_of(cell)) is not None
        and (not floor <= amount <= cap or cell in others)
    ]


def _view(session: Session, world: World, law: Law, now: int) -> View | None:
    pace = world.pace.at(session, law, world.chain_id, now)
    return head_view(session, law, world.settings, chain_id=world.chain_id, now=now, pace=pace)


def _judge(world: World, view: View, place: _Place, deeds: Deeds) -> View:
    """Do what the band asks for; return the view in which it is counted."""
    facts = band_facts(view, place.pool, place.wallet, place.asset)
    verdict = None if facts is None else bands.assess(facts, place.band)
    try:
        if isinstance(verdict, bands.Refill) and not _hides_drop(world, view, place):
            # What is asked for counts against the vault when the next wallet is judged.
            view.count_refill(_propose(world, view, place, verdict))
            deeds.add(f"proposed a refill of {place.wallet.name} in {place.asset.symbol}")
        elif isinstance(verdict, bands.Sweep):
            view.count_transfer(_sweep(world, view, place, verdict))
            deeds.add(f"queued a sweep of {place.wallet.name} in {place.asset.symbol}")
    except TwinError:
        # Another lane or a person was quicker; the index kept the peace.
        deeds.add(f"left {place.wallet.name} in {place.asset.symbol} to its open refill")
        with world.ledger.read() as session:
            return _view(session, world, view.law, view.now) or view
    return view


def _hides_drop(world: World, view: View, place: _Place) -> bool:
    with world.ledger.read() as session:
        return bool(hidden_drops(session, view.law, world.chain_id, view.now, place.wallet))


def _propose(world: World, view: View, place: _Place, verdict: bands.Refill) -> Refill:
    vault = view.law.wallet(place.pool.vault)
    assert vault is not None, "a pool of a parsed law has a vault"
    draft = Draft(
        purpose=Purpose.REFILL,
        asset=place.asset,
        source=vault.address,
        destination=place.wallet.address,
        amount=verdict.amount,
        lasts_s=place.pool.refills[place.asset.symbol].expiry_s,
    )
    terms = draft_terms(draft, view.law, salt=world.draw_salt(), now=view.now)
    row = RefillRow(
        order_id=order_id_of(terms, world.deployment),
        chain_id=terms.chain_id,
        pool=place.pool.name,
        wallet=place.wallet.name,
        asset=terms.asset,
        amount=terms.amount,
        max_fee=terms.max_fee,
        state=RefillState.PROPOSED.value,
        terms=terms_to_json(terms),
        maker=terms.maker,
        proposed_at=terms.proposed_at,
        expires_at=terms.expires_at,
        changed_at=view.now,
        counted=[],
        reasons=[],
    )
    with world.ledger.write() as session:
        return moves.create(
            session, Refill, row, actor=Owner.ASSESS, why=verdict.reasons, now=view.now
        )


def _sweep(world: World, view: View, place: _Place, verdict: bands.Sweep) -> Transfer:
    vault = view.law.wallet(place.pool.vault)
    assert vault is not None, "a pool of a parsed law has a vault"
    draft = Draft(
        purpose=Purpose.SWEEP,
        asset=place.asset,
        source=place.wallet.address,
        destination=vault.address,
        amount=verdict.amount,
        lasts_s=SWEEP_LASTS_S,
    )
    cause = f"sweep:{place.wallet.name}:{place.asset.symbol}:tick-{view.tick.id}"
    return _queue(world, view, draft, cause=cause, why=verdict.reasons)


def _top_up_all(world: World, view: View, rule: TopUpRule, deeds: Deeds) -> None:
    """Give gas to wallets that must move tokens and lack it; no people are asked."""
    sponsor, native = view.law.wallet(rule.sponsor), _native(view.law, rule.chain)
    if sponsor is None or native is None:
        return
    for pool in view.law.pools:
        members = pool.members if pool.chain == rule.chain else ()
        for wallet in filter(None, map(view.law.wallet, members)):
            amount = _gas_missing(view, pool, wallet, rule)
            if not amount or (
                native.symbol in pool.bands and not _holds_tokens(view, pool, wallet)
            ):
                continue  # it has gas, or its refills bring gas too
            if _top_up(world, view, native, (sponsor, wallet), amount):
                deeds.add(f"queued a top-up of {wallet.name}")


def _holds_tokens(view: View, pool: Pool, wallet: Wallet) -> bool:
    """Say whether a wallet has tokens of its pool's, which nobody could send home without gas."""
    found = (view.law.asset(pool.chain, symbol) for symbol in pool.bands)
    tokens = [asset for asset in found if asset is not None and not asset.is_native]
    return any(view.seen(wallet.address, asset.address) for asset in tokens)


def _gas_missing(view: View, pool: Pool, wallet: Wallet, rule: TopUpRule) -> int:
    """Return what brings a wallet to twice its gas reserve once it is below it, within limits."""
    standing = view.standing(wallet.name)
    if standing is None or not standing.is_calm or not view.is_fresh():
        return 0
    if standing.state not in (WalletState.ACTIVE, WalletState.STANDBY):
        return 0
    left = view.left(wallet.address, NATIVE)
    if left is None:
        return 0
    projected = left + view.way.into(wallet.address, NATIVE)
    if projected >= pool.gas_reserve:
        return 0
    return min(2 * pool.gas_reserve - projected, rule.ceiling)


def _top_up(
    world: World, view: View, native: Asset, ends: tuple[Wallet, Wallet], amount: int
) -> bool:
    sponsor, wallet = ends
    standing, left = view.standing(sponsor.name), view.left(sponsor.address, NATIVE)
    if standing is None or not standing.is_calm or left is None or left < amount:
        return False
    draft = Draft(
        purpose=Purpose.TOP_UP,
        asset=native,
        source=sponsor.address,
        destination=wallet.address,
        amount=amount,
        lasts_s=SWEEP_LASTS_S,
    )
    why = (Reason(code="below_gas_reserve", text=f"{wallet.name} lacks gas to move tokens"),)
    cause = f"top_up:{wallet.name}:tick-{view.tick.id}"
    view.count_transfer(_queue(world, view, draft, cause=cause, why=why))
    return True


def _queue(
    world: World, view: View, draft: Draft, *, cause: str, why: tuple[Reason, ...]
) -> Transfer:
    terms = draft_terms(draft, view.law, salt=world.draw_salt(), now=view.now)
    row = transfer_row(terms, deployment=world.deployment, cause=cause, now=view.now)
    with world.ledger.write() as session:
        return moves.create(session, Transfer, row, actor=Owner.ASSESS, why=why, now=view.now)


def _native(law: Law, chain_name: str) -> Asset | None:
    return next((a for a in law.assets if a.chain == chain_name and a.is_native), None)
