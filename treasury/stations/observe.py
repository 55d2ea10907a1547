"""Observe: read balances and nonces of every wallet at the head and at finality, keep changes.

All cells of one depth come from one pinned block. What could not be read is kept as unknown,
visibly, and never as zero or as the value before. When the chain does not answer, or shows a head
below what was final before, a failed look is written, so that everyone sees how old the newest
facts are: a node that lags so far shows balances of the past, and the past looks like a theft.

A block that was final at the look before must still be there. Where another one stands in its
place, the chain took back what we settled and spent: the look is written all the same, because the
guard needs it, and in its commit exposure is halted until a quorum has looked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import filterfalse
from typing import TypeVar

from policies.law import Chain as ChainLaw
from policies.law import Law
from policies.lifecycles import Owner
from policies.terms import Reason, Stamp
from treasury.chain.errors import ChainError, UnavailableError
from treasury.chain.port import Readings, ReadRequest
from treasury.clock import unix
from treasury.ledger import Session, cell_marks, marks
from treasury.ledger.cell_marks import Cell
from treasury.ledger.facts import Tick
from treasury.ledger.queries import watch
from treasury.ledger.queries.watch import NONCE, Depth
from treasury.safety.halting import halt
from treasury.world import NO_LAW, Outcome, World, law_of

_NAME = "observe"
K = TypeVar("K")


def observe(world: World, now: datetime) -> Outcome:
    """Look at the chain once and write what changed, in one commit."""
    with world.ledger.read() as session:
        found = law_of(session, world.chain_id)
        last = watch.last_good_tick(session, world.chain_id)
    if found is None:
        return Outcome(station=_NAME, unavailable=NO_LAW)
    request = request_for(*found)
    try:
        head = world.chain.head()
        _require_present(last, head)
        final = world.chain.finalised(head)
        readings = {
            Depth.HEAD: world.chain.read_balances(request, head),
            Depth.FINAL: world.chain.read_balances(request, final),
        }
        broken = _broken(world, last, final)
    except ChainError as error:
        with world.ledger.write() as session:
            cell_marks.write_failed_tick(session, world.chain_id, at=unix(now), error=str(error))
        return Outcome(station=_NAME, unavailable=str(error))
    changed = _write(world, unix(now), readings, broken)
    deeds = (f"{changed} cells changed",) if changed else ()
    return Outcome(station=_NAME, deeds=(*(f"halted: {why.text}" for why in broken), *deeds))


def _require_present(last: Tick | None, head: Stamp) -> None:
    """Raise `UnavailableError` when the head is below a block that was final before."""
    if last is not None and last.final is not None and head.number < last.final.number:
        text = f"the head is block {head.number}, and block {last.final.number} was final before"
        raise UnavailableError(f"{text}: the nodes lag")


def _broken(world: World, last: Tick | None, final: Stamp) -> tuple[Reason, ...]:
    """Say whether the block that was final at the last look has been replaced; nothing if not.

    Raises `ChainError`.
    """
    was = last.final if last is not None else None
    if was is None:
        return ()
    there = final if was.number == final.number else world.chain.stamps_at([was.number])[was.number]
    if there is None or there.hash == was.hash:
        return ()
    text = f"block {was.number} was final as {was.hash} and is {there.hash} now"
    return (Reason(code="finality_broken", text=text),)


def request_for(law: Law, chain: ChainLaw) -> ReadRequest:
    """Return the cells to read: every asset of the law on this chain, for each wallet there."""
    return ReadRequest(
        wallets=tuple(w.address for w in law.wallets if w.chain == chain.name),
        assets=tuple(a.address for a in law.assets if a.chain == chain.name),
    )


def _write(
    world: World, now: int, readings: Mapping[Depth, Readings], broken: tuple[Reason, ...]
) -> int:
    head, final = readings[Depth.HEAD], readings[Depth.FINAL]
    with world.ledger.write() as session:
        changed = [
            cell
            for depth, seen in readings.items()
            for cell in _changed(session, world.chain_id, depth, seen)
        ]
        tick = cell_marks.write_tick(
            session,
            world.chain_id,
            at=now,
            head=head.stamp,
            final=final.stamp,
            digest=_digest(changed),
        )
        cell_marks.write_cells(session, world.chain_id, tick.id, changed)
        if broken:
            halt(session, actor=Owner.GUARD, why=broken, now=now)
            subject, body = f"chain:{world.settings.name}", {"why": broken[0].text}
            marks.tell(session, broken[0].code, subject, body, now=now, actor=Owner.GUARD.value)
    return len(changed)


def _changed(session: Session, chain_id: int, depth: Depth, seen: Readings) -> list[Cell]:
    known, block_number = watch.cells(session, chain_id, depth, seen.stamp), seen.stamp.number
    balances = _differences(known.balances, seen.balances)
    nonces = _differences(known.nonces, seen.nonces)
    return [
        *(Cell(depth, wallet, asset, amount, block_number) for (wallet, asset), amount in balances),
        *(Cell(depth, wallet, NONCE, nonce, block_number) for wallet, nonce in nonces),
    ]


def _differences(
    known: Mapping[K, int | None], seen: Mapping[K, int | None]
) -> list[tuple[K, int | None]]:
    if known == seen:
        return []
    return list(filterfalse(known.items().__contains__, seen.items()))


def _digest(changed: Sequence[Cell]) -> str:
    """Return one number for everything that a look changed, in the order of the law."""
    lines = (f"{c.depth}:{c.address}:{c.cell}={c.value}" for c in changed)
    return "0x" + hashlib.sha256("\n".join(lines).encode()).hexdigest()
