"""Two rare payments close together: rarer than both, unless this wallet pays like that.

A theft is seldom one payment.  Two payments to newcomers, each of which comes once in some
days, meet within minutes by chance once in years: the product of their return periods, divided
by how often a gap so short fits into a day.  What a wallet's customers do in such pairs anyway
is learned by the caller, in a histogram over this figure.
"""

from __future__ import annotations

from math import log10
from typing import Any

from policies.outflow.windows import DAY_S

KEPT = 4
SPAN_S = 7_200
ACCEPTED_MORE = 2.0
"""Decades by which a pair has to be rarer than one that a person was asked about."""
ANY = "*"
LEAST_S = 60
"""Payments of one minute are of one batch: closer is not rarer."""


class Pairs:
    """The rarest payments to newcomers within the last two hours, at most four."""

    __slots__ = ("accepted", "recent", "until")

    def __init__(self) -> None:
        """Start with none."""
        self.recent: list[tuple[int, int, str, float]] = []
        self.accepted = 0.0
        self.until = 0

    def rarity(self, time: int, key: int, asset: str, decades: float) -> float:
        """Return the decades of days from one such pair of different recipients to the next.

        `asset` is what makes the payment rare, or `ANY` if its size does; one seldom asset to
        two recipients is one oddity.
        """
        most = 0.0
        for then, who, what, before in self.recent:
            if who != key and (what != asset or asset == ANY) and then > time - SPAN_S:
                apart = before + decades + log10(DAY_S / max(LEAST_S, time - then))
                most = max(most, apart)
        return most if time > self.until or most > self.accepted else 0.0

    def accept(self, time: int, apart: float) -> None:
        """Ask about the like no more for a day: somebody was asked."""
        self.accepted = apart + ACCEPTED_MORE
        self.until = time + DAY_S

    def forget(self, key: int) -> None:
        """Let nothing pair with a recipient's payment: a person was asked about it."""
        self.recent = [one for one in self.recent if one[1] != key]

    def note(self, time: int, key: int, asset: str, decades: float) -> None:
        """Remember a payment; the oldest and the most ordinary ones are forgotten."""
        recent = [one for one in self.recent if one[0] > time - SPAN_S]
        recent.append((time, key, asset, decades))
        if len(recent) > KEPT:
            recent.remove(min(recent, key=lambda one: one[3]))
        self.recent = recent

    def restore(self, values: list[Any]) -> None:
        """Take over what a former run remembered, in the order of the slots."""
        self.accepted, recent, self.until = values
        self.recent = [tuple(one) for one in recent]
