"""What every pool's judgement has learned, in memory, and exactly the same again after a crash.

The ledger holds each judged outflow and, now and then, all that was learned up to one of them.
The judgement is deterministic, so the state is whatever follows from those rows: what is in memory
is used only while it stands at the pool's newest row, else it is worked out anew. A pool learns as
one, because a swap changes its wallets and not its customers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from config.settings import JudgementSettings
from policies.outflow import Outflow, WalletWatch
from policies.outflow.bounds import Bounds, BoundsWatch, Request, WindowBound
from policies.outflow.state import StateError, from_bytes, to_bytes
from treasury.ledger import Session, outflow_marks
from treasury.ledger.facts_outflow import JudgedOutflow
from treasury.ledger.queries import outflows

WRITE_EVERY = 128
"""How many outflows are judged again at most after a start."""
LIMIT_SIZE = 10**9
"""The size of an outflow as large as the law's limit for one withdrawal."""
_PER_MILLE = 1_000


@dataclass(slots=True, kw_only=True)
class Mind:
    """One pool's learned watch and its explicit windows, up to an outflow's number."""

    learned: WalletWatch
    bounds: BoundsWatch
    upto_id: int
    written_id: int

    def is_due(self) -> bool:
        """Say whether what was learned should be written down."""
        return self.upto_id - self.written_id >= WRITE_EVERY or not self.written_id


@dataclass(slots=True)
class Watches:
    """The minds of all pools; taken out while one judges, put back when the ledger has it too."""

    settings: JudgementSettings = field(default_factory=JudgementSettings)
    _minds: dict[str, Mind] = field(default_factory=dict)

    def take(self, session: Session, pool: str, past: Iterable[Outflow], *, salt: int) -> Mind:
        """Return the pool's mind as the ledger has it; `past` is learned if there is nothing yet.

        It is taken out: a transaction that fails leaves nothing behind in memory.
        """
        mind = self._minds.pop(pool, None)
        if mind is not None and mind.upto_id == outflows.newest_id(session, pool):
            return mind
        return self._recalled(session, pool, past, salt)

    def put(self, pool: str, mind: Mind) -> None:
        """Keep a mind whose newest outflow is committed."""
        self._minds[pool] = mind

    def _recalled(self, session: Session, pool: str, past: Iterable[Outflow], salt: int) -> Mind:
        learned, upto_id = _restored(session, pool, salt)
        if not upto_id:
            for outflow in past:
                learned.judge(outflow)
        written_id = upto_id
        for row in outflows.after(session, pool, upto_id):
            learned.judge(event_of(row))
            upto_id = row.id
        bounds = BoundsWatch(_bounds(self.settings))
        newest = outflows.newest_at(session, pool)
        longest = max(self.settings.window_s, self.settings.quarantine_s)
        for row in outflows.since(session, pool, newest - longest):
            bounds.judge(request_of(row, balance=None))
        return Mind(learned=learned, bounds=bounds, upto_id=upto_id, written_id=written_id)


def keep(session: Session, pool: str, mind: Mind, *, now: int) -> None:
    """Write down what was learned when it is due, in the caller's transaction."""
    if mind.is_due():
        state = to_bytes(mind.learned).decode()
        outflow_marks.keep_learned(session, pool, mind.upto_id, state, now=now)
        mind.written_id = mind.upto_id


def learned_of(session: Session, pool: str) -> WalletWatch | None:
    """Return what a pool's judgement has learned, worked out from the ledger; None: nothing yet."""
    learned, upto_id = _restored(session, pool, salt=0)
    rows = outflows.after(session, pool, upto_id)
    for row in rows:
        learned.judge(event_of(row))
    return learned if upto_id or rows else None


def event_of(row: JudgedOutflow) -> Outflow:
    """Return a stored outflow as the learned judgement reads it."""
    return Outflow(
        time=row.at,
        recipient=row.recipient,
        asset=row.asset,
        amount=float(row.amount),
        balance=None if row.balance is None else float(row.balance),
    )


def request_of(row: JudgedOutflow, *, balance: int | None) -> Request:
    """Return a stored outflow as the explicit bounds read it; both sizes in the same measure."""
    return Request(
        time=row.at,
        recipient=row.recipient,
        asset=row.asset,
        amount=row.size,
        is_first_use=row.is_first_use,
        balance=balance,
    )


def _restored(session: Session, pool: str, salt: int) -> tuple[WalletWatch, int]:
    """Return the stored watch; one that cannot be used is learned anew from every row."""
    found = outflows.learned(session, pool)
    if found is not None:
        try:
            return from_bytes(found.state.encode()), found.upto_id
        except StateError:
            pass  # another program's version: the rows are all there
    return WalletWatch(salt=salt), 0


def _bounds(settings: JudgementSettings) -> Bounds:
    window = WindowBound(
        span_s=settings.window_s,
        assets_to_first_use=settings.first_use_assets or None,
        first_use_recipients=settings.first_use_recipients or None,
    )
    return Bounds(
        windows=(window,),
        canary_below=LIMIT_SIZE * settings.tiny_permille // _PER_MILLE or None,
        canary_s=settings.quarantine_s,
        drain_percent=settings.drain_percent or None,
    )
