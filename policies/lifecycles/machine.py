"""What a state machine is: its states, its edges, and who may take each edge."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from policies.terms import Reason


class Owner(StrEnum):
    """Who may take an edge: a station, or one of the two roads into the belt."""

    OBSERVE = "observe"
    GUARD = "guard"
    ASSESS = "assess"
    TALLY = "tally"
    RELEASE = "release"
    DISPATCH = "dispatch"
    CONFIRM = "confirm"
    NOTIFY = "notify"
    API = "api"
    DAEMON = "daemon"


@dataclass(frozen=True, slots=True)
class Edge:
    """One step of a machine; `old` is None where a row is created."""

    old: StrEnum | None
    new: StrEnum
    owners: frozenset[Owner]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Machine:
    """A named machine; in a `closed` state the matter is over."""

    name: str
    states: type[StrEnum]
    edges: tuple[Edge, ...]
    closed: frozenset[StrEnum]

    def exits(self, state: StrEnum | None) -> tuple[StrEnum, ...]:
        """Return the states that can follow; for None those in which a row may begin."""
        return tuple(edge.new for edge in self.edges if edge.old == state)

    def edge(self, old: StrEnum | None, new: StrEnum) -> Edge | None:
        """Return the edge between two states, if there is one."""
        return next((e for e in self.edges if e.old == old and e.new == new), None)


def edge(old: StrEnum | None, new: StrEnum, *owners: Owner) -> Edge:
    """Write one line of a machine's table."""
    return Edge(old, new, frozenset(owners))


@lru_cache(maxsize=1_024, typed=True)  # equal words of two machines are not the same state
def check_edge(
    machine: Machine, old: StrEnum | None, new: StrEnum, owner: Owner
) -> tuple[Reason, ...]:
    """Say why a step is not allowed; empty means that it is. `old` is None for a new row."""
    foreign = [s for s in (old, new) if s is not None and not isinstance(s, machine.states)]
    if foreign:
        text = f"{foreign[0]!r} is no state of a {machine.name}"
        return (Reason(code="foreign_state", text=text),)
    step = machine.edge(old, new)
    if step is None:
        return (Reason(code="no_edge", text=_no_edge(machine, old, new)),)
    if owner not in step.owners:
        owners = " or ".join(sorted(step.owners))
        text = f"the step of a {machine.name} {_step(old, new)} belongs to {owners}, not to {owner}"
        return (Reason(code="not_owner", text=text),)
    return ()


def _no_edge(machine: Machine, old: StrEnum | None, new: StrEnum) -> str:
    after = machine.exits(old)
    follow = f"only {', '.join(after)} can follow" if after else f"{old} is final"
    return f"a {machine.name} cannot go {_step(old, new)}: {follow}"


def _step(old: StrEnum | None, new: StrEnum) -> str:
    return f"from {old or 'nothing'} to {new}"
