"""Hot wallet: which of a pool's wallets pays, and which is cut off.

    (adopt) --> STANDBY <---rotate---> ACTIVE
                 |  ^                    |
                 |  +--reinstate--+      | isolate
                 +----isolate---> ISOLATED
                 |                   |
                 +----> RETIRED <----+

    nothing -> STANDBY     [tally]   a law that names the wallet was adopted by quorum
    STANDBY -> ACTIVE      [guard]   swap: the pool's active wallet is isolated in the signer's book
                           [tally]   rotation by quorum, or the first active wallet at adoption
    ACTIVE -> STANDBY      [tally]   rotation; the successor's promotion is in the same commit
    ACTIVE -> ISOLATED     [guard]   a verdict under the read quorum, or one person; no consent.
    STANDBY -> ISOLATED    [guard]   The signer is told first, then the commit; again at each start
    ISOLATED -> STANDBY    [tally]   motion `reinstate`
    ISOLATED -> RETIRED    [tally]   motion `retire`; finalised balance below dust
    STANDBY -> RETIRED     [tally]   likewise

Everywhere: at most one wallet per pool is ACTIVE (partial unique index), and the signer's book
knows which. Frozen is a flag beside the state: no withdrawal leaves, everything else goes on.

STANDBY     holds its start balance, receives no refill, signs no withdrawal.
ACTIVE      receives refills and pays withdrawals.
ISOLATED    receives no refill; signs nothing but its evacuation and the cancels and bumps of what
            it had signed before.
RETIRED     signs nothing and never returns; a new wallet has a new key and a new name.
"""

from __future__ import annotations

from enum import StrEnum

from policies.lifecycles.machine import Machine, Owner, edge


class WalletState(StrEnum):
    """Where a hot wallet stands."""

    STANDBY = "STANDBY"
    ACTIVE = "ACTIVE"
    ISOLATED = "ISOLATED"
    RETIRED = "RETIRED"


_S = WalletState

WALLET = Machine(
    name="wallet",
    states=WalletState,
    edges=(
        edge(None, _S.STANDBY, Owner.TALLY),
        edge(_S.STANDBY, _S.ACTIVE, Owner.GUARD, Owner.TALLY),
        edge(_S.ACTIVE, _S.STANDBY, Owner.TALLY),
        edge(_S.ACTIVE, _S.ISOLATED, Owner.GUARD),
        edge(_S.STANDBY, _S.ISOLATED, Owner.GUARD),
        edge(_S.ISOLATED, _S.STANDBY, Owner.TALLY),
        edge(_S.ISOLATED, _S.RETIRED, Owner.TALLY),
        edge(_S.STANDBY, _S.RETIRED, Owner.TALLY),
    ),
    closed=frozenset({_S.RETIRED}),
)
