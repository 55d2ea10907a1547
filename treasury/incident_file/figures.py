"""What an incident cost: lost, saved and left, by asset, reckoned from the guard's last calm.

Lost is what the chain has less than our own movements explain, since the last final block up to
which everything was explained. Deposits of strangers after that block make it look smaller, so it
is "at least". Saved is what evacuations brought home for good; arriving is what reached it in a
block that is not final yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policies.law import Asset, Law
from policies.lifecycles import TransferState
from policies.terms import NATIVE, Purpose
from treasury.briefing.explained import Sight, missing
from treasury.ledger import Session
from treasury.ledger.facts import Standing, Transfer
from treasury.ledger.queries import watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One asset of an incident, in base units; None: not known.

    `before` is the balance at `before_block`, the last block that was explained.
    """

    asset: Asset
    before: int | None
    before_block: int | None
    lost: int | None
    saved: int
    arriving: int
    fees: int
    left: int | None


def reckon(
    session: Session, law: Law, wallet: Standing, transfers: Sequence[Transfer]
) -> tuple[Figure, ...]:
    """Reckon every asset of the wallet's chain; `transfers` are those that touch the wallet."""
    chain = law.chain_by_id(wallet.chain_id)
    newest = watch.newest(session, wallet.chain_id)
    assets = [asset for asset in law.assets if chain and asset.chain == chain.name]
    if newest is None:
        return ()
    _, head, _ = newest
    anchors = watch.anchors(session, wallet.chain_id)
    sight = Sight(
        wallet=wallet.address,
        nonce=head.nonces.get(wallet.address) or 0,
        block_number=head.stamp.number,
        balances=head.balances,
    )
    lost = missing(anchors, sight, [asset.address for asset in assets], transfers)
    figures = []
    for asset in assets:
        anchor = anchors.get((wallet.address, asset.address))
        left = head.balance(wallet.address, asset.address)
        is_known = anchor is not None and left is not None
        figures.append(
            Figure(
                asset=asset,
                before=anchor.value if anchor else None,
                before_block=anchor.block_number if anchor else None,
                lost=lost.get(asset.address, 0) if is_known else None,
                saved=_home(transfers, wallet, asset, TransferState.CONFIRMED),
                arriving=_home(transfers, wallet, asset, TransferState.MINED),
                fees=_fees(transfers, wallet) if asset.address == NATIVE else 0,
                left=left,
            )
        )
    return tuple(figures)


def _evacuations(transfers: Sequence[Transfer], wallet: Standing) -> list[Transfer]:
    return [t for t in transfers if t.purpose is Purpose.EVACUATION and t.source == wallet.address]


def _home(
    transfers: Sequence[Transfer], wallet: Standing, asset: Asset, state: TransferState
) -> int:
    return sum(
        transfer.amount if transfer.moved_in is None else transfer.moved_in
        for transfer in _evacuations(transfers, wallet)
        if transfer.asset == asset.address
        and transfer.state is state
        and not _may_have_failed(transfer)
    )


def _may_have_failed(transfer: Transfer) -> bool:
    """Say whether only finality will tell what a transaction in a block has moved."""
    is_token = transfer.asset != NATIVE
    return is_token and transfer.state is TransferState.MINED and transfer.moved_in is None


def _fees(transfers: Sequence[Transfer], wallet: Standing) -> int:
    return sum(transfer.settled_fee or 0 for transfer in _evacuations(transfers, wallet))
