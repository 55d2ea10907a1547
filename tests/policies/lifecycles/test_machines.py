"""The state machines: only legal edges, only by their owners, no dead ends, no ways back."""

from __future__ import annotations

import re
from enum import StrEnum
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.lifecycles import (
    ATTEMPT,
    EXPOSURE,
    INCIDENT,
    MACHINES,
    MOTION,
    REFILL,
    TRANSFER,
    WALLET,
    WITHDRAWAL,
    AttemptState,
    ExposureState,
    IncidentState,
    Machine,
    MotionState,
    Owner,
    RefillState,
    TransferState,
    WalletState,
    WithdrawalState,
    check_edge,
    is_open,
    is_terminal,
)

ROOM = Path(__file__).parents[3] / "policies/lifecycles"
ALL = list(MACHINES.values())
EVERY_MACHINE = pytest.mark.parametrize("machine", ALL, ids=lambda machine: machine.name)

FINAL = {
    REFILL: {"SETTLED", "FAILED", "REJECTED", "EXPIRED", "WITHDRAWN"},
    WALLET: {"RETIRED"},
    INCIDENT: {"CLOSED"},
    TRANSFER: {"CONFIRMED", "REVERTED", "CANCELLED", "USURPED"},
    ATTEMPT: set(),
    MOTION: {"CARRIED", "REJECTED", "EXPIRED"},
    WITHDRAWAL: {"PAID", "REFUSED", "CANCELLED"},
    EXPOSURE: set(),
}


def _legal(machine: Machine) -> set[tuple[StrEnum | None, StrEnum, Owner]]:
    return {(edge.old, edge.new, owner) for edge in machine.edges for owner in edge.owners}


@EVERY_MACHINE
def test_only_the_table_is_allowed(machine: Machine) -> None:
    """R1.6: of all pairs of states and owners exactly those of the table pass."""
    legal = _legal(machine)
    states = list(machine.states)
    for old, new, owner in product([None, *states], states, Owner):
        reasons = check_edge(machine, old, new, owner)

        assert ((old, new, owner) in legal) == (reasons == ())


@EVERY_MACHINE
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_random_walks_take_only_legal_edges(machine: Machine, data: st.DataObject) -> None:
    """R1.6: whatever stations try in whatever order, a row only ever moves along an edge."""
    steps = st.tuples(st.sampled_from(list(machine.states)), st.sampled_from(Owner))
    state: StrEnum | None = None
    for new, owner in data.draw(st.lists(steps, max_size=60)):
        if not check_edge(machine, state, new, owner):
            assert (state, new, owner) in _legal(machine)
            assert state is None or not is_terminal(state)
            state = new


@EVERY_MACHINE
def test_every_state_is_reached_and_every_edge_written_once(machine: Machine) -> None:
    """No state is unreachable, no edge stands twice, every edge has an owner."""
    reached: set[StrEnum | None] = {None}
    for _ in machine.edges:
        reached |= {edge.new for edge in machine.edges if edge.old in reached}
    pairs = [(edge.old, edge.new) for edge in machine.edges]

    assert reached == {None, *machine.states}
    assert len(pairs) == len(set(pairs))
    assert all(edge.owners for edge in machine.edges)
    assert all(edge.old != edge.new for edge in machine.edges)


@EVERY_MACHINE
def test_final_states_have_no_exit(machine: Machine) -> None:
    """What is over stays over; a fresh matter is a fresh row."""
    final = {state for state in machine.states if is_terminal(state)}

    assert FINAL[machine] == final
    assert final <= machine.closed
    for state, new, owner in product(final, machine.states, Owner):
        (reason,) = check_edge(machine, state, new, owner)
        assert reason.code == "no_edge"
        assert f"{state} is final" in reason.text


@EVERY_MACHINE
def test_open_means_not_closed(machine: Machine) -> None:
    """A closed state is not open, and every open state leads on."""
    for state in machine.states:
        assert is_open(state) == (state not in machine.closed)
        assert not is_open(state) or machine.exits(state)


@pytest.mark.parametrize(
    "state", [RefillState.PROPOSED, RefillState.APPROVED, RefillState.RELEASED]
)
def test_open_refills_are_those_that_may_still_move_money(state: RefillState) -> None:
    """The unique index of open refills covers exactly these three."""
    assert is_open(state)


@pytest.mark.parametrize(
    ("machine", "old", "new", "owner"),
    [
        (REFILL, RefillState.PROPOSED, RefillState.RELEASED, Owner.RELEASE),
        (REFILL, RefillState.FAILED, RefillState.RELEASED, Owner.RELEASE),
        (REFILL, RefillState.EXPIRED, RefillState.APPROVED, Owner.TALLY),
        (REFILL, RefillState.REJECTED, RefillState.APPROVED, Owner.TALLY),
        (REFILL, RefillState.RELEASED, RefillState.APPROVED, Owner.RELEASE),
        (REFILL, None, RefillState.APPROVED, Owner.ASSESS),
        (WALLET, WalletState.ISOLATED, WalletState.ACTIVE, Owner.TALLY),
        (WALLET, WalletState.RETIRED, WalletState.STANDBY, Owner.TALLY),
        (WALLET, WalletState.ACTIVE, WalletState.RETIRED, Owner.TALLY),
        (WALLET, None, WalletState.ACTIVE, Owner.TALLY),
        (TRANSFER, TransferState.IN_FLIGHT, TransferState.CANCELLED, Owner.DISPATCH),
        (TRANSFER, TransferState.IN_FLIGHT, TransferState.QUEUED, Owner.DISPATCH),
        (TRANSFER, TransferState.IN_FLIGHT, TransferState.CONFIRMED, Owner.CONFIRM),
        (TRANSFER, TransferState.QUEUED, TransferState.MINED, Owner.CONFIRM),
        (ATTEMPT, None, AttemptState.BROADCAST, Owner.DISPATCH),
        (WITHDRAWAL, WithdrawalState.QUEUED, WithdrawalState.HELD, Owner.RELEASE),
        (WITHDRAWAL, WithdrawalState.CANCELLED, WithdrawalState.QUEUED, Owner.API),
        (INCIDENT, IncidentState.OPEN, IncidentState.CLOSED, Owner.TALLY),
        (MOTION, MotionState.EXPIRED, MotionState.CARRIED, Owner.TALLY),
    ],
)
def test_forbidden_shortcuts(
    machine: Machine, old: StrEnum | None, new: StrEnum, owner: Owner
) -> None:
    """R2.13: no release without consent, no return from failure, no way out of isolation alone."""
    (reason,) = check_edge(machine, old, new, owner)

    assert reason.code == "no_edge"


@pytest.mark.parametrize(
    ("machine", "old", "new", "thief"),
    [
        (REFILL, RefillState.PROPOSED, RefillState.APPROVED, Owner.API),
        (REFILL, RefillState.APPROVED, RefillState.RELEASED, Owner.TALLY),
        (REFILL, RefillState.RELEASED, RefillState.SETTLED, Owner.DISPATCH),
        (WALLET, WalletState.ISOLATED, WalletState.STANDBY, Owner.GUARD),
        (WALLET, WalletState.ISOLATED, WalletState.STANDBY, Owner.API),
        (INCIDENT, IncidentState.CONTAINED, IncidentState.CLOSED, Owner.API),
        (MOTION, MotionState.PROPOSED, MotionState.CARRIED, Owner.API),
        (EXPOSURE, ExposureState.HALTED, ExposureState.RUNNING, Owner.API),
        (EXPOSURE, ExposureState.HALTED, ExposureState.RUNNING, Owner.DAEMON),
    ],
)
def test_an_edge_belongs_to_its_owner(
    machine: Machine, old: StrEnum, new: StrEnum, thief: Owner
) -> None:
    """R2.10: toward exposure only the station that counted a quorum takes the step."""
    (reason,) = check_edge(machine, old, new, thief)

    assert reason.code == "not_owner"
    assert reason.text.endswith(f"not to {thief}")


@pytest.mark.parametrize("owner", [Owner.API, Owner.GUARD, Owner.CONFIRM, Owner.DAEMON])
def test_anybody_halts(owner: Owner) -> None:
    """R8.11: one person, or any doubt of ours, halts."""
    assert check_edge(EXPOSURE, ExposureState.RUNNING, ExposureState.HALTED, owner) == ()


def test_states_of_another_machine_are_refused() -> None:
    """Two machines may share a word; a row of one never takes a state of the other."""
    (reason,) = check_edge(REFILL, None, MotionState.PROPOSED, Owner.ASSESS)
    (other,) = check_edge(REFILL, MotionState.PROPOSED, RefillState.APPROVED, Owner.TALLY)

    assert reason.code == other.code == "foreign_state"
    assert "is no state of a refill" in reason.text
    # Equal words are equal keys: an answer about one must not be remembered for the other.
    assert check_edge(REFILL, None, RefillState.PROPOSED, Owner.ASSESS) == ()
    assert check_edge(REFILL, RefillState.PROPOSED, RefillState.APPROVED, Owner.TALLY) == ()


@EVERY_MACHINE
def test_refusals_say_what_would_be_possible(machine: Machine) -> None:
    """A refused step names the states that can follow."""
    first = machine.exits(None)[0]
    (reason,) = check_edge(machine, first, first, Owner.NOTIFY)

    assert f"a {machine.name} cannot go from {first} to {first}" in reason.text
    assert all(state in reason.text for state in machine.exits(first))


_LINE = re.compile(r"^    (?P<old>[A-Za-z][A-Za-z_, ]*?) -> (?P<new>[A-Z][A-Z_, ]*?) +\[")
_OWNERS = re.compile(r"\[([a-z, ]+)\]")


def _written(text: str) -> dict[tuple[str, str], set[str]]:
    """Read the edges that a docstring tells, with their owners."""
    edges: dict[tuple[str, str], set[str]] = {}
    open_edges: list[tuple[str, str]] = []
    for line in text.splitlines():
        match = _LINE.match(line)
        if match:
            pairs = product(match["old"].split(", "), match["new"].split(", "))
            open_edges = list(pairs)
        elif not line.startswith(" " * 20):
            open_edges = []
        for pair in open_edges:
            for names in _OWNERS.findall(line):
                edges.setdefault(pair, set()).update(names.split(", "))
    return edges


@pytest.mark.parametrize(
    "name", ["refill", "wallet", "incident", "transfer", "motion", "withdrawal", "exposure"]
)
def test_the_words_above_a_machine_tell_its_table(name: str) -> None:
    """The diagram's list of edges and owners in each file is the table below it, exactly."""
    machines = [m for m in ALL if m.name == name or (name == "transfer" and m is ATTEMPT)]
    table = {
        (edge.old or "nothing", str(edge.new)): set(edge.owners)
        for machine in machines
        for edge in machine.edges
    }

    written = _written((ROOM / f"{name}.py").read_text())

    assert table == {pair: {Owner(word) for word in words} for pair, words in written.items()}
