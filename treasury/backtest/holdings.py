"""What a wallet holds at least, as far as its history shows deposits, from the past alone.

A history says nothing of what was there before it begins.  So the balance is what came in minus
what went out, counted up from the lowest point so far: that much is surely there.  A payment
beyond it proves that more was there and tells nothing about how much; then nothing is known
until the next deposit.  An asset without deposits in the history is never known.
"""

from __future__ import annotations


class Holdings:
    """The least balance by wallet and asset, in token units."""

    __slots__ = ("least",)

    def __init__(self) -> None:
        """Start knowing no balance."""
        self.least: dict[tuple[str, str], float] = {}

    def receive(self, wallet: str, asset: str, amount: float) -> None:
        """Take a deposit into account."""
        cell = (wallet, asset)
        self.least[cell] = self.least.get(cell, 0.0) + amount

    def spend(self, wallet: str, asset: str, amount: float) -> float | None:
        """Take a payment into account; return the balance before it, None if it is not known."""
        cell = (wallet, asset)
        before = self.least.get(cell)
        if before is None:
            return None
        left = before - amount
        # Fees and roundings may take a trifle more than what is known to be there.
        self.least[cell] = max(left, 0.0)
        if left >= 0.0:
            return before
        return amount if left > -_TRIFLE * amount else None


_TRIFLE = 1e-3
