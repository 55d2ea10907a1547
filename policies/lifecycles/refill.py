"""Refill: vault to hot wallet, on terms that treasurers signed.

     PROPOSED ----> APPROVED ----> RELEASED ----> SETTLED
        |              |              +---------> FAILED
        +-> REJECTED <-+
        +-> EXPIRED  <-+
        +-> WITHDRAWN <+

    nothing -> PROPOSED    [assess]   the bands say so at the head; the daemon is the maker
                           [api]      a person's signed proposal
    PROPOSED -> APPROVED   [tally]    the signer's `lodge` says that the quorum is reached
    PROPOSED -> REJECTED   [tally]    a signed veto, or M can no longer be reached
    APPROVED -> REJECTED   [tally]    a signed veto while the time-lock runs: that is its purpose
    PROPOSED -> EXPIRED    [tally, release]   past `expires_at`
    APPROVED -> EXPIRED    [tally, release]   past `expires_at`
    PROPOSED -> WITHDRAWN  [tally, guard]     by its maker, or its wallet left ACTIVE
    APPROVED -> WITHDRAWN  [tally, guard]     likewise
    APPROVED -> RELEASED   [release]  time-lock over, window open, wallet ACTIVE and calm, and both
                                      stamps still leave room; the same commit queues the transfer
    RELEASED -> SETTLED    [confirm]  its transfer is CONFIRMED
    RELEASED -> FAILED     [confirm]  its transfer is REVERTED, CANCELLED or USURPED
                           [dispatch, guard]  its transfer was cancelled before the first
                                      signature, in the same commit

Everywhere: the terms never change; another amount is another refill, with new consent. At most one
refill per wallet and asset is open (PROPOSED, APPROVED, RELEASED): a unique index.

PROPOSED    no transfer exists. Approvals are kept as they arrive and count only in the signer.
APPROVED    no transfer exists. `release_at` is the signer's earliest signing time, not ours.
RELEASED    exactly one transfer exists. Expiry binds only until its first signature; afterwards
            nothing but `max_fee` and the destination's state can stop an attempt.
SETTLED     the transfer is CONFIRMED; the cooldown of the band begins.
FAILED      the transfer moved nothing for us. It never retries by itself: the cooldown begins, and
            a new refill needs new consent.
REJECTED, EXPIRED, WITHDRAWN    nothing was or will be signed for these terms.
"""

from __future__ import annotations

from enum import StrEnum

from policies.lifecycles.machine import Machine, Owner, edge


class RefillState(StrEnum):
    """Where a refill stands."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    RELEASED = "RELEASED"
    SETTLED = "SETTLED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


_S = RefillState

REFILL = Machine(
    name="refill",
    states=RefillState,
    edges=(
        edge(None, _S.PROPOSED, Owner.ASSESS, Owner.API),
        edge(_S.PROPOSED, _S.APPROVED, Owner.TALLY),
        edge(_S.PROPOSED, _S.REJECTED, Owner.TALLY),
        edge(_S.APPROVED, _S.REJECTED, Owner.TALLY),
        edge(_S.PROPOSED, _S.EXPIRED, Owner.TALLY, Owner.RELEASE),
        edge(_S.APPROVED, _S.EXPIRED, Owner.TALLY, Owner.RELEASE),
        edge(_S.PROPOSED, _S.WITHDRAWN, Owner.TALLY, Owner.GUARD),
        edge(_S.APPROVED, _S.WITHDRAWN, Owner.TALLY, Owner.GUARD),
        edge(_S.APPROVED, _S.RELEASED, Owner.RELEASE),
        edge(_S.RELEASED, _S.SETTLED, Owner.CONFIRM),
        edge(_S.RELEASED, _S.FAILED, Owner.CONFIRM, Owner.DISPATCH, Owner.GUARD),
    ),
    closed=frozenset({_S.SETTLED, _S.FAILED, _S.REJECTED, _S.EXPIRED, _S.WITHDRAWN}),
)
