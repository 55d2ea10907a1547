"""The ledger: the only room of the daemon with SQL.

    engine      open the file (or the server), migrate it, hold the lease; `read()` and `write()`
    tables      storage rows; nobody outside this room touches them
    facts       frozen facts: what the rest of the daemon reads and hands back
    queries     named questions, by subject; a session in, facts out
    moves       `create` and `move`: the one way to a new state, with its journal line
    journal     the hash chain: append, verify, read
    marks       what is written without a lifecycle: looks, approvals, freezes, laws

Writing outside an edge of `policies.lifecycles` is possible only in `marks`.
"""

from sqlmodel import Session

from treasury.ledger.engine import Ledger, open_ledger

__all__ = ["Ledger", "Session", "open_ledger"]
