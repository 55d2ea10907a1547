"""What is on its way: our own transfers that a stamp does not show yet.

A balance read at a stamp knows of everything mined up to that block, and the sender's nonce in
the same reading says which of our transfers that is. Our own record of receipts is no measure: it
is written by another lane, earlier or later, and a reorg may make it wrong. The `max_fee` of
each is kept apart: it is what a transfer may cost, many times what it usually does, so it bounds
what may still be sent and is never itself a reason to refill.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from policies.lifecycles import RefillState, TransferState
from policies.terms import NATIVE, Address
from treasury.ledger.facts import Refill
from treasury.ledger.facts_seen import AnyTransfer

_Cell = tuple[Address, Address]
_MOVES_NOTHING = frozenset({TransferState.CANCELLED, TransferState.REVERTED, TransferState.USURPED})
_WAITS = frozenset({RefillState.PROPOSED, RefillState.APPROVED})


@dataclass(slots=True, kw_only=True)
class OnTheWay:
    """Inbound and outbound base units by (wallet, asset), as seen from one stamp.

    `nonces` are those that the stamp shows. `doubtful` are wallets with a transfer of which nobody
    can say whether the stamp shows it. `unreceipted` are senders whose nonce has passed a transfer
    of ours that has no receipt yet: either the receipt is late, or somebody else spent that nonce.
    """

    nonces: Mapping[Address, int | None]
    inbound: Counter[_Cell] = field(default_factory=Counter)
    outbound: Counter[_Cell] = field(default_factory=Counter)
    fees: Counter[_Cell] = field(default_factory=Counter)
    doubtful: set[Address] = field(default_factory=set)
    unreceipted: set[Address] = field(default_factory=set)

    def into(self, wallet: Address, asset: Address) -> int:
        """Return what is on its way to a wallet."""
        return self.inbound.get((wallet, asset), 0)

    def out_of(self, wallet: Address, asset: Address) -> int:
        """Return what is on its way out of a wallet, fees not counted."""
        return self.outbound.get((wallet, asset), 0)

    def fees_of(self, wallet: Address, asset: Address) -> int:
        """Return the most that transfers on their way may cost; zero for every token."""
        return self.fees.get((wallet, asset), 0)

    def count(self, transfer: AnyTransfer) -> None:
        """Count one more transfer, unless the stamp shows it already."""
        shown = self._is_shown(transfer)
        if shown and transfer.state is TransferState.IN_FLIGHT:
            self.unreceipted.add(transfer.source)
        if shown is None:
            self.doubtful.update((transfer.source, transfer.destination))
        if shown or shown is None:
            return
        self.fees[transfer.source, NATIVE] += transfer.max_fee
        if transfer.state not in _MOVES_NOTHING:
            self.outbound[transfer.source, transfer.asset] += transfer.amount
            self.inbound[transfer.destination, transfer.asset] += transfer.amount

    def _is_shown(self, transfer: AnyTransfer) -> bool | None:
        """Say whether the balances contain the transfer; None when nobody can say."""
        if transfer.nonce is None:
            return False
        spent = self.nonces.get(transfer.source)
        return None if spent is None else transfer.nonce < spent


def on_the_way(transfers: Iterable[AnyTransfer], nonces: Mapping[Address, int | None]) -> OnTheWay:
    """Add up the transfers that a stamp with these nonces does not show yet."""
    way = OnTheWay(nonces=nonces)
    for transfer in transfers:
        way.count(transfer)
    return way


@dataclass(slots=True, kw_only=True)
class OpenRefills:
    """What refills that are open already take from their vaults, and where they go."""

    towards: set[tuple[str, Address]] = field(default_factory=set)
    claims: Counter[_Cell] = field(default_factory=Counter)
    waiting: dict[int, Refill] = field(default_factory=dict)

    def count(self, refill: Refill) -> None:
        """Count one more refill that is not over."""
        self.towards.add((refill.wallet, refill.asset))
        if refill.state in _WAITS:
            self.waiting[refill.id] = refill
            self.claims.update(_claims(refill))

    def claimed(self, vault: Address, asset: Address, *, besides: int | None = None) -> int:
        """Return what refills that are no transfers yet will take from a vault.

        `besides` is the number of a refill that is left out: the one that is being judged.
        """
        own = None if besides is None else self.waiting.get(besides)
        claimed = self.claims.get((vault, asset), 0)
        return claimed if own is None else claimed - _claims(own)[vault, asset]


def open_refills(refills: Iterable[Refill]) -> OpenRefills:
    """Add up the refills that are not over."""
    found = OpenRefills()
    for refill in refills:
        found.count(refill)
    return found


def _claims(refill: Refill) -> Counter[_Cell]:
    vault = refill.terms.source
    claims: Counter[_Cell] = Counter({(vault, refill.asset): refill.amount})
    claims[vault, NATIVE] += refill.max_fee
    return claims
