"""Measure the pace of a chain from the ledger: outflow per hour, and how long people take.

The rate is the larger of that of the last hour and that of the last day, so that a rush counts at
once and a quiet hour does not lull. Too short a time is unknown, and unknown asks for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from policies.law import Band, Custody, Law
from policies.runway import HOUR_S, outflow_per_h, runway_s, usual_wait_s
from policies.terms import Address
from treasury.ledger import Session
from treasury.ledger.queries import pace

DAY_S = 24 * HOUR_S
_SPANS_S = (HOUR_S, DAY_S)
_WAITS_MOST = 20


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


def measure(session: Session, law: Law, chain_id: int, now: int) -> Pace:
    """Measure one chain's pace now."""
    chain = law.chain_by_id(chain_id)
    pools = [pool for pool in law.pools if chain is not None and pool.chain == chain.name]
    found = {pool.name: usual_wait_s(pace.waits(session, pool.name, _WAITS_MOST)) for pool in pools}
    waits = {name: wait for name, wait in found.items() if wait is not None}
    first = pace.first_look_at(session, chain_id)
    watched_s = 0 if first is None else now - first
    if outflow_per_h(0, watched_s) is None:
        return Pace(waits=waits)
    outflows: dict[tuple[Address, Address], int] = {}
    for span_s in _SPANS_S:
        for cell, amount in _left(session, law, chain_id, now - span_s).items():
            rate = outflow_per_h(amount, min(span_s, watched_s)) or 0
            outflows[cell] = max(rate, outflows.get(cell, 0))
    return Pace(is_measured=True, outflows=outflows, waits=waits)


def _left(
    session: Session, law: Law, chain_id: int, since: int
) -> Mapping[tuple[Address, Address], int]:
    """Return what left each wallet; where others sign too, what was seen to leave."""
    found = pace.paid_out(session, chain_id, since)
    chain = law.chain_by_id(chain_id)
    for wallet in law.wallets:
        is_shared = wallet.custody is Custody.SHARED
        if is_shared and chain is not None and wallet.chain == chain.name:
            found |= pace.drops_seen(session, chain_id, wallet.address, since)
    return found
