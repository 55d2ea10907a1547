"""Sums inside sliding windows, when each time is only known to lie in a span."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

Span = tuple[int, int]
"""The earliest and the latest second at which something can have happened."""


@dataclass
class Account:
    """What was spent, and when; entries come in the order in which they happened."""

    entries: deque[tuple[Span, int]] = field(default_factory=deque)
    total: int = 0

    def add(self, span: Span, amount: int, window_s: int) -> int:
        """Count an amount; return what surely lies in the window that ends with it."""
        self.entries.append((span, amount))
        self.total += amount
        gone = span[1] - window_s  # an entry exactly as old as the window has left it
        while self.entries[0][0][0] <= gone:
            self.entries.popleft()
        return sum(spent for (earliest, _), spent in self.entries if earliest > gone)
