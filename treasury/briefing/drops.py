"""Count how much balances were seen to fall, for wallets whose payments are no transfers of ours.

A day of sights is long, so it is read once and then followed sight by sight; what fell is kept in
slots of ten minutes, and forgotten after a day. Part of a slot counts as the whole: this errs
toward too much, which asks for a refill too early.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection

from policies.terms import Address
from treasury.ledger import Session
from treasury.ledger.queries import pace

SLOT_S = 600
_Cell = tuple[Address, Address]


class DropsSeen:
    """What fell on one chain within the last `keeps_s` seconds."""

    def __init__(self, keeps_s: int) -> None:
        """Know nothing yet."""
        self._keeps_s = keeps_s
        self._newest = 0
        self._amounts: dict[_Cell, int] = {}
        self._slots: deque[tuple[int, Counter[_Cell]]] = deque()

    def follow(
        self, session: Session, chain_id: int, wallets: Collection[Address], now: int
    ) -> None:
        """Read what was seen of these wallets since the last call, and forget what is too old."""
        oldest = now - self._keeps_s
        for sight in pace.seen_after(session, chain_id, self._newest, oldest, wallets):
            self._newest = sight.number
            if sight.amount is not None:
                self._fell((sight.wallet, sight.asset), sight.amount, sight.at)
        while self._slots and self._slots[0][0] + SLOT_S <= oldest:
            self._slots.popleft()

    def since(self, since: int) -> Counter[_Cell]:
        """Return how much fell after `since`, by (wallet, asset)."""
        sums: Counter[_Cell] = Counter()
        for start, fallen in self._slots:
            if start + SLOT_S > since:
                sums.update(fallen)
        return sums

    def _fell(self, cell: _Cell, amount: int, at: int) -> None:
        before = self._amounts.get(cell, amount)
        self._amounts[cell] = amount
        if amount >= before:
            return
        start = at - at % SLOT_S
        if not self._slots or self._slots[-1][0] < start:
            self._slots.append((start, Counter()))
        self._slots[-1][1][cell] += before - amount
