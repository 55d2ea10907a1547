"""How usual it is that a young recipient is paid again so soon, and in another asset.

Gaps between payments to the same young recipient are counted in octaves.  The cost of a gap
is the surprise that a payment is followed by another within that time: 2.0 when one payment in
a hundred is.  A wallet that pays its recipients every hour pays nothing for it.
"""

from __future__ import annotations

from math import log10

_OCTAVES = 16
_SHORTEST_S = 15


class Follow:
    """Counts of gaps by octave from fifteen seconds to five days."""

    __slots__ = ("changes", "costs", "gaps", "payments", "turn")

    def __init__(self) -> None:
        """Start knowing nothing."""
        self.gaps = [0.0] * _OCTAVES
        self.costs = [0.0] * _OCTAVES
        self.payments = 0.0
        self.changes = 0.0
        self.turn = 0.0

    def slot(self, gap_s: int) -> int:
        """Return the octave of a gap."""
        return min((gap_s // _SHORTEST_S).bit_length(), _OCTAVES - 1)

    def refresh(self) -> None:
        """Work out the costs anew."""
        within = 0.0
        for slot, count in enumerate(self.gaps):
            within += count
            self.costs[slot] = log10((self.payments + 1.0) / (within + 0.5))
        self.costs = [max(0.0, cost) for cost in self.costs]
        self.turn = log10((within + 1.0) / (self.changes + 0.5))

    def fade(self, weight: float) -> None:
        """Let the past keep only a part of its weight."""
        self.gaps = [count * weight for count in self.gaps]
        self.payments *= weight
        self.changes *= weight
