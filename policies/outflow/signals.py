"""The learned rules' answers, and how several of them become one."""

from __future__ import annotations

from typing import NamedTuple

AGREEMENT = 0.3
ALONE = {"recipient_pace": 3.0, "recipient_count": 3.0, "storm": 1.6, "drain": 1.8, "jump": 2.3}
"""What these may say, over the decades of what the recipient got in all, by themselves."""
HOW_MUCH = frozenset({"first_payment", "recipient_total", "fresh", "hours", "all", "large"})
HOW_ODD = frozenset({"recipient_surprise", "rare", *ALONE})


class Signal(NamedTuple):
    """One rule's answer: return period in decades of days, what was seen, over what span."""

    rule: str
    decades: float
    seen: float
    span_s: int


def rank_of(signals: list[Signal]) -> float:
    """Return one return period for all signals.

    Rules of one kind (how much; or how fast and how odd) see the same thing, so only the
    strongest of each kind counts, and the second kind for a part of what exceeds one decade.
    A crowd of new recipients supports neither: honest campaigns are crowds, too.
    """
    total = max((one.decades for one in signals if one.rule == "recipient_total"), default=0.0)
    much = max((signal.decades for signal in signals if signal.rule in HOW_MUCH), default=0.0)
    odd = max((_weighed(one, total) for one in signals if one.rule in HOW_ODD), default=0.0)
    crowd = max((signal.decades for signal in signals if signal.rule == "crowd"), default=0.0)
    low, high = min(much, odd), max(much, odd)
    return max(crowd, high + AGREEMENT * max(0.0, low - 1.0))


def _weighed(signal: Signal, total: float) -> float:
    """Return a signal's decades; an odd way of paying counts as far as it adds up to something."""
    alone = ALONE.get(signal.rule)
    return signal.decades if alone is None else min(signal.decades, alone + total)
