"""The state machines: which edge exists, who owns it, and what is true in each state.

Every machine stands in its own file in the same form: a diagram, the edges with their owner, the
truths per state, then the same edges as a table. The table is the law: `ledger/moves.py` asks
`check_edge` before it writes a state, and nothing else writes one.

    refill       PROPOSED -> APPROVED -> RELEASED -> SETTLED | FAILED
    wallet       STANDBY <-> ACTIVE -> ISOLATED -> RETIRED
    incident     OPEN <-> CONTAINED -> CLOSED
    transfer     QUEUED -> IN_FLIGHT <-> MINED -> CONFIRMED | REVERTED | CANCELLED
    attempt      SIGNED -> BROADCAST -> WON | LOST
    motion       PROPOSED -> CARRIED | REJECTED | EXPIRED
    withdrawal   ACCEPTED -> HELD -> QUEUED -> PAID | REFUSED | CANCELLED
    exposure     RUNNING <-> HALTED

An owner is a station, or `api` for what a person or a service asked, or `daemon` for what the
start-up found. Two owners on one edge mean that either may take it, never that both do.
"""

from collections.abc import Mapping
from enum import StrEnum

from policies.lifecycles.exposure import EXPOSURE, ExposureState
from policies.lifecycles.incident import INCIDENT, IncidentOutcome, IncidentState
from policies.lifecycles.machine import Edge, Machine, Owner, check_edge
from policies.lifecycles.motion import MOTION, MotionState
from policies.lifecycles.refill import REFILL, RefillState
from policies.lifecycles.transfer import ATTEMPT, TRANSFER, AttemptState, TransferState
from policies.lifecycles.wallet import WALLET, WalletState
from policies.lifecycles.withdrawal import WITHDRAWAL, WithdrawalState

MACHINES: Mapping[type[StrEnum], Machine] = {
    machine.states: machine
    for machine in (REFILL, WALLET, INCIDENT, TRANSFER, ATTEMPT, MOTION, WITHDRAWAL, EXPOSURE)
}


def is_terminal(state: StrEnum) -> bool:
    """Say whether no edge leaves the state."""
    return not MACHINES[type(state)].exits(state)


def is_open(state: StrEnum) -> bool:
    """Say whether the matter is still running: it may yet move money, or wants attention."""
    return state not in MACHINES[type(state)].closed


__all__ = [
    "ATTEMPT",
    "EXPOSURE",
    "INCIDENT",
    "MACHINES",
    "MOTION",
    "REFILL",
    "TRANSFER",
    "WALLET",
    "WITHDRAWAL",
    "AttemptState",
    "Edge",
    "ExposureState",
    "IncidentOutcome",
    "IncidentState",
    "Machine",
    "MotionState",
    "Owner",
    "RefillState",
    "TransferState",
    "WalletState",
    "WithdrawalState",
    "check_edge",
    "is_open",
    "is_terminal",
]
