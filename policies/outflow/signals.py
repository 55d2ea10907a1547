"""The learned rules' answers, and how several of them become one."""

from __future__ import annotations

from typing import NamedTuple

SECOND = 0.5
THIRD = 0.9
FREE = 1.0
"""Decades that the second and the third kind have for free."""
ALONE = {"recipient_pace": 3.0, "recipient_count": 3.0, "storm": 1.6, "drain": 1.8, "jump": 3.6}
"""What these may say, over the decades of what the recipient got in all, by themselves."""
WEIGHTS = {"first_payment": 1.15, "rare": 1.3}
"""What these say counts for more: thieves do it more often than honest people."""
HOW_MUCH = frozenset({"first_payment", "recipient_total", "fresh", "hours", "all", "large", "pair"})
HOW_ODD = frozenset({"recipient_surprise", "rare", "drain", "jump", "again"})
HOW_FAST = frozenset({"recipient_pace", "recipient_count", "storm"})
_KINDS = {rule: kind for kind, rules in enumerate((HOW_MUCH, HOW_ODD, HOW_FAST)) for rule in rules}


class Signal(NamedTuple):
    """One rule's answer: return period in decades of days, what was seen, over what span."""

    rule: str
    decades: float
    seen: float
    span_s: int


def rank_of(signals: list[Signal]) -> float:
    """Return one return period for all signals.

    Rules of one kind (how much, how odd, how fast) see the same thing, so only the strongest
    of each kind counts, and the second and third kind for a part of what exceeds the free.
    A crowd of new recipients supports none: honest campaigns are crowds, too.
    """
    total = crowd = 0.0
    for one in signals:
        if one.rule == "recipient_total":
            total = one.decades
        elif one.rule == "crowd":
            crowd = max(crowd, one.decades)
    strongest = [0.0, 0.0, 0.0]
    for one in signals:
        kind = _KINDS.get(one.rule)
        if kind is not None:
            strongest[kind] = max(strongest[kind], _weighed(one, total))
    third, second, first = sorted(strongest)
    agreed = SECOND * max(0.0, second - FREE) + THIRD * max(0.0, third - FREE)
    return max(crowd, first + agreed)


def _weighed(signal: Signal, total: float) -> float:
    """Return a signal's decades; an odd way of paying counts as far as it adds up to something."""
    alone = ALONE.get(signal.rule)
    decades = signal.decades * WEIGHTS.get(signal.rule, 1.0)
    return decades if alone is None else min(decades, alone + total)
