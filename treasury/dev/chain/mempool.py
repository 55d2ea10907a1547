"""Transactions that wait for a block, in the way geth's pool keeps them.

Several nonces of one sender may wait, with gaps. A second transaction on a waiting nonce must bid
at least 10 % more in both prices. Nothing here knows balances or blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from eth.abc import SignedTransactionAPI

from treasury.dev.chain.errors import ServerError

_BUMP_PERCENT = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One decoded transaction with the raw bytes that it came in."""

    raw: bytes
    transaction: SignedTransactionAPI

    @property
    def hash(self) -> bytes:
        """Return the 32-byte transaction hash."""
        return bytes(self.transaction.hash)

    @property
    def sender(self) -> bytes:
        """Return the 20-byte sender."""
        return bytes(self.transaction.sender)

    @property
    def nonce(self) -> int:
        """Return the nonce."""
        return int(self.transaction.nonce)

    @property
    def max_fee(self) -> int:
        """Return the highest price per gas that it may pay, in wei."""
        return int(self.transaction.max_fee_per_gas)

    @property
    def priority_fee(self) -> int:
        """Return the highest tip per gas, in wei."""
        return int(self.transaction.max_priority_fee_per_gas)

    @property
    def max_cost(self) -> int:
        """Return the most that it can take from its sender, in wei."""
        return int(self.transaction.value) + int(self.transaction.gas) * self.max_fee


class Mempool:
    """The waiting transactions of one node."""

    def __init__(self) -> None:
        """Begin empty."""
        self._by_slot: dict[tuple[bytes, int], Waiting] = {}

    def __len__(self) -> int:
        return len(self._by_slot)

    def __iter__(self) -> Iterator[Waiting]:
        return iter(tuple(self._by_slot.values()))

    def find(self, digest: bytes) -> Waiting | None:
        """Return the waiting transaction with this hash."""
        return next((w for w in self._by_slot.values() if w.hash == digest), None)

    def add(self, new: Waiting) -> None:
        """Take a transaction in; raises `ServerError` when it is known or bids too little."""
        old = self._by_slot.get((new.sender, new.nonce))
        if old is not None and old.hash == new.hash:
            raise ServerError("already known")
        if old is not None and not _outbids(new, old):
            raise ServerError("replacement transaction underpriced")
        self._by_slot[(new.sender, new.nonce)] = new

    def put_back(self, waiting: Waiting) -> None:
        """Take back a transaction whose block is gone, unless its place is taken."""
        self._by_slot.setdefault((waiting.sender, waiting.nonce), waiting)

    def remove(self, waiting: Waiting) -> None:
        """Forget one transaction."""
        self._by_slot.pop((waiting.sender, waiting.nonce), None)

    def clear(self) -> None:
        """Forget everything."""
        self._by_slot.clear()

    def copy(self) -> Mempool:
        """Return a pool with the same content."""
        made = Mempool()
        made._by_slot = dict(self._by_slot)
        return made

    def drop_below(self, nonce_of: Callable[[bytes], int]) -> None:
        """Forget what can never be mined because its nonce is used."""
        for waiting in self:
            if waiting.nonce < nonce_of(waiting.sender):
                self.remove(waiting)

    def next_nonce(self, sender: bytes, mined: int) -> int:
        """Return the first nonce from `mined` on that nothing waits for."""
        nonce = mined
        while (sender, nonce) in self._by_slot:
            nonce += 1
        return nonce

    def ready(self, nonce_of: Callable[[bytes], int], base_fee: int) -> list[Waiting]:
        """Return what the next block may hold, best tip first, nonces of a sender in order."""
        heads = {s: nonce_of(s) for s in {sender for sender, _ in self._by_slot}}
        ordered: list[Waiting] = []
        while candidates := self._payable(heads, base_fee):
            best = max(candidates, key=lambda w: min(w.priority_fee, w.max_fee - base_fee))
            ordered.append(best)
            heads[best.sender] += 1
        return ordered

    def _payable(self, heads: dict[bytes, int], base_fee: int) -> list[Waiting]:
        found = (self._by_slot.get(slot) for slot in heads.items())
        return [w for w in found if w is not None and w.max_fee >= base_fee]


def _outbids(new: Waiting, old: Waiting) -> bool:
    fee_is_higher = new.max_fee * 100 >= old.max_fee * _BUMP_PERCENT
    tip_is_higher = new.priority_fee * 100 >= old.priority_fee * _BUMP_PERCENT
    return fee_is_higher and tip_is_higher and new.max_fee > old.max_fee
