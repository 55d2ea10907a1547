"""Incident: a wallet was cut off, what is left is brought home, people decide what it was.

    OPEN <----> CONTAINED ----> CLOSED (compromise | false alarm)

    nothing -> OPEN        [guard]   in one commit: the wallet ISOLATED, its PROPOSED and APPROVED
                                     refills WITHDRAWN, QUEUED transfers to or from it CANCELLED,
                                     the successor ACTIVE (if any), the evacuation QUEUED
    OPEN -> CONTAINED      [guard]   the live wallet is published and acknowledged, nothing of ours
                                     is in flight to the isolated one, its balance is below dust or
                                     waived, the successor lives or its absence was accepted
    CONTAINED -> OPEN      [guard]   the isolated wallet bleeds again
    CONTAINED -> CLOSED    [tally]   motion `close` with outcome and note; the wallet's own edge
                                     (STANDBY or RETIRED) is in the same commit

OPEN        evacuation goes on, transfer after transfer; every alarm rings.
CONTAINED   nothing more can be lost from this wallet; watching goes on at the same pace.
CLOSED      never opened again: fresh trouble is a fresh incident.
"""

from __future__ import annotations

from enum import StrEnum

from policies.lifecycles.machine import Machine, Owner, edge


class IncidentState(StrEnum):
    """Where an incident stands."""

    OPEN = "OPEN"
    CONTAINED = "CONTAINED"
    CLOSED = "CLOSED"


class IncidentOutcome(StrEnum):
    """What people found that it was: the first retires the wallet, the second brings it back."""

    COMPROMISE = "compromise"
    FALSE_ALARM = "false_alarm"


_S = IncidentState

INCIDENT = Machine(
    name="incident",
    states=IncidentState,
    edges=(
        edge(None, _S.OPEN, Owner.GUARD),
        edge(_S.OPEN, _S.CONTAINED, Owner.GUARD),
        edge(_S.CONTAINED, _S.OPEN, Owner.GUARD),
        edge(_S.CONTAINED, _S.CLOSED, Owner.TALLY),
    ),
    closed=frozenset({_S.CLOSED}),
)
