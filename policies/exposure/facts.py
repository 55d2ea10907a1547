"""What the figures rest on, and what a figure is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from policies.law import Law

REACTION_S = 3_600
"""People need 18 to 45 minutes to halt something that they were told of; an hour is prudent."""


class Threat(StrEnum):
    """Who turned against us."""

    STOLEN_KEY = "stolen key"
    STOLEN_TOGETHER = "stolen together"
    STOLEN_DAEMON = "stolen daemon"
    CORRUPT_SERVICE = "corrupt payout service"
    LYING_MINORITY = "lying node minority"
    BRIBED_TREASURER = "one bribed treasurer"
    PATIENT_INSIDER = "patient insider"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """Money of ours on its way to a hot wallet; `name` says which ("refill #17")."""

    wallet: str
    symbol: str
    amount: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureFacts:
    """What the figures rest on.

    `balances` by wallet and symbol, None or missing: unknown. `active`: the active wallets.
    `gone`: wallets that are isolated or retired, whose money is being or was brought home.
    `endpoints`, by chain: how many nodes must agree, of how many. `learned`, by pool and symbol:
    the most that learned windows let through in a day.
    """

    law: Law
    balances: Mapping[tuple[str, str], int | None] = field(default_factory=dict)
    active: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    coming: Sequence[Coming] = ()
    endpoints: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    learned: Mapping[tuple[str, str], int] = field(default_factory=dict)
    reaction_s: int = REACTION_S


@dataclass(frozen=True, slots=True)
class Part:
    """One summand of a figure, in words and base units."""

    text: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The most that one threat takes of one asset; `is_bounded` false: no policy bounds it."""

    threat: Threat
    name: str
    chain: str
    symbol: str
    parts: tuple[Part, ...]
    max_loss: int | None
    is_bounded: bool = True

    @property
    def at_most(self) -> int:
        """Return the sum of the parts, in base units."""
        return sum(part.amount for part in self.parts)

    @property
    def is_above(self) -> bool:
        """Say whether the owners do not accept this loss; what is not bounded they never do."""
        if not self.is_bounded:
            return True
        return self.max_loss is not None and self.at_most > self.max_loss


def above_max_loss(figures: Iterable[Figure]) -> tuple[Figure, ...]:
    """Return the figures that the owners do not accept."""
    return tuple(figure for figure in figures if figure.is_above)
