"""Evacuate: what leaves an isolated wallet is signed and sent in the tick that isolated it."""

from __future__ import annotations

import pytest

from policies.lifecycles import Owner, TransferState, WalletState
from policies.terms import NATIVE, Address, Purpose
from tests.fakes.belt import Belt
from tests.laws import ETH, TOKEN, USDC, address_of
from tests.treasury.stations.test_adopt import kinds
from tests.treasury.stations.test_overhear import theft
from treasury.chain.port import FeeMarket
from treasury.safety.halting import halt
from treasury.stations.dispatch import dispatch
from treasury.stations.pay import pay
from treasury.stations.tend import tend

HOT = address_of("hot-a")
THIEF = address_of("thief")
SPONSOR = address_of("sponsor")


def steal(belt: Belt, *, tokens: int = 60_000) -> None:
    """Let a thief take 5 ETH of a wallet that also holds tokens, in the next block."""
    belt.chain.fund(HOT, tokens * USDC, Address(TOKEN))
    belt.run(4)
    belt.chain.spend(HOT, THIEF, 5 * ETH)
    belt.chain.mine()


def waiting(belt: Belt) -> list[Address]:
    """Return the assets that leave hot-a in the node's pool, by nonce."""
    return [t.asset for t in belt.chain.mempool if t.sender == HOT]


def test_one_look_is_enough_to_have_everything_on_its_way(calm: Belt) -> None:
    """R2.8: after one tick of the watch lane tokens and coin are with the node, in this order."""
    steal(calm)
    calm.watch()

    assert [Address(TOKEN), NATIVE] == waiting(calm)
    assert {TransferState.IN_FLIGHT} == {t.state for t in calm.transfers()}


def test_an_evacuation_whose_block_is_gone_keeps_its_nonce(calm: Belt) -> None:
    """R4.5: what is planned before anybody noticed the reorganisation goes behind it, not twice."""
    steal(calm)
    calm.watch()
    calm.next_block()
    calm.money()
    calm.chain.reorg(1)
    calm.watch()
    held = [(t.source, t.nonce) for t in calm.transfers() if t.purpose is Purpose.EVACUATION]

    assert sorted(set(held)) == sorted(held)
    assert not calm.is_halted()
    assert "signature_rejected" not in kinds(calm)


def test_the_next_block_ends_the_theft(calm: Belt) -> None:
    """R2.8: one block after the thief's there is nothing left to take but fees."""
    steal(calm)
    calm.watch()
    calm.next_block()

    assert 0 == calm.chain.balance(HOT, Address(TOKEN))
    assert calm.chain.balance(HOT, NATIVE) < ETH // 2


def test_what_a_later_look_plans_leaves_in_the_same_tick(calm: Belt) -> None:
    """R2.9: the look that shows the sponsor's gas is the one that sends the tokens home."""
    calm.chain.fund(HOT, 60_000 * USDC, Address(TOKEN))
    calm.run(4)
    calm.chain.spend(HOT, THIEF, calm.chain.balance(HOT, NATIVE) - 10**15)
    calm.chain.mine()
    calm.watch()
    calm.next_block()
    assert not waiting(calm)

    calm.watch()
    assert [Address(TOKEN)] == waiting(calm)


def rob_of_gas(belt: Belt) -> None:
    """Let a thief take all coins of a wallet that also holds tokens, in the next block."""
    belt.chain.fund(HOT, 60_000 * USDC, Address(TOKEN))
    belt.run(4)
    belt.chain.spend(HOT, THIEF, belt.chain.balance(HOT, NATIVE) - 10**15)
    belt.chain.mine()


def gas_on_its_way(belt: Belt) -> list[Address]:
    """Return who gets gas of the sponsor in the node's pool."""
    return [t.to for t in belt.chain.mempool if t.sender == SPONSOR]


def test_gas_leaves_in_the_tick_that_saw_the_theft(calm: Belt) -> None:
    """R2.9: the sponsor's gas does not wait for the other lane, and the next look comes soon."""
    rob_of_gas(calm)
    outcomes = calm.watch()

    assert [HOT] == gas_on_its_way(calm)
    assert any(outcome.is_urgent for outcome in outcomes)


def test_looks_are_urgent_until_the_gas_is_there(calm: Belt) -> None:
    """R2.9: the block that brings the gas is the one that the thief waits for; then it is over."""
    rob_of_gas(calm)
    calm.watch()
    assert any(outcome.is_urgent for outcome in calm.watch())
    calm.next_block()
    calm.run(6)

    assert 0 == calm.chain.balance(HOT, Address(TOKEN))
    assert not any(outcome.is_urgent for outcome in calm.watch())


def test_gas_that_hangs_does_not_tire_the_node(calm: Belt) -> None:
    """After two minutes without a block that has it the looks keep to their interval again."""
    rob_of_gas(calm)
    calm.watch()
    calm.clock.advance(121)

    assert [HOT] == gas_on_its_way(calm)
    assert not any(outcome.is_urgent for outcome in calm.watch())


def test_a_halt_stops_the_gas_in_both_lanes(calm: Belt) -> None:
    """A halt holds whatever leaves toward exposure; the hasty lane keeps to it too."""
    with calm.ledger.write() as session:
        halt(session, actor=Owner.API, why="a person", now=calm.clock.unix())
    rob_of_gas(calm)
    calm.watch()
    calm.money()

    assert WalletState.ISOLATED is calm.standing("hot-a").state
    assert [] == gas_on_its_way(calm)


def test_a_theft_between_look_and_signature_leaves_no_token_behind(
    calm: Belt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R2.9: signed, and the coins are gone: gas comes in the next block, the same bytes go on."""
    calm.chain.fund(HOT, 60_000 * USDC, Address(TOKEN))
    calm.run(4)
    calm.chain.lone_waiting = {HOT: (theft("hot-a", 0),)}
    calm.chain.spend(HOT, THIEF, calm.chain.balance(HOT, NATIVE) - 10**13)
    fee_market = calm.chain.fee_market

    def after_the_block() -> FeeMarket:
        monkeypatch.setattr(calm.chain, "fee_market", fee_market)
        calm.chain.mine()
        return fee_market()

    monkeypatch.setattr(calm.chain, "fee_market", after_the_block)
    calm.watch()
    calm.chain.lone_waiting = {}
    assert not waiting(calm)
    assert {TransferState.IN_FLIGHT} == {t.state for t in calm.transfers()}
    for _ in range(3):
        calm.round()

    homeward = [t for t in calm.transfers() if t.purpose is Purpose.EVACUATION]
    assert 0 == calm.chain.balance(HOT, Address(TOKEN))
    assert 1 == len([t for t in homeward if t.asset == Address(TOKEN)])


def test_a_delegated_account_gets_one_at_a_time(calm: Belt) -> None:
    """R4.9: nodes let a delegated account have one waiting transaction, so one is sent."""
    calm.chain.fund(HOT, 60_000 * USDC, Address(TOKEN))
    calm.run(4)
    calm.chain.set_code(HOT, bytes.fromhex("ef0100" + "11" * 20))
    calm.chain.mine()
    calm.watch()
    calm.money()
    first = waiting(calm)
    calm.until(lambda: calm.chain.balance(HOT, NATIVE) < ETH // 2, most=8)

    assert [Address(TOKEN)] == first


def test_a_node_that_is_away_leaves_it_to_the_other_lane(calm: Belt) -> None:
    """Nothing is lost when the first try fails: it waits, queued or signed, and goes later."""
    steal(calm)
    calm.chain.drops_sends = True
    calm.watch()
    calm.chain.drops_sends = False
    calm.run(12)

    assert WalletState.ISOLATED is calm.standing("hot-a").state
    assert 0 == calm.chain.balance(HOT, Address(TOKEN))


def test_both_lanes_at_once_sign_nothing_twice(calm: Belt) -> None:
    """The money lane that takes the same rows a moment later finds them gone."""
    steal(calm)
    calm.watch()
    calm.money()
    homeward = [t for t in calm.transfers() if t.purpose is Purpose.EVACUATION]

    assert 2 == len(homeward) == len({t.nonce for t in homeward})
    assert 2 == len(waiting(calm))


def test_a_payouts_cancel_does_not_bid_against_the_evacuation(calm: Belt) -> None:
    """The nonce of a payout in flight is taken by the evacuation, and nobody cancels that."""
    calm.ask_withdrawal(ETH, "customer")
    pay(calm.world, calm.clock())
    dispatch(calm.world, calm.clock())
    calm.signer.isolate("hot-a", "a treasurer saw something")
    calm.money()
    calm.watch()
    tend(calm.world, calm.clock())
    nonces = [t.nonce for t in calm.chain.mempool if t.sender == HOT]
    (payout,) = (t for t in calm.transfers() if t.purpose is Purpose.WITHDRAWAL)

    assert [address_of("vault")] == [t.payee for t in calm.chain.mempool if t.sender == HOT]
    assert [payout.nonce] == nonces


def test_a_payout_that_hangs_holds_up_no_evacuation(calm: Belt) -> None:
    """R2.8: a delegated account has room for one, and what hangs there is no evacuation."""
    calm.ask_withdrawal(ETH, "customer")
    pay(calm.world, calm.clock())
    dispatch(calm.world, calm.clock())
    calm.chain.set_code(HOT, bytes.fromhex("ef0100" + "11" * 20))
    calm.signer.isolate("hot-a", "a treasurer saw something")
    calm.money()
    calm.watch()

    assert [address_of("vault")] == [t.payee for t in calm.chain.mempool if t.sender == HOT]
