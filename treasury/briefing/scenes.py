"""Gather what the newest look at a chain shows, beside what our books say of every wallet.

A scene is read in one session and holds everything by wallet, so that judging a wallet costs what
that wallet has, however many others there are and whatever they do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from zlib import crc32

from policies.law import Custody, Law, Wallet
from policies.lifecycles import TransferState
from policies.terms import Address
from treasury.briefing.explained import STRICTLY, Sight, by_wallet, is_settled, missing
from treasury.ledger import Session, registered
from treasury.ledger.cell_marks import Cell
from treasury.ledger.facts import Cells, Standing
from treasury.ledger.facts_seen import Anchor, AnyTransfer, Flow
from treasury.ledger.queries import flows, standings, transfers, watch
from treasury.ledger.queries.watch import Depth

RENEW_BLOCKS = 100
"""An anchor follows finality at least this often, so that movements before it may be forgotten."""
_LATE_BLOCKS = 2 * RENEW_BLOCKS
_SPREAD = RENEW_BLOCKS // 2
"""Wallets renew at different ages, so that not all of them do in the same tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One look at one chain; `movements` are our transfers by the wallets at their ends.

    `signed` counts the nonces of each wallet (by name) that our books account for. `stirred` are
    the wallets with a movement, or with balances that are not their anchors of late, and which:
    of all others nothing is missing, and nothing can be renewed.
    """

    law: Law
    chain_id: int
    now: int
    assets: tuple[Address, ...]
    head: Cells
    final: Cells
    anchors: Mapping[tuple[Address, Address], Anchor]
    movements: Mapping[Address, Sequence[AnyTransfer]]
    standings: Mapping[str, Standing]
    signed: Mapping[str, int]
    stirred: Mapping[Address, Sequence[Address]]

    def lost(self, wallet: Address) -> Mapping[Address, int]:
        """Return how many base units of which asset left a wallet unexplained, head first.

        What is unknown at either depth is left out.
        """
        head, final = _sight(self.head, wallet), _sight(self.final, wallet)
        if head is None or final is None:
            return {}
        moves = self.movements.get(wallet, ())
        # Without a movement only a balance that is not its anchor can be too small.
        assets = self.assets if moves else self.stirred.get(wallet, ())
        lost = missing(self.anchors, head, assets, moves)
        if is_settled(final, moves):
            lost = {**missing(self.anchors, final, assets, moves), **lost}
        return {asset: amount for asset, amount in lost.items() if self.is_known(wallet, asset)}

    def hidden(self, wallet: Address) -> Mapping[Address, int]:
        """Return what is missing at the head if all that is mined has arrived, in base units."""
        head, moves = _sight(self.head, wallet), self.movements.get(wallet, ())
        return missing(self.anchors, head, self.assets, moves, arrived=STRICTLY) if head else {}

    def is_known(self, wallet: Address, asset: Address) -> bool:
        """Say whether a balance is known at both depths."""
        balances = (self.head.balance(wallet, asset), self.final.balance(wallet, asset))
        return None not in balances

    def is_seen(self, wallet: Address, asset: Address) -> bool:
        """Say whether a balance and the wallet's nonce are known at the head."""
        balance, nonce = self.head.balance(wallet, asset), self.head.nonces.get(wallet)
        return balance is not None and nonce is not None

    def renewed(self, wallet: Address) -> Iterator[Cell]:
        """Yield the anchors of a wallet that can move up to finality; nothing of it is missing."""
        final, moves = _sight(self.final, wallet), self.movements.get(wallet, ())
        if final is None or not is_settled(final, moves) or self._awaits_receipt(wallet, moves):
            return
        block, longest = final.block_number, _longest(wallet)
        for asset in self.stirred.get(wallet, ()):
            value, old = final.balances.get((wallet, asset)), self.anchors.get((wallet, asset))
            if value is None or (old is not None and block <= old.block_number):
                continue
            if old is None or old.value != value or block - old.block_number >= longest:
                yield Cell(Depth.CALM, wallet, asset, value, block)

    def _awaits_receipt(self, wallet: Address, moves: Iterable[AnyTransfer]) -> bool:
        """Say whether the final block may contain something for a wallet that we have not seen yet.

        The sender's nonce in the same reading tells. An anchor that moved past it would count the
        arrival as a deposit, and whatever left beside it would never be missing.
        """
        return any(
            move.destination == wallet and move.state is TransferState.IN_FLIGHT
            for move in moves
            if self._may_be_final(move)
        )

    def _may_be_final(self, move: AnyTransfer) -> bool:
        spent = self.final.nonces.get(move.source)
        return move.nonce is not None and (spent is None or move.nonce < spent)


def gather(
    session: Session, law: Law, chain_id: int, now: int, wallets: Collection[Address]
) -> Scene | None:
    """Return the newest scene, with the movements of these wallets; None before a good look."""
    found, chain = watch.newest(session, chain_id), law.chain_by_id(chain_id)
    if found is None or chain is None:
        return None
    _, head, final = found
    anchors = watch.anchors(session, chain_id)
    waiting = flows.open_flows(session, chain_id, TransferState.IN_FLIGHT)
    since = _since(session, chain_id, anchors, final, wallets)
    ours = flows.distinct(waiting, since)
    movements = by_wallet((*ours, *_registered(session, law, chain_id, anchors)))
    return Scene(
        law=law,
        chain_id=chain_id,
        now=now,
        assets=tuple(a.address for a in law.assets if a.chain == chain.name),
        head=head,
        final=final,
        anchors=anchors,
        movements=movements,
        standings={s.name: s for s in standings.wallets(session, chain_id)},
        signed=signed_nonces(session, law, chain_id),
        stirred={**dict.fromkeys(movements, ()), **_stirred(anchors, head, final)},
    )


def hidden_drops(
    session: Session, law: Law, chain_id: int, now: int, wallet: Wallet
) -> Mapping[Address, int]:
    """Return what an incoming transfer of ours may hide at a wallet until it is final.

    In base units by asset. Asked before anything is proposed for the wallet, or released to it.
    """
    scene = gather(session, law, chain_id, now, (wallet.address,))
    return scene.hidden(wallet.address) if scene else {}


def signed_nonces(session: Session, law: Law, chain_id: int) -> Mapping[str, int]:
    """Return how many nonces of each wallet our books account for.

    The signer's book counts too: it assigns nonces, and people may have it skip some.
    """
    last, book = transfers.last_nonces(session, chain_id), standings.next_nonces(session)
    return {
        wallet.name: max(
            last.get(wallet.address, -1) + 1, wallet.start_nonce, book.get(wallet.name, 0)
        )
        for wallet in law.wallets
    }


def _stirred(
    anchors: Mapping[tuple[Address, Address], Anchor], head: Cells, final: Cells
) -> dict[Address, list[Address]]:
    """Return by wallet the balances that are not, at either depth, their anchors of late."""
    block, at_head = final.stamp.number, head.balances
    found: dict[Address, list[Address]] = {}
    for cell, value in final.balances.items():
        anchor = anchors.get(cell)
        if (
            anchor is None
            or anchor[0] != value
            or at_head.get(cell) != value
            or block - anchor[1] >= _longest(cell[0])
        ):
            found.setdefault(cell[0], []).append(cell[1])
    return found


@lru_cache(maxsize=65_536)
def _longest(wallet: Address) -> int:
    """Return after how many blocks an anchor of a wallet is renewed."""
    return RENEW_BLOCKS - crc32(wallet.encode()) % _SPREAD


def _sight(cells: Cells, wallet: Address) -> Sight | None:
    nonce = cells.nonces.get(wallet)
    if nonce is None:
        return None
    return Sight(
        wallet=wallet, nonce=nonce, block_number=cells.stamp.number, balances=cells.balances
    )


def _since(
    session: Session,
    chain_id: int,
    anchors: Mapping[tuple[Address, Address], Anchor],
    final: Cells,
    wallets: Collection[Address],
) -> Iterable[Flow]:
    """Return every transfer with a receipt later than the anchors that it has to explain.

    Most anchors follow finality. The few wallets with an older one (frozen, or long unreadable)
    are asked about one by one, or else their past would be read for everybody.
    """
    late_from = final.stamp.number - _LATE_BLOCKS
    since = min(map(itemgetter(1), anchors.values()), default=final.stamp.number)
    late: Mapping[Address, int] = {}
    if since < late_from:
        late = _late(anchors, final, wallets, late_from)
        kept = (a.block_number for a in anchors.values() if a.block_number >= late_from)
        since = min(kept, default=final.stamp.number)
    found = list(flows.flows_after(session, chain_id, since))
    for wallet, block in late.items():
        found += flows.flows_of_after(session, chain_id, wallet, block)
    return found


def _registered(
    session: Session,
    law: Law,
    chain_id: int,
    anchors: Mapping[tuple[Address, Address], Anchor],
) -> list[Flow]:
    """Return what payout engines registered and the chain has, later than their oldest anchor."""
    shared = {w.address for w in law.wallets if w.custody is Custody.SHARED}
    if not shared:
        return []
    blocks = [anchor.block_number for cell, anchor in anchors.items() if cell[0] in shared]
    return registered.flows(session, chain_id, min(blocks, default=0))


def _late(
    anchors: Mapping[tuple[Address, Address], Anchor],
    final: Cells,
    wallets: Collection[Address],
    late_from: int,
) -> Mapping[Address, int]:
    """Return the oldest block of each wallet that has an anchor from before `late_from`."""
    late: dict[Address, int] = {}
    for cell, (_, block) in anchors.items():
        is_asked = block < late_from and cell[0] in wallets and final.balances.get(cell) is not None
        if is_asked:
            late[cell[0]] = min(block, late.get(cell[0], block))
    return late
