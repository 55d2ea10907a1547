"""Retiring: a wallet goes only when the chain shows that nothing is left of it."""

from __future__ import annotations

import dataclasses

import pytest

from policies.crypto import checksum_address
from policies.lifecycles import IncidentState, MotionState, WalletState
from policies.terms import NATIVE, Address, MotionKind
from tests.fakes.belt import Belt
from tests.fakes.motions import approve, propose
from tests.laws import ETH, TOKEN, USDC, address_of
from treasury.alerts.conditions import Conditions, retired_stay_empty
from treasury.ledger import alarms
from treasury.ledger.facts import Motion
from treasury.ledger.queries import requests, standings

SPENDER = checksum_address(b"\x5e" * 20)
SAFE = checksum_address(b"\x5a" * 20)
HOT_B, COIN = address_of("hot-b"), Address(TOKEN)


@pytest.fixture
def idle(low: Belt) -> Belt:
    """Return a belt whose standby hot-b is empty, with a spender and a Safe in the settings."""
    low.fund("hot-b", -60 * ETH)
    settings = dataclasses.replace(low.world.settings, spenders=(SPENDER,), authorities=(SAFE,))
    low.world = dataclasses.replace(low.world, settings=settings)
    low.chain.mine(3)
    low.run(3)
    return low


def retire(belt: Belt) -> Motion:
    """Let a quorum ask for the end of hot-b; return the motion as it then is."""
    motion = propose(belt, MotionKind.RETIRE, {"wallet": "hot-b"})
    approve(belt, motion, "alice", "bob")
    belt.run(2)
    return now_is(belt, motion)


def now_is(belt: Belt, motion: Motion) -> Motion:
    """Return a motion as it is now."""
    with belt.ledger.read() as session:
        found = requests.motion(session, motion.id)
    assert found is not None
    return found


def codes(motion: Motion) -> set[str]:
    """Return what stands against a motion."""
    return {reason.code for reason in motion.reasons}


def test_a_wallet_of_which_nothing_is_left_is_retired(idle: Belt) -> None:
    """R2.11: balances, allowances and rights are nothing, so the quorum's word counts."""
    motion = retire(idle)

    assert MotionState.CARRIED is motion.state
    assert WalletState.RETIRED is idle.standing("hot-b").state


@pytest.mark.parametrize("amount", [1, None])
def test_an_allowance_holds_it_back(idle: Belt, amount: int | None) -> None:
    """R2.11: as long as a known spender may take tokens, or nobody knows, the wallet stays."""
    idle.chain.allowances[HOT_B, COIN, SPENDER] = amount
    motion = retire(idle)
    idle.chain.allowances.clear()
    idle.run(2)

    assert (MotionState.PROPOSED, {"allowance_left"}) == (motion.state, codes(motion))
    assert WalletState.RETIRED is idle.standing("hot-b").state


@pytest.mark.parametrize(("powers", "code"), [(("owner",), "right_left"), (None, "right_unknown")])
@pytest.mark.parametrize("contract", [SAFE, COIN])
def test_a_right_holds_it_back(
    idle: Belt, contract: Address, powers: tuple[str, ...] | None, code: str
) -> None:
    """R2.11: an owner, module or admin is retired only after the right was handed over."""
    idle.chain.powers[HOT_B, contract] = powers
    motion = retire(idle)

    assert (MotionState.PROPOSED, {code}) == (motion.state, codes(motion))
    assert WalletState.STANDBY is idle.standing("hot-b").state


def test_a_balance_holds_it_back(idle: Belt) -> None:
    """R2.11: what is more than its own fee, or than crumbs, is brought home first."""
    idle.chain.fund(HOT_B, ETH)
    idle.chain.fund(HOT_B, 2 * USDC, COIN)
    idle.chain.mine(3)
    motion = retire(idle)

    assert MotionState.PROPOSED is motion.state
    assert ["hot-b still holds 1 ETH", "hot-b still holds 2 USDC"] == [
        reason.text for reason in motion.reasons
    ]


def test_a_chain_that_does_not_answer_holds_it_back(idle: Belt) -> None:
    """R2.11: what nobody can read counts as still there."""
    motion = propose(idle, MotionKind.RETIRE, {"wallet": "hot-b"})
    approve(idle, motion, "alice", "bob")
    idle.chain.is_down = True
    idle.money()

    assert MotionState.PROPOSED is now_is(idle, motion).state


def test_coins_for_a_retired_key_ring(idle: Belt) -> None:
    """R2.11: whoever brings gas to a key that nobody uses rings at once, and rests never ring."""
    idle.chain.fund(HOT_B, 10**15)
    idle.chain.mine(3)
    idle.run(2)
    retire(idle)
    looks = (retired_stay_empty(idle.ledger),)
    watch = Conditions(ledger=idle.ledger, clock=idle.clock, patience_s=60, looks=looks)
    watch.look()
    before = rings(idle)
    idle.chain.fund(HOT_B, 10**15)
    idle.run(1)
    watch.look()

    assert (False, True) == (before, rings(idle))


def rings(belt: Belt) -> bool:
    """Say whether the retired wallet rings."""
    with belt.ledger.read() as session:
        return alarms.rings(session, "wallet_stirred", "wallet:hot-b")


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("compromise", WalletState.RETIRED), ("false_alarm", WalletState.STANDBY)],
)
def test_closing_an_incident_decides_about_its_wallet(
    calm: Belt, outcome: str, state: WalletState
) -> None:
    """R2.11: a compromise retires under the same conditions, in the same commit; no second one."""
    calm.signer.isolate("hot-a", "a treasurer saw something")
    calm.until(lambda: incident(calm) is IncidentState.CONTAINED)
    calm.chain.allowances[address_of("hot-a"), COIN, SPENDER] = 1
    settings = dataclasses.replace(calm.world.settings, spenders=(SPENDER,))
    calm.world = dataclasses.replace(calm.world, settings=settings)
    payload = {"incident": "1", "outcome": outcome, "wallet": "hot-a"}
    motion = propose(calm, MotionKind.CLOSE, payload)
    approve(calm, motion, "alice", "bob")
    calm.money()
    waits = codes(now_is(calm, motion))
    calm.chain.allowances.clear()
    calm.run(3)

    assert waits == ({"allowance_left"} if outcome == "compromise" else set())
    assert (IncidentState.CLOSED, state) == (incident(calm), calm.standing("hot-a").state)
    assert 0 == calm.chain.balance(address_of("hot-a"), NATIVE) // ETH


def incident(belt: Belt) -> IncidentState:
    """Return how the only incident stands."""
    with belt.ledger.read() as session:
        found = standings.incidents(session)
    return found[0].state if len(found) == 1 else IncidentState.OPEN
