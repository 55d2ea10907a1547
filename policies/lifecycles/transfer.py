"""Transfer (one intended movement, one nonce) and attempt (one raw transaction for it).

     QUEUED ----> IN_FLIGHT <----> MINED ----> CONFIRMED | REVERTED | CANCELLED
       +-> CANCELLED  +-> USURPED

    nothing -> QUEUED      [release]   a refill was released
                           [assess]    a sweep or a top-up; unique key per cause
                           [guard]     an evacuation
                           [api, release]  a withdrawal
    nothing -> IN_FLIGHT   [dispatch]  the signer's book knows a signed order that we do not: the
                                       book wins on what was signed
    QUEUED -> CANCELLED    [guard]     source or destination was isolated
                           [dispatch]  consent expired before the first signature, the signer
                                       refused for good, or an evacuation's bytes are another's
    QUEUED -> IN_FLIGHT    [dispatch]  the signer answered `signed`; nonce, raw bytes and hash are
                                       stored with the attempt in one commit, after sender and
                                       fields were read back from the bytes. `not_ready` stays
    IN_FLIGHT -> MINED     [confirm]   a receipt of any attempt: that one WON, its siblings LOST
    MINED -> IN_FLIGHT     [confirm]   the receipt vanished; the same bytes are sent again
    MINED -> CONFIRMED     [confirm]   final, status 1
    MINED -> REVERTED      [confirm]   final, status 0
    MINED -> CANCELLED     [confirm]   final, and the winner is the cancel attempt
    IN_FLIGHT -> USURPED   [confirm]   the chain's nonce passed ours at depth, and none of our
                                       hashes has a receipt

QUEUED      has no attempt: nothing can reach the chain. It has a nonce only when the signer's book
            recorded one and could not sign yet; then it goes first, or a cancel fills the nonce.
IN_FLIGHT   has a nonce, unique per chain and source, and at least one attempt with its bytes.
MINED       exactly one attempt WON. Not yet final: no money is counted as arrived for good.
CONFIRMED, REVERTED    the nonce is spent by us at finality.
CANCELLED   no nonce was ever taken, our own zero-to-self spent it, or it was never but another name
            for an evacuation that has the same bytes.
USURPED     somebody else signed with this key: an incident on a hot wallet, a halt on the others.

     SIGNED ----> BROADCAST ----> WON | LOST

    nothing -> SIGNED      [dispatch]  original, bump or cancel; bytes stored before any node saw it
    SIGNED -> BROADCAST    [dispatch]  a node accepted it or said "already known"
    BROADCAST -> WON       [confirm]   its receipt is there
    BROADCAST -> LOST      [confirm]   a sibling's receipt is there, or the nonce was usurped
    SIGNED -> WON, LOST    [confirm]   likewise, when we died between sending and writing it down
    WON, LOST -> BROADCAST [confirm]   the transfer fell back from MINED; every sibling may win

Everywhere: a signed nonce is never dropped silently, a timeout is no outcome, "nonce too low" is a
question that receipts answer, and sending stored bytes again is always safe.
"""

from __future__ import annotations

from enum import StrEnum

from policies.lifecycles.machine import Machine, Owner, edge


class TransferState(StrEnum):
    """Where a transfer stands."""

    QUEUED = "QUEUED"
    IN_FLIGHT = "IN_FLIGHT"
    MINED = "MINED"
    CONFIRMED = "CONFIRMED"
    REVERTED = "REVERTED"
    CANCELLED = "CANCELLED"
    USURPED = "USURPED"


class AttemptState(StrEnum):
    """Where one raw transaction stands."""

    SIGNED = "SIGNED"
    BROADCAST = "BROADCAST"
    WON = "WON"
    LOST = "LOST"


_T = TransferState
_A = AttemptState

TRANSFER = Machine(
    name="transfer",
    states=TransferState,
    edges=(
        edge(None, _T.QUEUED, Owner.RELEASE, Owner.ASSESS, Owner.GUARD, Owner.API),
        edge(None, _T.IN_FLIGHT, Owner.DISPATCH),
        edge(_T.QUEUED, _T.CANCELLED, Owner.GUARD, Owner.DISPATCH),
        edge(_T.QUEUED, _T.IN_FLIGHT, Owner.DISPATCH),
        edge(_T.IN_FLIGHT, _T.MINED, Owner.CONFIRM),
        edge(_T.MINED, _T.IN_FLIGHT, Owner.CONFIRM),
        edge(_T.MINED, _T.CONFIRMED, Owner.CONFIRM),
        edge(_T.MINED, _T.REVERTED, Owner.CONFIRM),
        edge(_T.MINED, _T.CANCELLED, Owner.CONFIRM),
        edge(_T.IN_FLIGHT, _T.USURPED, Owner.CONFIRM),
    ),
    closed=frozenset({_T.CONFIRMED, _T.REVERTED, _T.CANCELLED, _T.USURPED}),
)

ATTEMPT = Machine(
    name="attempt",
    states=AttemptState,
    edges=(
        edge(None, _A.SIGNED, Owner.DISPATCH),
        edge(_A.SIGNED, _A.BROADCAST, Owner.DISPATCH),
        edge(_A.SIGNED, _A.WON, Owner.CONFIRM),
        edge(_A.SIGNED, _A.LOST, Owner.CONFIRM),
        edge(_A.BROADCAST, _A.WON, Owner.CONFIRM),
        edge(_A.BROADCAST, _A.LOST, Owner.CONFIRM),
        edge(_A.WON, _A.BROADCAST, Owner.CONFIRM),
        edge(_A.LOST, _A.BROADCAST, Owner.CONFIRM),
    ),
    closed=frozenset({_A.WON, _A.LOST}),
)
