"""Holdings: above the cap, too little in the vault, left behind; each rings when it stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.lifecycles import WalletState
from policies.terms import NATIVE, Address
from tests.fakes.belt import Belt
from tests.laws import ETH, TOKEN, USDC, address_of
from tests.treasury.alerts.ringing import is_ringing, rings_after
from treasury.alerts.holdings import (
    STAYS_S,
    caps_are_kept,
    nothing_is_left_behind,
    vaults_can_fill,
)

pytestmark = pytest.mark.usefixtures("quiet")
CAP = ("above_cap", "wallet:hot-a")
VAULT = ("vault_low", "wallet:vault")
LEFT = ("residuals_left", "wallet:hot-a")


def test_what_lies_above_the_cap_rings_when_nobody_sweeps_it(directory: Path) -> None:
    """Not while a sweep may still be on its way; and no longer once it has gone home."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(2)
    belt.fund("hot-a", 41 * ETH)
    belt.chain.mine()
    belt.watch()
    early = rings_after(belt, caps_are_kept(belt.ledger), *CAP)
    belt.clock.advance(STAYS_S)
    late = rings_after(belt, caps_are_kept(belt.ledger), *CAP)
    belt.until(lambda: belt.chain.balance(address_of("hot-a"), NATIVE) <= 100 * ETH)
    belt.run(2)

    assert (False, True) == (early, late)
    assert not rings_after(belt, caps_are_kept(belt.ledger), *CAP)


@pytest.mark.parametrize("short_by", [0, 1])
def test_a_vault_that_cannot_fill_its_wallets_rings(directory: Path, short_by: int) -> None:
    """To the base unit: what the active wallet lacks to its target, and no standby."""
    belt = Belt(directory, hot=60 * ETH)
    belt.chain.fund(address_of("hot-a"), 10_000 * USDC, Address(TOKEN))
    belt.chain.fund(address_of("vault"), 50_000 * USDC - short_by, Address(TOKEN))
    belt.chain.mine()
    belt.watch()

    assert bool(short_by) == rings_after(belt, vaults_can_fill(belt.ledger), *VAULT)


def test_the_fee_counts_where_the_coin_itself_is_lacking(directory: Path) -> None:
    """A vault with exactly what the wallet lacks cannot pay for sending it."""
    belt = Belt(directory, hot=10 * ETH)
    for wallet in ("hot-a", "vault"):
        belt.chain.fund(address_of(wallet), 60_000 * USDC, Address(TOKEN))
    has = belt.chain.balance(address_of("vault"), NATIVE)
    belt.chain.spend(address_of("vault"), address_of("reserve"), has - 50 * ETH)
    belt.chain.mine()
    belt.watch()

    assert rings_after(belt, vaults_can_fill(belt.ledger), *VAULT)


def test_what_an_evacuation_left_behind_rings(directory: Path) -> None:
    """What does not get away stays in reach of a thief: people hear of it."""
    belt = Belt(directory, hot=60 * ETH)
    belt.chain.fund(address_of("hot-a"), 60_000 * USDC, Address(TOKEN))
    belt.run(2)
    belt.signer.isolate("hot-a", "a treasurer saw something")
    belt.chain.drops_sends = True
    belt.until(lambda: belt.standing("hot-a").state is WalletState.ISOLATED)
    belt.run(8)
    early = rings_after(belt, nothing_is_left_behind(belt.ledger), *LEFT)
    belt.clock.advance(STAYS_S)
    late = rings_after(belt, nothing_is_left_behind(belt.ledger), *LEFT)

    assert (False, True) == (early, late)
    assert not is_ringing(belt, "residuals_left", "wallet:hot-b")
