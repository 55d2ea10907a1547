"""Isolation: a whole fate group falls in one commit, and the signer knew before the ledger did."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from policies.lifecycles import RefillState, WalletState
from tests.fakes.belt import Belt, Crash
from tests.laws import ETH, address_of, make_law
from treasury.ledger.queries import standings

THIEF = address_of("thief")


@pytest.fixture
def shared(directory: Path, quiet: None) -> Belt:
    """A belt whose two hot wallets share a host; hot-a is low, so a refill is proposed."""
    law = make_law(**{"wallets.hot-b.fate_group": "rack-1"}).law
    belt = Belt(directory, law=law)
    belt.run(2)
    return belt


def states(belt: Belt) -> list[WalletState | None]:
    """Return how both hot wallets stand."""
    return [belt.standing(name).state for name in ("hot-a", "hot-b")]


def test_one_stolen_key_takes_the_whole_host(shared: Belt) -> None:
    """R2.5: both wallets of the host fall at the first look, each with its incident."""
    shared.chain.spend(address_of("hot-a"), THIEF, ETH)
    shared.chain.mine()
    shared.watch()
    with shared.ledger.read() as session:
        incidents = standings.incidents(session, only_open=True)

    assert [WalletState.ISOLATED] * 2 == states(shared)
    assert {"hot-a", "hot-b"} == {incident.wallet for incident in incidents}
    assert RefillState.WITHDRAWN is shared.refills()[0].state


@pytest.mark.crash
@pytest.mark.parametrize("when", ["before", "after"])
def test_it_is_all_or_nothing_in_the_ledger(shared: Belt, when: str) -> None:
    """R2.5: dead around the commit, never one of the two alone; the next tick goes on."""
    shared.chain.spend(address_of("hot-a"), THIEF, ETH)
    shared.chain.mine()
    shared.crash_at(10_000)
    shared.fuse.blows_at = None
    places: list[str] = []
    reach = shared.fuse.reach

    def die_at_the_isolation(place: str) -> None:
        places.append(place)
        if place.startswith(f"{when} commit of") and "incident" in place:
            raise Crash(place)
        reach(place)

    shared.fuse.reach = die_at_the_isolation  # type: ignore[method-assign]
    with contextlib.suppress(Crash):
        shared.watch()
    shared.fuse.reach = reach  # type: ignore[method-assign]
    shared.restart()
    at_once = states(shared)
    shared.run(2)

    assert at_once in ([WalletState.ISOLATED] * 2, [WalletState.ACTIVE, WalletState.STANDBY])
    assert any("incident" in place for place in places)
    assert [WalletState.ISOLATED] * 2 == states(shared)
