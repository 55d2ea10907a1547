"""Motion: any act other than a transfer that is put to a quorum.

     PROPOSED ----> CARRIED
        +---------> REJECTED
        +---------> EXPIRED

    nothing -> PROPOSED    [api]     a person's signed motion
    PROPOSED -> CARRIED    [tally]   the signer carried it: a quorum of the present roster signed
    PROPOSED -> REJECTED   [tally]   a signed veto, or M can no longer be reached
    PROPOSED -> EXPIRED    [tally]   past `expires_at`

Kinds: adopt, rotate, reinstate, retire, close, resume, skip_nonce.

PROPOSED    nothing has changed. CARRIED, REJECTED, EXPIRED are final; what was carried took effect
            in the signer first and in the ledger by the same tally.
"""

from __future__ import annotations

from enum import StrEnum

from policies.lifecycles.machine import Machine, Owner, edge


class MotionState(StrEnum):
    """Where a motion stands."""

    PROPOSED = "PROPOSED"
    CARRIED = "CARRIED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


_S = MotionState

MOTION = Machine(
    name="motion",
    states=MotionState,
    edges=(
        edge(None, _S.PROPOSED, Owner.API),
        edge(_S.PROPOSED, _S.CARRIED, Owner.TALLY),
        edge(_S.PROPOSED, _S.REJECTED, Owner.TALLY),
        edge(_S.PROPOSED, _S.EXPIRED, Owner.TALLY),
    ),
    closed=frozenset({_S.CARRIED, _S.REJECTED, _S.EXPIRED}),
)
