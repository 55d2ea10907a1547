"""Withdrawal: hot wallet to customer, asked once under an idempotency key.

     ACCEPTED ----> HELD ----> QUEUED ----> PAID
        |  |          |          +-> REFUSED | CANCELLED
        |  +--------- | -------> QUEUED          (nothing holds it)
        +-> REFUSED <-+
        +-> CANCELLED <+

    nothing -> ACCEPTED    [api]            the key is new; key and body are kept for ever
    ACCEPTED -> HELD       [api, release]   a limit, a freeze, a halt or the threshold of treasurers
    ACCEPTED -> QUEUED     [api, release]   nothing holds it; the same commit queues its transfer
    HELD -> QUEUED         [tally]          treasurers approved it
                           [release]        what held it is over
    ACCEPTED -> REFUSED    [api, release]   denied for good: destination, per-transfer limit
    HELD -> REFUSED        [tally]          a signed veto, or M can no longer be reached
                           [release]        past `expires_at`
    ACCEPTED -> CANCELLED  [api]            the service took it back before anything was queued
    HELD -> CANCELLED      [api]            likewise
    QUEUED -> PAID         [confirm]        a transfer of it is CONFIRMED
    QUEUED -> REFUSED      [dispatch]       the signer refused it for good; nothing was signed
    QUEUED -> CANCELLED    [release]        its last transfer is over at finality without paying,
                                            and it is not to be tried again

Everywhere: one withdrawal has one or more transfers, and the next begins only when the former is
CANCELLED, USURPED or REVERTED at finality; so it is paid at most once, and isolation of the sender
does not end it.

QUEUED      exactly one of its transfers is open, or the next one is about to be queued.
PAID        exactly one of its transfers is CONFIRMED.
REFUSED, CANCELLED    none of its transfers is open or CONFIRMED.
"""

from __future__ import annotations

from enum import StrEnum

from policies.lifecycles.machine import Machine, Owner, edge


class WithdrawalState(StrEnum):
    """Where a withdrawal stands."""

    ACCEPTED = "ACCEPTED"
    HELD = "HELD"
    QUEUED = "QUEUED"
    PAID = "PAID"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"


_S = WithdrawalState

WITHDRAWAL = Machine(
    name="withdrawal",
    states=WithdrawalState,
    edges=(
        edge(None, _S.ACCEPTED, Owner.API),
        edge(_S.ACCEPTED, _S.HELD, Owner.API, Owner.RELEASE),
        edge(_S.ACCEPTED, _S.QUEUED, Owner.API, Owner.RELEASE),
        edge(_S.HELD, _S.QUEUED, Owner.TALLY, Owner.RELEASE),
        edge(_S.ACCEPTED, _S.REFUSED, Owner.API, Owner.RELEASE),
        edge(_S.HELD, _S.REFUSED, Owner.TALLY, Owner.RELEASE),
        edge(_S.ACCEPTED, _S.CANCELLED, Owner.API),
        edge(_S.HELD, _S.CANCELLED, Owner.API),
        edge(_S.QUEUED, _S.PAID, Owner.CONFIRM),
        edge(_S.QUEUED, _S.REFUSED, Owner.DISPATCH),
        edge(_S.QUEUED, _S.CANCELLED, Owner.RELEASE),
    ),
    closed=frozenset({_S.PAID, _S.REFUSED, _S.CANCELLED}),
)
