"""Who takes over: a healthy standby, of another fate group first, or nobody."""

from __future__ import annotations

import dataclasses

import pytest

from policies.law import Custody, Role, Wallet
from policies.lifecycles import WalletState
from policies.succession import Candidate, choose_successor
from tests.laws import address_of


def wallet(name: str, fate_group: str = "rack-1") -> Wallet:
    """Return a hot wallet of the development chain."""
    return Wallet(
        name=name,
        chain="devnet",
        role=Role.HOT,
        address=address_of(name),
        key=name,
        custody=Custody.EXCLUSIVE,
        fate_group=fate_group,
        start_nonce=0,
    )


FALLEN = wallet("fallen")
NEAR, FAR, FAR_2 = wallet("near"), wallet("far", "rack-2"), wallet("far-2", "rack-3")


def standby(who: Wallet, balance: int | None = 5) -> Candidate:
    """Return a healthy standby."""
    return Candidate(wallet=who, state=WalletState.STANDBY, is_healthy=True, balance=balance)


def test_another_fate_group_comes_first() -> None:
    """R2.5: what may be stolen with the fallen wallet is the last resort, however full it is."""
    verdict = choose_successor(FALLEN, [standby(NEAR, 1000), standby(FAR, 0)])

    assert verdict.successor == FAR
    assert verdict.reasons == ()


def test_the_same_fate_group_is_better_than_nobody_and_is_told() -> None:
    """A successor that may share the theft is chosen with a warning."""
    verdict = choose_successor(FALLEN, [standby(NEAR)])

    assert verdict.successor == NEAR
    assert ["same_fate_group"] == [reason.code for reason in verdict.reasons]


def test_the_fuller_one_then_the_order_of_the_law() -> None:
    """Among equals the one that can pay more, then the first; unknown counts as empty."""
    fuller = choose_successor(FALLEN, [standby(FAR, 1), standby(FAR_2, 2)])
    first = choose_successor(FALLEN, [standby(FAR_2, 2), standby(FAR, 2)])
    unknown = choose_successor(FALLEN, [standby(FAR, None), standby(FAR_2, 1)])

    assert fuller.successor == FAR_2
    assert first.successor == FAR_2
    assert unknown.successor == FAR_2


@pytest.mark.parametrize(
    ("candidate", "code"),
    [
        (dataclasses.replace(standby(FAR), is_healthy=False), "unhealthy"),
        (dataclasses.replace(standby(FAR), is_healthy=None), "health_unknown"),
        (dataclasses.replace(standby(FAR), state=WalletState.ISOLATED), "not_standby"),
        (dataclasses.replace(standby(FAR), state=WalletState.RETIRED), "not_standby"),
        (dataclasses.replace(standby(FAR), state=WalletState.ACTIVE), "not_standby"),
        (standby(dataclasses.replace(FAR, chain="other")), "other_chain"),
        (standby(dataclasses.replace(FAR, key="fallen")), "same_key"),
        (standby(dataclasses.replace(FAR, address=FALLEN.address)), "same_key"),
    ],
)
def test_who_cannot_take_over(candidate: Candidate, code: str) -> None:
    """R1.10: unknown health is no health, and no successor is better than a bad one."""
    verdict = choose_successor(FALLEN, [candidate])

    assert verdict.successor is None
    assert [code, "no_successor"] == [reason.code for reason in verdict.reasons]


def test_the_fallen_wallet_is_no_candidate() -> None:
    """A pool may be passed whole; nobody succeeds themselves."""
    alone = choose_successor(FALLEN, [standby(FALLEN)])
    empty = choose_successor(FALLEN, [])

    assert alone.successor is None
    assert empty == alone
    assert ["no_successor"] == [reason.code for reason in alone.reasons]
