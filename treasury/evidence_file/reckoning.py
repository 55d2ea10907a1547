"""Reconcile: what each wallet had at first and has now, and what our own transfers explain of it.

Both values are final. `other` is what is left: deposits of strangers when above zero, a loss that
nothing of ours explains when below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from policies.law import Asset, Law, Wallet
from policies.lifecycles import TransferState
from policies.terms import NATIVE
from treasury.ledger import Session
from treasury.ledger.facts import Cells, Transfer
from treasury.ledger.queries import everything, watch
from treasury.ledger.queries.everything import FirstSight

_SPENT = frozenset({TransferState.CONFIRMED, TransferState.REVERTED, TransferState.CANCELLED})


def reckon(
    session: Session, laws: Sequence[Law], moved: Sequence[Transfer]
) -> Iterator[dict[str, Any]]:
    """Yield one line for every wallet and asset of the law in force, which is the last one."""
    if not laws:
        return
    law = laws[-1]
    first = {(s.chain_id, s.address, s.cell): s for s in everything.first_sights(session)}
    for chain in law.chains:
        newest = watch.newest(session, chain.chain_id)
        if newest is None:
            continue
        ours = [t for t in moved if t.chain_id == chain.chain_id]
        for wallet, asset in _places(law, chain.name):
            begun = first.get((chain.chain_id, wallet.address, asset.address))
            if begun is not None:
                yield _line(wallet, asset, begun, newest[2], ours)


def _places(law: Law, chain: str) -> Iterator[tuple[Wallet, Asset]]:
    wallets = [wallet for wallet in law.wallets if wallet.chain == chain]
    assets = [asset for asset in law.assets if asset.chain == chain]
    yield from ((wallet, asset) for wallet in wallets for asset in assets)


def _line(
    wallet: Wallet, asset: Asset, begun: FirstSight, final: Cells, ours: Sequence[Transfer]
) -> dict[str, Any]:
    last, now = final.stamp.number, final.balance(wallet.address, asset.address)
    between = [
        t
        for t in ours
        if t.state in _SPENT and t.block_number is not None
        if begun.block_number < t.block_number <= last
    ]
    done = [t for t in between if t.state is TransferState.CONFIRMED and t.asset == asset.address]
    came = sum(_or(t.moved_in, t.amount) for t in done if t.destination == wallet.address)
    went = sum(_or(t.moved_out, t.amount) for t in done if t.source == wallet.address)
    paid = [t.settled_fee or 0 for t in between if t.source == wallet.address]
    fees = sum(paid) if asset.address == NATIVE else 0
    other = None if now is None else now - begun.value - came + went + fees
    return {
        "wallet": wallet.name,
        "chain_id": str(begun.chain_id),
        "asset": asset.address,
        "first_block": str(begun.block_number),
        "first": str(begun.value),
        "block": str(last),
        "now": None if now is None else str(now),
        "ours_in": str(came),
        "ours_out": str(went),
        "fees": str(fees),
        "other": None if other is None else str(other),
    }


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
