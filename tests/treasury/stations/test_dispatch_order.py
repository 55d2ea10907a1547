"""Dispatch: how many transfers of a wallet are in flight, and in which order they leave."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hsm.errors import TokenAwayError
from policies.lifecycles import TransferState
from policies.terms import Address, Purpose, Reason
from tests.fakes.belt import Belt
from tests.laws import ETH, GONE, TOKEN, USDC, address_of, make_law
from tests.treasury.stations.test_evacuate import gas_on_its_way, rob_of_gas
from treasury.safety.isolation import isolate
from treasury.stations.dispatch import dispatch
from treasury.stations.guard import guard
from treasury.stations.observe import observe
from treasury.stations.respond import respond

DELEGATED = bytes.fromhex("ef0100" + "11" * 20)


@pytest.mark.parametrize("depth", [1, 3])
def test_each_wallet_has_so_many_in_flight(directory: Path, quiet: None, depth: int) -> None:
    """The depth of hot wallets counts for payouts alone, and what is beyond it says so."""
    belt = Belt(directory, hot=60 * ETH)
    settings = dataclasses.replace(belt.world.settings, hot_in_flight=depth, vault_in_flight=2)
    belt.world = dataclasses.replace(belt.world, settings=settings)
    belt.run(1)
    for number in range(4):
        belt.ask_withdrawal(ETH, "customer", key=f"key-{number}")
    belt.money()

    flying = [t for t in belt.transfers() if t.state is TransferState.IN_FLIGHT]
    waiting = [t for t in belt.transfers() if t.state is TransferState.QUEUED]
    assert (depth, 4 - depth) == (len(flying), len(waiting))
    assert {("in_flight",)} == {tuple(r.code for r in t.reasons) for t in waiting}


def test_the_vault_has_a_depth_of_its_own(directory: Path, quiet: None) -> None:
    """Two refills leave at once where the vault may have two, whatever hot wallets may have."""
    rule = "pools.main.assets.USDC.refill.schedule"
    belt = Belt(directory, law=make_law(**{rule: GONE}).law)
    belt.fund("vault", 1_000_000 * USDC, Address(TOKEN))
    belt.chain.mine(3)
    settings = dataclasses.replace(belt.world.settings, hot_in_flight=1, vault_in_flight=2)
    belt.world = dataclasses.replace(belt.world, settings=settings)
    belt.watch()
    for refill in belt.open_refills():
        belt.approve(refill, "alice", "bob")
    belt.money()

    assert [TransferState.IN_FLIGHT] * 2 == [transfer.state for transfer in belt.transfers()]


def test_what_holds_a_nonce_is_sent_first_and_safety_before_exposure(
    directory: Path, quiet: None
) -> None:
    """R3.10: a hole in front of everything is filled first, then what goes home, then the old."""
    belt = Belt(directory, hot=60 * ETH)
    settings = dataclasses.replace(belt.world.settings, hot_in_flight=8)
    belt.world = dataclasses.replace(belt.world, settings=settings)
    belt.run(1)
    for number in range(2):
        belt.ask_withdrawal(ETH, "customer", key=f"key-{number}")
    belt.room.tokens.trouble_at_signing = TokenAwayError("unplugged")
    belt.money()
    belt.ask_withdrawal(ETH, "customer", key="younger")
    belt.fund("hot-a", 60 * ETH)
    belt.chain.mine(3)
    belt.watch()
    belt.room.tokens.trouble_at_signing = None
    belt.money()

    sent = [transaction.nonce for transaction in belt.chain.mempool]
    by_nonce = {t.nonce: t.purpose.value for t in belt.transfers()}
    assert sent == [0, 1, 2, 3]
    assert by_nonce == {0: "withdrawal", 1: "withdrawal", 2: "sweep", 3: "withdrawal"}


@pytest.mark.parametrize(("depth", "code"), [(1, b""), (4, b""), (1, DELEGATED)])
def test_an_evacuation_waits_for_no_payout(calm: Belt, depth: int, code: bytes) -> None:
    """R2.8: what hangs at the wallet is no reason to wait, however many may hang there."""
    settings = dataclasses.replace(calm.world.settings, hot_in_flight=depth)
    calm.world = dataclasses.replace(calm.world, settings=settings)
    for number in range(depth):
        calm.ask_withdrawal(ETH, "customer", key=f"key-{number}")
    calm.money()
    wallet = calm.law.wallet("hot-a")
    assert wallet is not None
    why = (Reason(code="test", text="a test says so"),)
    calm.chain.set_code(wallet.address, code)
    isolate(calm.world, calm.law, wallet, why, now=calm.clock.unix())
    respond(calm.world, calm.clock())
    before = [t.state for t in calm.transfers() if t.purpose is Purpose.EVACUATION]
    dispatch(calm.world, calm.clock())

    assert [TransferState.QUEUED] == before
    assert [TransferState.IN_FLIGHT] == [
        t.state for t in calm.transfers() if t.purpose is Purpose.EVACUATION
    ]


def test_an_evacuation_whose_nonce_is_gone_holds_up_no_other(calm: Belt) -> None:
    """R2.8: a delegated account has one under way; a thief's block, not its finality, ends that."""
    hot = address_of("hot-a")
    calm.chain.fund(hot, 60_000 * USDC, Address(TOKEN))
    calm.run(4)
    calm.chain.set_code(hot, DELEGATED)
    wallet = calm.law.wallet("hot-a")
    assert wallet is not None
    why = (Reason(code="test", text="a test says so"),)
    isolate(calm.world, calm.law, wallet, why, now=calm.clock.unix())
    dispatch(calm.world, calm.clock())
    first = [t.state for t in calm.transfers() if t.purpose is Purpose.EVACUATION]
    calm.chain.spend(hot, address_of("thief"), 1)
    calm.chain.mine()
    observe(calm.world, calm.clock())
    dispatch(calm.world, calm.clock())
    second = [t.state for t in calm.transfers() if t.purpose is Purpose.EVACUATION]

    assert [TransferState.QUEUED, TransferState.IN_FLIGHT] == first, "by nonce"
    assert [TransferState.IN_FLIGHT] * 2 == second


def test_gas_for_an_isolated_wallet_is_no_exposure_to_it(calm: Belt) -> None:
    """R2.9: where the watch lane left it to this one, gas goes to a wallet that is never calm."""
    rob_of_gas(calm)
    for station in (observe, guard, respond):
        station(calm.world, calm.clock())
    before = gas_on_its_way(calm)
    dispatch(calm.world, calm.clock())

    assert ([], [address_of("hot-a")]) == (before, gas_on_its_way(calm))
