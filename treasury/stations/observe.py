"""Observe: read balances and nonces of every wallet at the head and at finality, keep changes.

All cells of one depth come from one pinned block. What could not be read is kept as unknown,
visibly, and never as zero or as the value before. When the chain does not answer, a failed look
is written, so that everyone sees how old the newest facts are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime

from policies.law import Chain as ChainLaw
from policies.law import Law
from policies.terms import Address
from treasury.chain.errors import ChainError
from treasury.chain.port import Readings, ReadRequest
from treasury.clock import unix
from treasury.ledger import marks
from treasury.ledger.queries import watch
from treasury.ledger.queries.watch import NONCE, Depth
from treasury.world import NO_LAW, Outcome, World, law_here

_NAME = "observe"
_Key = tuple[Depth, Address, str]


def observe(world: World, now: datetime) -> Outcome:
    """Look at the chain once and write what changed, in one commit."""
    found = law_here(world)
    if found is None:
        return Outcome(station=_NAME, unavailable=NO_LAW)
    request = request_for(*found)
    try:
        head = world.chain.head()
        final = world.chain.finalised(head)
        readings = {
            Depth.HEAD: world.chain.read_balances(request, head),
            Depth.FINAL: world.chain.read_balances(request, final),
        }
    except ChainError as error:
        with world.ledger.write() as session:
            marks.write_failed_tick(session, world.chain_id, at=unix(now), error=str(error))
        return Outcome(station=_NAME, unavailable=str(error))
    changed = _write(world, unix(now), readings)
    return Outcome(station=_NAME, deeds=(f"{changed} cells changed",) if changed else ())


def request_for(law: Law, chain: ChainLaw) -> ReadRequest:
    """Return the cells to read: every asset of the law on this chain, for each wallet there."""
    return ReadRequest(
        wallets=tuple(w.address for w in law.wallets if w.chain == chain.name),
        assets=tuple(a.address for a in law.assets if a.chain == chain.name),
    )


def _write(world: World, now: int, readings: Mapping[Depth, Readings]) -> int:
    head, final = readings[Depth.HEAD], readings[Depth.FINAL]
    fresh = {key: value for depth in readings for key, value in _cells(depth, readings[depth])}
    with world.ledger.write() as session:
        tick = marks.write_tick(
            session,
            world.chain_id,
            at=now,
            head=head.stamp,
            final=final.stamp,
            digest=_digest(fresh),
        )
        known = {depth: watch.values_of(session, world.chain_id, depth) for depth in readings}
        changed = [
            marks.Cell(
                depth=depth,
                address=address,
                cell=cell,
                value=value,
                block_number=readings[depth].stamp.number,
            )
            for (depth, address, cell), value in fresh.items()
            if known[depth].get((address, cell), _MISSING) != value
        ]
        marks.write_cells(session, world.chain_id, tick.id, changed)
    return len(changed)


_MISSING = object()


def _cells(depth: Depth, readings: Readings) -> Iterator[tuple[_Key, int | None]]:
    for (address, asset), amount in readings.balances.items():
        yield (depth, address, asset), amount
    for address, nonce in readings.nonces.items():
        yield (depth, address, NONCE), nonce


def _digest(cells: Mapping[_Key, int | None]) -> str:
    text = "\n".join(f"{':'.join(key)}={value}" for key, value in sorted(cells.items()))
    return "0x" + hashlib.sha256(text.encode()).hexdigest()
