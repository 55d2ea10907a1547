"""Makes one reading of many: each cell holds what a quorum of endpoints read at the same block.

A cell on which no quorum agrees is unknown. An endpoint that could not read a cell does not vote
on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from policies.terms import Address, Stamp
from treasury.chain.pool.panel import Matter, Panel
from treasury.chain.pool.votes import Answer, answers_in, winner
from treasury.chain.port import Readings, ReadRequest, Topic

K = TypeVar("K")
V = TypeVar("V")
Cells = Mapping[K, V | None]


def read_balances(panel: Panel, request: ReadRequest, at: Stamp) -> Readings:
    """Read every cell of `request` at the block of `at`.

    Raises `MissingBlockError` when a quorum does not have the block, `BelowQuorumError` when fewer
    than a quorum read it.
    """
    voices = panel.poll(lambda witness: witness.read_balances(request, at))
    said = answers_in(voices)
    if len(said) < panel.quorum:
        raise panel.refusal(voices, f"block {at.number} {at.hash}")
    agreed = winner(said, panel.quorum)
    if agreed is not None and all(answer.value == agreed.value for answer in said):
        return agreed.value
    return Readings(
        stamp=at,
        balances=_merged(panel, _column(said, lambda r: r.balances), _about_balance(at)),
        nonces=_merged(panel, _column(said, lambda r: r.nonces), _about(Topic.NONCE, at)),
        codes=_merged(panel, _column(said, lambda r: r.codes), _about(Topic.CODE, at)),
    )


def _column(
    said: Sequence[Answer[Readings]], pick: Callable[[Readings], Cells[K, V]]
) -> list[Answer[Cells[K, V]]]:
    return [Answer(endpoint=a.endpoint, value=pick(a.value)) for a in said]


def _merged(
    panel: Panel, said: Sequence[Answer[Cells[K, V]]], about: Callable[[K], Matter]
) -> dict[K, V | None]:
    first, *others = said
    merged = dict(first.value)
    open_keys = [
        key
        for key, value in first.value.items()
        if value is None or any(other.value.get(key) != value for other in others)
    ]
    for key in open_keys:
        votes = [
            Answer(endpoint=answer.endpoint, value=cell)
            for answer in said
            if (cell := answer.value.get(key)) is not None
        ]
        merged[key] = _elected(panel, votes, about(key))
    return merged


def _elected(panel: Panel, votes: Sequence[Answer[V]], matter: Matter) -> V | None:
    agreed = winner(votes, panel.quorum)
    told = "" if agreed is None else _shown(agreed.value)
    rival = votes[0] if agreed is None and votes else agreed
    if rival is not None and any(vote.value != rival.value for vote in votes):
        for vote in votes:
            if agreed is None or vote.value != agreed.value:
                panel.note(matter.dissent(vote.endpoint, _shown(vote.value), told))
    return None if agreed is None else agreed.value


def _about_balance(at: Stamp) -> Callable[[tuple[Address, Address]], Matter]:
    def about(cell: tuple[Address, Address]) -> Matter:
        wallet, asset = cell
        return Matter(topic=Topic.BALANCE, subject=wallet, asset=asset, block_number=at.number)

    return about


def _about(topic: Topic, at: Stamp) -> Callable[[Address], Matter]:
    return lambda wallet: Matter(topic=topic, subject=wallet, block_number=at.number)


def _shown(value: object) -> str:
    return "0x" + value[:64].hex() if isinstance(value, bytes) else str(value)
