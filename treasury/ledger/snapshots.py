"""The newest cells of each chain, kept in memory between questions and proven by their revision.

Thousands of cells are asked for several times per tick, and hardly any of them changes. Every
write of cells takes the chain's next revision in its own transaction, so a kept snapshot whose
revision is the one that the asking transaction sees is that transaction's truth; an older one
lacks exactly the rows with a later revision. Where the two do not fit, everything is read again.
Only what is committed is kept: a writing session may use a snapshot, and leaves behind what it
wrote when that is durable and nobody wrote between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from policies.terms import Address
from treasury.ledger.facts_seen import Anchor
from treasury.ledger.reading import ask
from treasury.ledger.tables_seen import NONCE, CellRevisionRow, CellRow, Depth

_NEVER = -1
_KEPT = "snapshots"
_WRITTEN = "written_cells"
_REVISION = select(col(CellRevisionRow.revision)).where(
    col(CellRevisionRow.chain_id) == bindparam("chain_id")
)
_LATER = select(
    col(CellRow.address), col(CellRow.cell), col(CellRow.value), col(CellRow.block_number)
).where(
    col(CellRow.chain_id) == bindparam("chain_id"),
    col(CellRow.depth) == bindparam("depth"),
    col(CellRow.revision) > bindparam("known"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The cells of one chain and depth as of a revision; nobody writes into its mappings.

    `anchors` are those of the guard and exist at the depth CALM alone; there the others are empty.
    """

    revision: int = _NEVER
    balances: Mapping[tuple[Address, Address], int | None] = field(default_factory=dict)
    nonces: Mapping[Address, int | None] = field(default_factory=dict)
    anchors: Mapping[tuple[Address, Address], Anchor] = field(default_factory=dict)


class Written(NamedTuple):
    """What one write of cells put there: (depth, address, cell, value, block number) of each."""

    chain_id: int
    revision: int
    cells: Sequence[tuple[Depth, Address, str, int | None, int]]


class Snapshots:
    """What is kept of one ledger; threads may share it, each finds its own truth or reads it."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._kept: dict[tuple[int, Depth], Snapshot] = {}
        self._lock = Lock()

    def kept(self, chain_id: int, depth: Depth) -> Snapshot:
        """Return the newest snapshot, which is empty before the first."""
        return self._kept.get((chain_id, depth), Snapshot())

    def keep(self, chain_id: int, depth: Depth, snapshot: Snapshot) -> None:
        """Keep a snapshot of what is committed, unless a later one is here already."""
        with self._lock:
            if snapshot.revision > self.kept(chain_id, depth).revision:
                self._kept[chain_id, depth] = snapshot

    def follow(self, written: Written) -> None:
        """Let what was kept just before a committed write of cells become what is after it."""
        with self._lock:
            for depth in Depth:
                old = self.kept(written.chain_id, depth)
                if old.revision == written.revision - 1:
                    rows = [cell[1:] for cell in written.cells if cell[0] is depth]
                    new = _renewed(old, rows, written.revision, depth)
                    self._kept[written.chain_id, depth] = new


def session_info(snapshots: Snapshots, *, reads_only: bool) -> dict[Any, Any]:
    """Return what a session carries so that `snapshot` may use, and when reading renew, them."""
    return {_KEPT: (snapshots, reads_only)}


def note_written(session: Session, written: Written) -> None:
    """Remember in a writing session what it wrote, for when it is committed."""
    session.info.setdefault(_WRITTEN, []).append(written)


def keep_written(session: Session) -> None:
    """Keep what a session wrote; called right after its commit."""
    snapshots, _ = session.info.get(_KEPT, (Snapshots(), False))
    for written in session.info.pop(_WRITTEN, ()):
        snapshots.follow(written)


def snapshot(session: Session, chain_id: int, depth: Depth) -> Snapshot:
    """Return the newest cells of a chain at a depth, as this session's transaction sees them."""
    snapshots, reads_only = session.info.get(_KEPT, (Snapshots(), False))
    revision = ask(session, _REVISION, {"chain_id": chain_id}).scalar()
    revision = 0 if revision is None else revision
    found: Snapshot = snapshots.kept(chain_id, depth)
    if found.revision == revision:
        return found
    if found.revision > revision:  # this transaction began before the snapshot was made
        found = Snapshot()
    known = {"chain_id": chain_id, "depth": depth.value, "known": found.revision}
    rows = ask(session, _LATER, known).all()
    found = _renewed(found, rows, revision, depth)
    if reads_only:
        snapshots.keep(chain_id, depth, found)
    return found


def _renewed(old: Snapshot, rows: Sequence[Any], revision: int, depth: Depth) -> Snapshot:
    if not rows:  # the revision is that of another depth's cells
        return replace(old, revision=revision)
    balances, nonces, anchors = dict(old.balances), dict(old.nonces), dict(old.anchors)
    for address, cell, value, block_number in rows:
        if depth is not Depth.CALM and cell == NONCE:
            nonces[address] = value
        elif depth is not Depth.CALM:
            balances[address, cell] = value
        elif value is not None:
            anchors[address, cell] = Anchor(value=value, block_number=block_number)
        else:
            anchors.pop((address, cell), None)
    return Snapshot(revision=revision, balances=balances, nonces=nonces, anchors=anchors)
