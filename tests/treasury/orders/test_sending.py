"""Who is cut off: what an isolated or retired wallet may still pay and get."""

from __future__ import annotations

import dataclasses

from policies.lifecycles import WalletState
from policies.terms import Purpose
from tests.fakes.belt import Belt
from tests.fakes.transfers import TRANSFER
from tests.laws import address_of
from treasury.orders.sending import Desk, desk_for, is_cut_off
from treasury.world import Deeds

ISOLATED, RETIRED = WalletState.ISOLATED, WalletState.RETIRED
CALM = (WalletState.ACTIVE, WalletState.STANDBY, None)


def desk(belt: Belt, name: str, state: WalletState | None) -> Desk:
    """Return a desk at which one wallet stands otherwise."""
    found = desk_for(belt.world, belt.clock(), Deeds("a test"))
    assert found is not None
    standing = dataclasses.replace(found.standings[address_of(name)], state=state)
    return dataclasses.replace(found, standings={**found.standings, address_of(name): standing})


def test_what_goes_to_a_wallet(calm: Belt) -> None:
    """Nothing reaches an isolated wallet but gas for its tokens, and nothing a retired one."""
    for state in (*WalletState, None):
        found = desk(calm, "hot-a", state)
        for purpose in Purpose:
            transfer = dataclasses.replace(TRANSFER, purpose=purpose)
            gets = state in CALM or (purpose is Purpose.TOP_UP and state is ISOLATED)
            assert is_cut_off(found, transfer) is not gets, (purpose, state)


def test_what_leaves_a_wallet(calm: Belt) -> None:
    """Only an evacuation leaves a wallet that was cut off."""
    leaving = dataclasses.replace(
        TRANSFER, source=address_of("hot-a"), destination=address_of("vault")
    )
    for state in (*WalletState, None):
        found = desk(calm, "hot-a", state)
        for purpose in Purpose:
            transfer = dataclasses.replace(leaving, purpose=purpose)
            leaves = state in CALM or purpose is Purpose.EVACUATION
            assert is_cut_off(found, transfer) is not leaves, (purpose, state)


def test_strangers_are_not_cut_off(calm: Belt) -> None:
    """A customer has no standing; the wallet that pays decides alone."""
    transfer = dataclasses.replace(
        TRANSFER,
        purpose=Purpose.WITHDRAWAL,
        source=address_of("hot-a"),
        destination=address_of("customer"),
    )

    assert not is_cut_off(desk(calm, "hot-a", WalletState.ACTIVE), transfer)
    assert is_cut_off(desk(calm, "hot-a", RETIRED), transfer)
