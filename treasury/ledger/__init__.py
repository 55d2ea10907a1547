"""The ledger: the only room of the daemon with SQL.

    engine      open the file (or the server), migrate it, hold the lease; `read()` and `write()`
    tables      storage rows; nobody outside this room touches them
    facts       frozen facts: what the rest of the daemon reads and hands back
    queries     named questions, by subject; a session in, facts out
    snapshots   the newest cells, kept in memory between questions and proven by their revision
    moves       `create` and `move`: the one way to a new state, with its journal line
    journal     the hash chain: append, verify, read
    marks       what is written without a lifecycle: approvals, freezes, laws
    cell_marks  looks at a chain: ticks, the cells that changed, the guard's anchors

Writing outside an edge of `policies.lifecycles` is possible only in the rooms of marks.
"""

from sqlmodel import Session

from treasury.ledger.engine import Ledger, open_ledger

__all__ = ["Ledger", "Session", "open_ledger"]
