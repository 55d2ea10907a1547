"""A law on its way to adoption that is longer than a message: it arrives in pieces.

Whoever brings a piece gains nothing by it, because only signatures adopt. It is kept in memory
alone, one at each door, so that a stolen daemon cannot push away what treasurers bring.
"""

from __future__ import annotations

PIECE = 24_000
"""Characters of one piece: escaped twice over they still fit into a message."""
MOST_LAW = 1_000_000
"""Characters of a law; how many wallets fit is what their names take in a status."""
KEPT_S = 600


class Draft:
    """The pieces that came through one door; nothing is promised about what they say."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._pieces: list[str] = []
        self._begun_at = 0

    @property
    def length(self) -> int:
        """Return how many characters have come."""
        return sum(map(len, self._pieces))

    def add(self, offset: int, text: str, now: int) -> bool:
        """Take the piece that begins at `offset`, 0 being a new law; False when it does not fit.

        `now` is unix seconds.
        """
        if offset == 0:
            self._pieces, self._begun_at = [], now
        if offset != self.length or offset + len(text) > MOST_LAW:
            return False
        self._pieces.append(text)
        return True

    def text(self, now: int) -> str:
        """Return everything that came, or nothing when it began more than `KEPT_S` ago."""
        return "" if now - self._begun_at > KEPT_S else "".join(self._pieces)

    def forget(self) -> None:
        """Begin with nothing again."""
        self._pieces = []
