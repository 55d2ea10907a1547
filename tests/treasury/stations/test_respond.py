"""Respond: an isolated wallet is replaced and emptied by nobody's leave, also after a crash."""

from __future__ import annotations

import contextlib

import pytest

from policies.lifecycles import IncidentState, TransferState, WalletState
from policies.terms import NATIVE, Address, Purpose
from tests.fakes.belt import Belt, Crash
from tests.laws import ETH, TOKEN, USDC, address_of
from treasury.ledger.facts import Incident, Transfer
from treasury.ledger.queries import standings
from treasury.stations.observe import observe
from treasury.stations.respond import respond

THIEF = address_of("thief")
FEES = ETH // 2


def incident(belt: Belt) -> Incident:
    """Return the one incident."""
    with belt.ledger.read() as session:
        (found,) = standings.incidents(session)
    return found


def evacuations(belt: Belt) -> list[Transfer]:
    """Return the evacuations, by nonce."""
    return [t for t in belt.transfers() if t.purpose is Purpose.EVACUATION]


def steal(belt: Belt, amount: int) -> None:
    """Let a thief with the key of hot-a spend."""
    belt.chain.spend(address_of("hot-a"), THIEF, amount)
    belt.chain.mine()


def test_a_stolen_wallet_is_isolated_replaced_and_emptied(calm: Belt) -> None:
    """R2.1, R2.8: nobody approves anything; what the thief left is in the vault."""
    vault_before = calm.chain.balance(address_of("vault"), NATIVE)
    steal(calm, 5 * ETH)
    left = calm.chain.balance(address_of("hot-a"), NATIVE)
    calm.run(14)

    assert WalletState.ISOLATED is calm.standing("hot-a").state
    assert WalletState.ACTIVE is calm.standing("hot-b").state
    assert {TransferState.CONFIRMED} == {t.state for t in evacuations(calm)}
    assert calm.chain.balance(address_of("vault"), NATIVE) >= vault_before + left - FEES
    assert IncidentState.CONTAINED is incident(calm).state


def test_tokens_go_before_the_native_coin(calm: Belt) -> None:
    """R2.8: the gas that moves the tokens is not sent away first."""
    usdc = Address(TOKEN)
    calm.chain.fund(address_of("hot-a"), 60_000 * USDC, usdc)
    calm.run(4)
    steal(calm, 5 * ETH)
    calm.run(14)

    assert usdc == evacuations(calm)[0].asset
    assert {NATIVE} == {t.asset for t in evacuations(calm)[1:]}
    assert 0 == calm.chain.balance(address_of("hot-a"), usdc)
    assert IncidentState.CONTAINED is incident(calm).state


def test_the_thief_keeps_spending_and_the_rest_is_saved(calm: Belt) -> None:
    """A nonce that the thief took is followed by a new evacuation on the chain's next one."""
    steal(calm, 5 * ETH)
    calm.watch()
    calm.money()
    steal(calm, 2 * ETH)
    calm.run(14)

    assert calm.chain.balance(address_of("hot-a"), NATIVE) <= FEES
    assert IncidentState.CONTAINED is incident(calm).state


def test_nothing_waits_for_finality_while_a_thief_spends(calm: Belt) -> None:
    """R2.8: where finality takes a quarter of an hour, spent nonces are followed at the head.

    The thief takes the nonce of every first bid; tokens follow at once, and the coins after them.
    """
    usdc = Address(TOKEN)
    calm.chain.fund(address_of("hot-a"), 60_000 * USDC, usdc)
    calm.run(4)
    calm.chain.finality_depth = 75
    steal(calm, 5 * ETH)
    for _ in range(3):
        calm.watch()
        calm.money()
        steal(calm, ETH)
    calm.run(5)

    assert 0 == calm.chain.balance(address_of("hot-a"), usdc)
    assert calm.chain.balance(address_of("hot-a"), NATIVE) <= FEES
    assert {TransferState.IN_FLIGHT, TransferState.MINED} == {t.state for t in evacuations(calm)}


def test_a_token_that_refuses_is_not_asked_again_and_again(calm: Belt) -> None:
    """R2.8: what reverted and lies there unchanged is left; the coins go home all the same."""
    usdc = Address(TOKEN)
    calm.chain.fund(address_of("hot-a"), 60_000 * USDC, usdc)
    calm.run(4)
    calm.chain.finality_depth = 75
    calm.chain.refuses.add(usdc)
    steal(calm, 5 * ETH)
    calm.run(8)

    assert sum(t.asset == usdc for t in evacuations(calm)) <= 2
    assert calm.chain.balance(address_of("hot-a"), NATIVE) <= FEES


def test_a_reorg_that_takes_the_thief_back_jams_nothing(calm: Belt) -> None:
    """R2.8: the evacuation took the nonce after the thief's, whose own is nobody's then."""
    steal(calm, 5 * ETH)
    calm.watch()
    calm.money()
    calm.chain.reorg(1, keep=False)
    jammed = evacuations(calm)[0].nonce
    calm.run(14)

    assert 1 == jammed
    assert (0, 1) == (evacuations(calm)[0].nonce, evacuations(calm)[0].amount)
    assert {TransferState.CONFIRMED} == {t.state for t in evacuations(calm)}
    assert calm.chain.balance(address_of("hot-a"), NATIVE) <= FEES


def test_a_wallet_that_bleeds_again_opens_its_incident_again(calm: Belt) -> None:
    """What still comes in is evacuated too, and the incident says so."""
    steal(calm, 5 * ETH)
    calm.run(8)
    calm.chain.fund(address_of("hot-a"), 3 * ETH)
    calm.run(3)
    reopened = incident(calm).state
    calm.run(8)

    assert IncidentState.OPEN is reopened
    assert calm.chain.balance(address_of("hot-a"), NATIVE) <= FEES
    assert IncidentState.CONTAINED is incident(calm).state


def test_a_wallet_that_a_person_isolated_is_treated_alike(calm: Belt) -> None:
    """R8.11: one person at the signer is enough; swap and evacuation follow by themselves."""
    calm.signer.isolate("hot-a", "a treasurer saw something")
    calm.run(8)

    assert WalletState.ISOLATED is calm.standing("hot-a").state
    assert WalletState.ACTIVE is calm.standing("hot-b").state
    assert calm.chain.balance(address_of("hot-a"), NATIVE) <= FEES


def test_an_isolated_wallet_pays_nobody_any_more(calm: Belt) -> None:
    """R2.6: a payout that waits is paid by the successor, and only there."""
    steal(calm, 5 * ETH)
    calm.watch()
    withdrawal = calm.ask_withdrawal(ETH, "customer")
    calm.run(8)

    assert 0 == calm.paid("hot-a", address_of("customer"))
    assert calm.withdrawal(withdrawal.id).state.value in ("PAID", "HELD", "ACCEPTED", "QUEUED")


@pytest.mark.crash
@pytest.mark.parametrize("passage", range(1, 13))
def test_a_crash_anywhere_in_the_response_costs_nothing(calm: Belt, passage: int) -> None:
    """R2.8: after a death at any passage the same ticks finish the evacuation."""
    steal(calm, 5 * ETH)
    calm.crash_at(passage)
    with contextlib.suppress(Crash):
        calm.run(3)
    calm.restart()
    calm.run(10)

    assert WalletState.ISOLATED is calm.standing("hot-a").state
    assert WalletState.ACTIVE is calm.standing("hot-b").state
    assert calm.chain.balance(address_of("hot-a"), NATIVE) <= FEES
    amounts = [t.amount for t in evacuations(calm) if t.state is TransferState.CONFIRMED]
    assert len([amount for amount in amounts if amount > ETH]) == 1


def test_the_sponsor_brings_gas_when_the_thief_took_the_coins_first(calm: Belt) -> None:
    """R2.9: not one wei is left; the sponsor pays what the tokens need, and they go home."""
    usdc = Address(TOKEN)
    calm.chain.fund(address_of("hot-a"), 60_000 * USDC, usdc)
    calm.run(4)
    vault_before = calm.chain.balance(address_of("vault"), usdc)
    steal(calm, calm.chain.balance(address_of("hot-a"), NATIVE) - 10**15)
    calm.run(20)
    gas = [t for t in calm.transfers() if t.purpose is Purpose.TOP_UP]

    assert [TransferState.CONFIRMED] == [t.state for t in gas]
    assert address_of("hot-a") == gas[0].destination
    assert gas[0].amount <= ETH // 10
    assert vault_before + 60_000 * USDC == calm.chain.balance(address_of("vault"), usdc)
    assert IncidentState.CONTAINED is incident(calm).state


def test_a_thief_who_takes_the_gas_too_gets_little(calm: Belt) -> None:
    """R2.9: the sponsor tries a few times within its limits, and then no more."""
    usdc = Address(TOKEN)
    calm.chain.fund(address_of("hot-a"), 60_000 * USDC, usdc)
    calm.run(4)
    steal(calm, calm.chain.balance(address_of("hot-a"), NATIVE) - 10**15)
    before = calm.chain.balance(address_of("sponsor"), NATIVE)
    for _ in range(20):
        calm.round()
        steal(calm, max(calm.chain.balance(address_of("hot-a"), NATIVE) - 10**15, 0))

    spent = before - calm.chain.balance(address_of("sponsor"), NATIVE)
    assert spent < ETH
    assert WalletState.ISOLATED is calm.standing("hot-a").state


def test_an_isolated_wallet_without_an_incident_gets_one(calm: Belt) -> None:
    """Only its state was restored: people see an incident, and what lies there goes home.

    While the look is old nothing leaves, because nobody knows what is there.
    """
    with calm.ledger.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE wallet SET state = 'ISOLATED' WHERE name = 'hot-b'"
        )
    calm.clock.advance(3_600)
    respond(calm.world, calm.clock())
    early, opened = evacuations(calm), incident(calm)
    observe(calm.world, calm.clock())
    respond(calm.world, calm.clock())

    assert [] == early
    assert ("hot-b", IncidentState.OPEN) == (opened.wallet, opened.state)
    assert {address_of("hot-b")} == {transfer.source for transfer in evacuations(calm)}
