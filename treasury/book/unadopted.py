"""What the signer's book holds and our ledger does not know: to be taken over, and never given up.

A ledger that is older than the book lacks orders, or further attempts of orders that it knows. One
of those may be what was mined, so nothing is called foreign while the book knows more of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hsm.wire.answers import OrderRecord, OrdersPage
from treasury.ledger import Ledger
from treasury.ledger.queries import standings, transfers
from treasury.world import Books, Signer

_MOST_PAGES = 1_000
_PAGE = 100


def adopted_key(chain_id: int) -> str:
    """Return the name under which the place up to which the book was taken over is remembered."""
    return f"adopted_seq:{chain_id}"


def adopted_seq(world: Books) -> int:
    """Return up to which entry the book was taken over; 0 before the first time."""
    with world.ledger.read() as session:
        return int(standings.remembered(session, adopted_key(world.chain_id)) or "0")


def pages_since(signer: Signer, seq: int) -> Iterator[OrdersPage]:
    """Yield the orders that changed after entry `seq`, in pages. Raises leaves of `HsmError`."""
    for _ in range(_MOST_PAGES):
        page = signer.orders_since(seq, _PAGE)
        yield page
        seq = max([seq, *(record.seq for record in page.orders)])
        if not page.more:
            return


def unknown(ledger: Ledger, records: Sequence[OrderRecord]) -> list[OrderRecord]:
    """Leave out the orders of which our books hold every attempt: those bytes were compared."""
    with ledger.read() as session:
        known = transfers.known_hashes(session, ["0x" + r.order_id.hex() for r in records])
    nothing: frozenset[str] = frozenset()
    return [
        record
        for record in records
        if not record.attempts
        or not {"0x" + attempt.hash.hex() for attempt in record.attempts}
        <= known.get("0x" + record.order_id.hex(), nothing)
    ]


def unadopted(world: Books) -> frozenset[str]:
    """Return the ids of the orders of which the book holds bytes that our ledger lacks.

    Raises leaves of `HsmError` when the signer does not answer.
    """
    pages = pages_since(world.signer, adopted_seq(world))
    return frozenset(
        "0x" + record.order_id.hex()
        for page in pages
        for record in unknown(world.ledger, page.orders)
        if record.attempts
    )
