"""What is on its way: our own transfers that a stamp does not show yet.

A balance read at a stamp knows of everything mined up to that block, and the sender's nonce in
the same reading says which of our transfers that is. Our own record of receipts is no measure: it
is written by another lane, earlier or later, and a reorg may make it wrong. The `max_fee` of
each is kept apart: it is what a transfer may cost, many times what it usually does, so it bounds
what may still be sent and is never itself a reason to refill.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from policies.lifecycles import RefillState, TransferState
from policies.terms import NATIVE, Address
from treasury.ledger.facts import Cells, Refill, Transfer
from treasury.ledger.facts_seen import Flow

_Cell = tuple[Address, Address]
_MOVES_NOTHING = frozenset({TransferState.CANCELLED, TransferState.REVERTED, TransferState.USURPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class OnTheWay:
    """Inbound and outbound base units by (wallet, asset), as seen from one stamp.

    `doubtful` are wallets with a transfer of which nobody can say whether the stamp shows it.
    `unreceipted` are senders whose nonce has passed a transfer of ours that has no receipt yet:
    either the receipt is late, or somebody else spent that nonce.
    """

    inbound: Mapping[_Cell, int]
    outbound: Mapping[_Cell, int]
    fees: Mapping[_Cell, int]
    doubtful: frozenset[Address]
    unreceipted: frozenset[Address] = frozenset()

    def into(self, wallet: Address, asset: Address) -> int:
        """Return what is on its way to a wallet."""
        return self.inbound.get((wallet, asset), 0)

    def out_of(self, wallet: Address, asset: Address) -> int:
        """Return what is on its way out of a wallet, fees not counted."""
        return self.outbound.get((wallet, asset), 0)

    def fees_of(self, wallet: Address, asset: Address) -> int:
        """Return the most that transfers on their way may cost; zero for every token."""
        return self.fees.get((wallet, asset), 0)


def on_the_way(transfers: Iterable[Transfer | Flow], cells: Cells) -> OnTheWay:
    """Add up the transfers that the facts of one stamp do not show yet."""
    inbound: dict[_Cell, int] = {}
    outbound: dict[_Cell, int] = {}
    fees: dict[_Cell, int] = {}
    doubtful: set[Address] = set()
    unreceipted: set[Address] = set()
    for transfer in transfers:
        shown = _is_shown(transfer, cells)
        if shown and transfer.state is TransferState.IN_FLIGHT:
            unreceipted.add(transfer.source)
        if shown is None:
            doubtful.update((transfer.source, transfer.destination))
        if shown or shown is None:
            continue
        _claim(fees, (transfer.source, NATIVE), transfer.max_fee)
        if transfer.state in _MOVES_NOTHING:
            continue
        _claim(outbound, (transfer.source, transfer.asset), transfer.amount)
        _claim(inbound, (transfer.destination, transfer.asset), transfer.amount)
    return OnTheWay(
        inbound=inbound,
        outbound=outbound,
        fees=fees,
        doubtful=frozenset(doubtful),
        unreceipted=frozenset(unreceipted),
    )


def claims_on_vault(
    refills: Iterable[Refill], *, besides: int | None = None
) -> Mapping[_Cell, int]:
    """Add up what refills that are not yet transfers will take from their vaults.

    `besides` is the number of a refill that is left out: the one that is being judged.
    """
    claims: dict[_Cell, int] = {}
    for refill in refills:
        if refill.state not in (RefillState.PROPOSED, RefillState.APPROVED) or refill.id == besides:
            continue
        vault = refill.terms.source
        _claim(claims, (vault, refill.asset), refill.amount)
        _claim(claims, (vault, NATIVE), refill.max_fee)
    return claims


def _is_shown(transfer: Transfer | Flow, cells: Cells) -> bool | None:
    """Say whether the balances contain the transfer; None when nobody can say."""
    if transfer.nonce is None:
        return False
    spent = cells.nonces.get(transfer.source)
    return None if spent is None else transfer.nonce < spent


def _claim(claims: dict[_Cell, int], cell: _Cell, amount: int) -> None:
    claims[cell] = claims.get(cell, 0) + amount
