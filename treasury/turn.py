"""One turn of a station that takes rows in one state, one after another, under the law in force."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from hsm.errors import HsmError
from policies.law import Law
from treasury.clock import unix
from treasury.ledger import Session
from treasury.world import NO_LAW, Deeds, Outcome, World, law_here

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What each row is judged with: the surroundings, the law, and unix seconds."""

    world: World
    law: Law
    now: int
    deeds: Deeds


def take_turn(
    world: World,
    now: datetime,
    station: str,
    *,
    waiting: Callable[[Session], Sequence[Row]],
    judge: Callable[[Turn, Row], None],
) -> Outcome:
    """Judge each waiting row once.

    Without a law, or when the signer stops answering, the rest waits for the next tick.
    """
    deeds = Deeds(station)
    found = law_here(world)
    if found is None:
        return deeds.broken_off(NO_LAW)
    with world.ledger.read() as session:
        rows = waiting(session)
    turn = Turn(world=world, law=found[0], now=unix(now), deeds=deeds)
    try:
        for row in rows:
            judge(turn, row)
    except HsmError as error:
        return deeds.broken_off(error)
    return deeds.outcome()
