"""Receipts that a quorum of endpoints agrees on: in which block, and whether it succeeded.

"There is none" needs a quorum as well. Fees are compared apart: where nodes differ on them alone,
the highest that the quorum tells is taken, so that our books never understate a fee.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from treasury.chain.pool.panel import Matter, Panel
from treasury.chain.pool.votes import Answer, Voice, answers_in, winner
from treasury.chain.port import Receipt, Topic

_Place = tuple[str, int, bool] | None
_Found = Mapping[str, Receipt | None]


def receipts(panel: Panel, hashes: Sequence[str]) -> dict[str, Receipt | None]:
    """Return each receipt, `None` where a quorum says there is none.

    Raises `BelowQuorumError` as soon as one of them is disputed.
    """
    voices: list[Voice[_Found]] = panel.poll(lambda witness: witness.receipts(hashes))
    said = answers_in(voices)
    if len(said) < panel.quorum:
        raise panel.refusal(voices, "receipts")
    return {digest: _receipt(panel, digest, said) for digest in hashes}


def _receipt(panel: Panel, digest: str, said: Sequence[Answer[_Found]]) -> Receipt | None:
    places = [Answer(endpoint=a.endpoint, value=_place(a.value.get(digest))) for a in said]
    matter = Matter(topic=Topic.RECEIPT, subject=digest)
    agreed = panel.settle(places, matter, _shown)
    alike = [
        Answer(endpoint=a.endpoint, value=found)
        for a in said
        if (found := a.value.get(digest)) is not None and _place(found) == agreed
    ]
    if agreed is None or not alike:
        return None
    same = winner(alike, panel.quorum)
    return max((a.value for a in alike), key=lambda r: r.fee_paid) if same is None else same.value


def _place(receipt: Receipt | None) -> _Place:
    if receipt is None:
        return None
    return (receipt.block_hash, receipt.block_number, receipt.succeeded)


def _shown(place: _Place) -> str:
    if place is None:
        return "none"
    block_hash, number, succeeded = place
    return f"{'succeeded' if succeeded else 'reverted'} in block {number} {block_hash}"
