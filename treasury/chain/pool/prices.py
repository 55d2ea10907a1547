"""Prices of gas and of layer-1 data, all asked for at the head of the group.

At one block honest nodes tell the same price, so a quorum decides. Where clients count a little
differently the median decides, and only while those that are missing and those that may lie can
never be the majority: then no minority can move it past what honest nodes say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from policies.terms import Stamp
from treasury.chain.pool.panel import Matter, Panel
from treasury.chain.pool.votes import Answer, Voice, answers_in, median, winner
from treasury.chain.port import FeeMarket, Topic

_FAR = 2
T = TypeVar("T")
_Price = Answer[int]


def fee_market(panel: Panel, head: Stamp) -> FeeMarket:
    """Return the price of gas after the block of `head`; raises `BelowQuorumError`.

    The tip is the lower median: a tip that is too low only waits for a higher bid.
    """

    def is_settled(voices: Sequence[Voice[FeeMarket]]) -> bool:
        return winner(_base_fees(voices), panel.quorum) is not None

    voices = panel.poll(lambda witness: witness.fee_market_at(head), is_settled)
    said, base = answers_in(voices), _base_fees(voices)
    return FeeMarket(
        stamp=head,
        base_fee=_price(panel, voices, base, _matter("base fee", head)),
        priority_fee=median(a.value.priority_fee for a in said),
    )


def l1_fee(panel: Panel, size_bytes: int, head: Stamp) -> int:
    """Return the layer-1 fee of a transaction of this size; raises `BelowQuorumError`."""
    voices = panel.poll(lambda witness: witness.l1_fee_at(size_bytes, head))
    return _price(panel, voices, answers_in(voices), _matter("layer-1 fee", head))


def _price(panel: Panel, voices: Sequence[Voice[T]], said: Sequence[_Price], matter: Matter) -> int:
    agreed = winner(said, panel.quorum)
    liars_most = len(panel.endpoints) - panel.quorum
    if agreed is None and len(said) <= 2 * liars_most:
        for price in said:
            panel.note(matter.dissent(price.endpoint, price.value))
        raise panel.refusal(voices, f"the {matter.subject} at block {matter.block_number}")
    chosen = median(price.value for price in said) if agreed is None else agreed.value
    for price in said:
        if price.value > _FAR * chosen or chosen > _FAR * price.value:
            panel.note(matter.dissent(price.endpoint, price.value, chosen))
    return chosen


def _base_fees(voices: Sequence[Voice[FeeMarket]]) -> list[_Price]:
    return [Answer(endpoint=a.endpoint, value=a.value.base_fee) for a in answers_in(voices)]


def _matter(what: str, head: Stamp) -> Matter:
    return Matter(topic=Topic.FEES, subject=what, block_number=head.number)
