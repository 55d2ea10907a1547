"""Pools, wallets and the law: who stands where, with how much, against which band."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from policies.law import Asset, Band, Law, Pool, canonical_law
from policies.lifecycles import WalletState
from policies.terms import Address
from treasury.api.answers import Glossary, exactly
from treasury.api.asking import TheOffice
from treasury.api.consent import law_in_force
from treasury.api.errors import ApiError
from treasury.api.lasting import lasting
from treasury.api.office import Office
from treasury.briefing.pace import Pace, measure
from treasury.ledger import Session, facts, queries
from treasury.ledger.facts import Cells
from treasury.ledger.queries.watch import Depth

reading = APIRouter(prefix="/v1", tags=["wallets"])
Json = dict[str, Any]


@reading.get("/law")
def show_law(office: TheOffice) -> Json:
    """Return the law in force as its canonical text; whoever signs digests it again."""
    law = law_in_force(office)
    return {"text": canonical_law(law).decode(), "digest": "0x" + office.law_digest().hex()}


@reading.get("/pools")
def list_pools(office: TheOffice) -> Json:
    """List the pools with the balance of their active wallet against the bands."""
    with office.ledger.read() as session:
        return {"pools": pools(session, law_in_force(office), office.now())}


@reading.get("/wallets")
def list_wallets(office: TheOffice) -> Json:
    """List all wallets with their balances."""
    with office.ledger.read() as session:
        return {"wallets": _wallets(session, office)}


@reading.get("/wallets/{name}")
def show_wallet(office: TheOffice, name: str) -> Json:
    """Show one wallet."""
    with office.ledger.read() as session:
        found = [wallet for wallet in _wallets(session, office) if wallet["name"] == name]
    if not found:
        raise ApiError(404, "not_found", f"there is no wallet {name[:80]!r}: see `wallet list`")
    return found[0]


def pools(session: Session, law: Law, now: int) -> list[Json]:
    """Write every pool with its active wallet's balances and how long they last."""
    chains = [chain.chain_id for chain in law.chains]
    seen = {c: (_cells(session, c), measure(session, law, c, now)) for c in chains}
    found = queries.standings.wallets(session)
    active = {s.pool: s for s in found if s.state is WalletState.ACTIVE}
    return [_pool(pool, law, active.get(pool.name), seen) for pool in law.pools]


def _pool(
    pool: Pool,
    law: Law,
    standing: facts.Standing | None,
    seen: Mapping[int, tuple[Cells | None, Pace]],
) -> Json:
    cells, pace = seen.get(standing.chain_id, (None, Pace())) if standing else (None, Pace())
    return {
        "name": pool.name,
        "chain": pool.chain,
        "vault": pool.vault,
        "members": list(pool.members),
        "active": standing.name if standing else None,
        "active_address": standing.address if standing else None,
        "assets": [
            _asset(asset, band, _balance(cells, standing, asset), standing, pace)
            for symbol, band in pool.bands.items()
            if (asset := law.asset(pool.chain, symbol)) is not None
        ],
    }


def _wallets(session: Session, office: Office) -> list[Json]:
    standings = queries.standings.wallets(session)
    chains = {s.chain_id for s in standings}
    cells = {chain_id: _cells(session, chain_id) for chain_id in chains}
    words, law, now = Glossary(office.law()), office.law(), office.now()
    paces = {c: measure(session, law, c, now) if law else Pace() for c in chains}
    return [_wallet(s, cells[s.chain_id], words, paces[s.chain_id]) for s in standings]


def _wallet(standing: facts.Standing, cells: Cells | None, words: Glossary, pace: Pace) -> Json:
    return {
        "name": standing.name,
        "chain": words.chain(standing.chain_id),
        "chain_id": standing.chain_id,
        "address": standing.address,
        "role": standing.role,
        "pool": standing.pool,
        "state": standing.state.value if standing.state else None,
        "why": standing.why,
        "changed_at": standing.changed_at,
        "frozen": standing.frozen,
        "frozen_why": standing.frozen_why,
        "frozen_at": standing.frozen_at,
        "hold_since_block": standing.hold_since,
        "hold_why": standing.hold_why,
        "nonce": cells.nonces.get(standing.address) if cells else None,
        "block": cells.stamp.number if cells else None,
        "assets": _assets(standing, cells, words.law, pace),
    }


def _assets(
    standing: facts.Standing, cells: Cells | None, law: Law | None, pace: Pace
) -> list[Json]:
    chain = law.chain_by_id(standing.chain_id) if law else None
    if law is None or chain is None:
        return []
    pool = law.pool_of(standing.name)
    bands: Mapping[str, Band] = pool.bands if pool else {}
    return [
        _asset(asset, bands.get(asset.symbol), _balance(cells, standing, asset), standing, pace)
        for asset in law.assets
        if asset.chain == chain.name
    ]


def _asset(
    asset: Asset,
    band: Band | None,
    balance: int | None,
    standing: facts.Standing | None,
    pace: Pace,
) -> Json:
    address = standing.address if standing and standing.state else None
    return {
        **_against_band(asset, band, balance),
        **lasting(pace, address, asset, band, balance=balance),
    }


def _against_band(asset: Asset, band: Band | None, balance: int | None) -> Json:
    def written(amount: int | None) -> str:
        return "unknown" if amount is None else exactly(amount, asset)

    document: Json = {
        "asset": asset.symbol,
        "asset_address": asset.address,
        "decimals": asset.decimals,
        "balance": None if balance is None else str(balance),
        "balance_text": written(balance),
        "standing": _standing(band, balance),
    }
    if band is not None:
        for name, amount in (("floor", band.floor), ("target", band.target), ("cap", band.cap)):
            document[name] = str(amount)
            document[f"{name}_text"] = written(amount)
    return document


def _standing(band: Band | None, balance: int | None) -> str:
    if balance is None:
        return "unknown"
    if band is None:
        return "no band"
    if balance < band.floor:
        return "below floor"
    return "above cap" if balance > band.cap else "in band"


def _cells(session: Session, chain_id: int) -> Cells | None:
    tick = queries.watch.last_good_tick(session, chain_id)
    if tick is None or tick.head is None:
        return None
    return queries.watch.cells(session, chain_id, Depth.HEAD, tick.head)


def _balance(cells: Cells | None, standing: facts.Standing | None, asset: Asset) -> int | None:
    if cells is None or standing is None:
        return None
    return cells.balance(Address(standing.address), asset.address)
