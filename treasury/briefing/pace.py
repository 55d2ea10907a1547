"""Measure the pace of a chain from the ledger: outflow per hour, and how long people take.

The rate is the larger of that of the last hour and that of the last day, so that a rush counts at
once and a quiet hour does not lull. Too short a time is unknown, and unknown asks for nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from policies.law import Band, Custody, Law
from policies.runway import HOUR_S, outflow_per_h, runway_s, usual_wait_s
from policies.terms import Address
from treasury.briefing.drops import DropsSeen
from treasury.ledger import Session
from treasury.ledger.queries import pace

DAY_S = 24 * HOUR_S
_SPANS_S = (HOUR_S, DAY_S)
_WAITS_MOST = 20
_HOLDS_S = 10
_Cell = tuple[Address, Address]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Outflow per hour in base units by (wallet, asset), and the usual wait in seconds by pool.

    `is_measured` says whether the chain was watched for long enough to tell an outflow.
    """

    is_measured: bool = False
    outflows: Mapping[tuple[Address, Address], int] = field(default_factory=dict)
    waits: Mapping[str, int] = field(default_factory=dict)

    def outflow(self, wallet: Address, asset: Address) -> int | None:
        """Return the outflow per hour, None while it is not measured."""
        return self.outflows.get((wallet, asset), 0) if self.is_measured else None

    def runway(self, wallet: Address, asset: Address, *, balance: int, band: Band) -> int | None:
        """Return the seconds until the floor; None when nothing flows out or it is not known."""
        return runway_s(balance, band, self.outflow(wallet, asset) or 0)


class PaceKeeper:
    """Measures one chain's pace, and keeps it for a few seconds.

    A rate per hour does not change at every tick, and a day of payments is long.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._pace = Pace()
        self._drops = DropsSeen(DAY_S)
        self._of: tuple[Law, int] | None = None
        self._at = 0

    def at(self, session: Session, law: Law, chain_id: int, now: int) -> Pace:
        """Return the pace, measured within the last seconds under this law."""
        if self._of != (law, chain_id):
            self._of, self._at, self._drops = (law, chain_id), -_HOLDS_S, DropsSeen(DAY_S)
        if not 0 <= now - self._at < _HOLDS_S:
            self._pace, self._at = self._measured(session, law, chain_id, now), now
        return self._pace

    def _measured(self, session: Session, law: Law, chain_id: int, now: int) -> Pace:
        chain, first = law.chain_by_id(chain_id), pace.first_look_at(session, chain_id)
        pools = [pool.name for pool in law.pools if chain is not None and pool.chain == chain.name]
        found = {name: usual_wait_s(pace.waits(session, name, _WAITS_MOST)) for name in pools}
        waits = {name: wait for name, wait in found.items() if wait is not None}
        watched_s = 0 if first is None else now - first
        if outflow_per_h(0, watched_s) is None:
            return Pace(waits=waits)
        outflows: dict[_Cell, int] = {}
        for span_s, sums in self._left(session, law, chain_id, now).items():
            for cell, amount in sums.items():
                rate = outflow_per_h(amount, min(span_s, watched_s)) or 0
                outflows[cell] = max(rate, outflows.get(cell, 0))
        return Pace(is_measured=True, outflows=outflows, waits=waits)

    def _left(
        self, session: Session, law: Law, chain_id: int, now: int
    ) -> Mapping[int, Mapping[_Cell, int]]:
        """Return by span what left each wallet; where others sign too, what was seen to leave."""
        sums = _added(pace.paid_out(session, chain_id, now - DAY_S), now)
        chain = law.chain_by_id(chain_id)
        shared = {
            wallet.address
            for wallet in law.wallets
            if chain and wallet.chain == chain.name and wallet.custody is Custody.SHARED
        }
        if not shared:
            return sums
        self._drops.follow(session, chain_id, shared, now)
        home = _added(pace.sent_home(session, chain_id, now - DAY_S), now)
        for span_s, paid in sums.items():
            for cell, fell in self._drops.since(now - span_s).items():
                paid[cell] = max(paid[cell], fell - home[span_s][cell])
        return sums


def measure(session: Session, law: Law, chain_id: int, now: int) -> Pace:
    """Measure one chain's pace now, from nothing."""
    return PaceKeeper().at(session, law, chain_id, now)


def _added(outflows: Iterable[pace.Outflow], now: int) -> dict[int, Counter[_Cell]]:
    """Add up outflows of the longest span for each span."""
    sums: dict[int, Counter[_Cell]] = {span_s: Counter() for span_s in _SPANS_S}
    for wallet, asset, amount, at in outflows:
        for span_s, counted in sums.items():
            if at > now - span_s:
                counted[wallet, asset] += amount
    return sums
