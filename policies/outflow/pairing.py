"""Rare payments that come together: to two newcomers, or to the same one twice."""

from __future__ import annotations

from policies.outflow.case import SCORES_PER_DECADE, Case, near_slot
from policies.outflow.event import Outflow
from policies.outflow.files import Files
from policies.outflow.pairs import ANY
from policies.outflow.tail import Tail

CRUMB = 0.5
"""Below this share of the wallet's middle payment a newcomer's payment is a crumb."""
REPEATED = 0.3
"""How much of the surprise of a size is news when its recipient got the like before."""
_RARE_LEAST = 1.0
"""What more than one newcomer in ten gets is not rare, however few newcomers come."""


class Pairing(Files):
    """Says how rare it is that two such payments come so close together."""

    __slots__ = ()

    def pair_up(self, event: Outflow, case: Case, size: float, news: float, rarity: float) -> int:
        """Return the bucket of the rarest pair with another newcomer's payment, 0 for none.

        `news` are the decades of days of the size, `rarity` the decades of payments of the
        asset.  Two payments of one seldom asset are one oddity.
        """
        alone = news if news + self.offset > _RARE_LEAST and size >= self.usual * CRUMB else 0.0
        asset, odd = ANY, rarity - self.offset
        if odd > alone:
            alone, asset = odd, event.asset
        if alone <= 0.0:
            return 0
        case.alone = alone
        apart = self.pairs.rarity(event.time, case.key, asset, alone)
        self.pairs.note(event.time, case.key, asset, alone)
        return near_slot(apart)

    def follow_up(
        self, case: Case, bucket: int, size: float, gap_s: int, rarity: float | None
    ) -> int:
        """Return the bucket of a young recipient's next payment so soon, 0 for a crumb.

        `rarity` is that of an asset which the recipient did not get before, else None.
        """
        if size < self.usual * CRUMB:
            return 0
        follow = self.follow
        alone = max(0.0, self.entry.decades[bucket], (rarity or 0.0) - self.offset)
        rarer = max(alone, case.alone)
        before, case.alone = case.alone, rarer
        if rarer <= 0.0:
            return 0
        cost = follow.costs[follow.slot(gap_s)] + (0.0 if rarity is None else follow.turn)
        return near_slot(rarer + cost + REPEATED * min(alone, before))

    def pair_decades(self, bucket: int) -> float:
        """Return how rare it is that two newcomers are paid such amounts so close together."""
        return self._by_chance(self.pair, bucket)

    def again_decades(self, bucket: int) -> float:
        """Return how rare it is that a young recipient is paid the like again so soon."""
        return self._by_chance(self.again, bucket)

    def accept_pair(self, case: Case, time: int, bucket: int) -> None:
        """Take a held payment out of pairs; ask about the like of its own pair no more today.

        That pair is counted as usual when the recipient's youth ends without objection.
        """
        self.pairs.forget(case.key)
        if bucket:
            case.pair_top = bucket
            self.pairs.accept(time, bucket / SCORES_PER_DECADE)

    def _by_chance(self, tail: Tail, bucket: int) -> float:
        """Return the decades that were learned, but no more than chance alone would say."""
        if not bucket:
            return 0.0
        if self.is_unpaired:
            days = self.experienced()
            self.pair.refresh(days)
            self.again.refresh(days)
            self.is_unpaired = False
        return min(tail.decades[bucket], bucket / SCORES_PER_DECADE)
