"""Gather what `policies.exposure` needs, from the ledger and the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import ceil

from config.settings import ChainSettings
from policies.exposure import Coming, ExposureFacts
from policies.law import Law
from policies.lifecycles import RefillState, WalletState
from policies.outflow.patience import patient_day
from treasury.ledger import Session
from treasury.ledger.queries import refills, standings, watch
from treasury.payouts.watches import learned_of

_GONE = frozenset({WalletState.ISOLATED, WalletState.RETIRED})


def gather(session: Session, law: Law, chains: Mapping[str, ChainSettings]) -> ExposureFacts:
    """Gather the facts of now; what was never read is unknown."""
    known = standings.wallets(session)
    return ExposureFacts(
        law=law,
        balances=dict(_balances(session, law)),
        active=frozenset(s.name for s in known if s.state is WalletState.ACTIVE),
        gone=frozenset(s.name for s in known if s.state in _GONE),
        coming=tuple(_coming(session, law)),
        endpoints={name: (one.quorum, len(one.endpoints)) for name, one in chains.items()},
    )


def learned_days(session: Session, law: Law) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield, by pool and symbol, the most that learned windows let through in a day."""
    for pool in law.pools:
        watch = learned_of(session, pool.name)
        for asset in law.assets:
            if watch is None or asset.chain != pool.chain:
                continue
            day = patient_day(watch, asset.address)
            if day.to_newcomers is not None and day.to_acquaintances is not None:
                yield (pool.name, asset.symbol), ceil(max(day.to_newcomers, day.to_acquaintances))


def by_law_alone(facts: ExposureFacts) -> ExposureFacts:
    """Return the facts without what lies above the caps: anybody may deposit, nobody adopts a law.

    A figure that is above `max_loss` even so is the fault of the law, not of a deposit.
    """
    return replace(facts, balances=dict(_clipped(facts)))


def _clipped(facts: ExposureFacts) -> Iterator[tuple[tuple[str, str], int | None]]:
    for (name, symbol), balance in facts.balances.items():
        pool = facts.law.pool_of(name)
        band = pool.bands.get(symbol) if pool else None
        is_above = band is not None and balance is not None and balance > band.cap
        yield (name, symbol), band.cap if band is not None and is_above else balance


def _balances(session: Session, law: Law) -> Iterator[tuple[tuple[str, str], int | None]]:
    for chain in law.chains:
        newest = watch.newest(session, chain.chain_id)
        assets = [asset for asset in law.assets if asset.chain == chain.name]
        for wallet in law.wallets:
            if wallet.chain == chain.name:
                for asset in assets:
                    value = newest[1].balance(wallet.address, asset.address) if newest else None
                    yield (wallet.name, asset.symbol), value


def _coming(session: Session, law: Law) -> Iterator[Coming]:
    for chain in law.chains:
        for refill in refills.in_states(session, chain.chain_id, RefillState.RELEASED):
            asset = law.asset_at(chain.chain_id, refill.asset)
            if asset is not None:
                yield Coming(
                    wallet=refill.wallet,
                    symbol=asset.symbol,
                    amount=refill.amount,
                    name=f"refill #{refill.id}",
                )
