"""Guard: what we did not do ourselves stops every refill, and the vault's trouble stops all."""

from __future__ import annotations

from policies.lifecycles import RefillState, TransferState, WalletState
from policies.terms import Address, Purpose
from tests.fakes.belt import Belt
from tests.laws import ETH, TOKEN, USDC, address_of
from treasury.stations.guard import GRACE_BLOCKS, guard
from treasury.stations.observe import observe
from treasury.stations.release import release
from treasury.stations.tally import tally

THIEF = address_of("thief")


def kinds(belt: Belt) -> list[str]:
    """Return the kinds of all journal lines."""
    from treasury.ledger import journal

    with belt.ledger.read() as session:
        return [entry.kind for entry in journal.tail(session, limit=1000)]


def test_our_own_movements_are_calm(low: Belt) -> None:
    """A refill, its fee and its arrival are explained to the last wei, at head and at finality."""
    low.settle_one()
    low.run(6)

    assert all(low.standing(name).is_calm for name in ("vault", "hot-a", "hot-b", "sponsor"))
    assert not low.is_halted()


def test_a_theft_looks_like_a_need_and_gets_nothing(calm: Belt) -> None:
    """R2.7: the thief empties the wallet below its floor, and no refill is ever proposed."""
    calm.chain.spend(address_of("hot-a"), THIEF, 55 * ETH)
    calm.run(8)

    assert WalletState.ISOLATED is calm.standing("hot-a").state
    assert [] == [refill for refill in calm.refills() if refill.wallet == "hot-a"]
    assert "wallet_isolated" in kinds(calm)


def test_a_theft_after_the_approval_stops_the_release(low: Belt) -> None:
    """R2.7: an approved refill is not released towards a wallet whose drop is unexplained."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    low.chain.spend(address_of("hot-a"), THIEF, 5 * ETH)
    low.chain.mine()
    low.run(6)

    assert RefillState.WITHDRAWN is low.refills()[0].state
    assert 0 == low.paid("vault", address_of("hot-a"))


def test_a_theft_after_the_release_stops_the_signature(low: Belt) -> None:
    """R2.7: a queued refill is not signed while its wallet is held or frozen."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    tally(low.world, low.clock())
    release(low.world, low.clock())
    low.chain.spend(address_of("hot-a"), THIEF, 5 * ETH)
    low.chain.mine()
    low.run(6)

    refills = [t for t in low.transfers() if t.purpose is Purpose.REFILL]
    assert [TransferState.CANCELLED] == [transfer.state for transfer in refills]
    assert 0 == low.paid("vault", address_of("hot-a"))
    assert WalletState.ISOLATED is low.standing("hot-a").state


def test_a_foreign_nonce_has_no_grace(calm: Belt) -> None:
    """R2.1: a signature that is not ours isolates at the first look, even for one wei."""
    calm.chain.spend(address_of("hot-a"), THIEF, 1)
    calm.chain.mine()
    calm.watch()

    found = calm.standing("hot-a")

    assert WalletState.ISOLATED is found.state
    assert "has used 1 nonces, our books signed 0" in found.why


def test_a_foreign_nonce_of_the_vault_halts(calm: Belt) -> None:
    """The vault's key in foreign hands stops everything toward exposure."""
    calm.chain.spend(address_of("vault"), THIEF, 1)
    calm.chain.mine()
    calm.watch()

    assert calm.is_halted()
    assert calm.standing("vault").frozen


def drained(calm: Belt, amount: int) -> None:
    """Let tokens leave hot-a through an allowance or a permit, which spends no nonce."""
    calm.chain.fund(address_of("hot-a"), -amount * USDC, Address(TOKEN))


def holding_usdc(calm: Belt) -> Belt:
    """Give hot-a 60,000 USDC that are explained."""
    calm.chain.fund(address_of("hot-a"), 60_000 * USDC, Address(TOKEN))
    calm.run(4)
    return calm


def test_a_drop_that_nothing_late_can_explain_has_no_grace(calm: Belt) -> None:
    """R2.1: nothing of ours is on its way, and a second reading agrees: isolated at once."""
    drained(holding_usdc(calm), 50_000)
    calm.watch()

    found = calm.standing("hot-a")
    assert (WalletState.ISOLATED, None) == (found.state, found.hold_since)


def test_a_drop_beside_our_own_payout_is_held_then_isolated(calm: Belt) -> None:
    """R2.7: a receipt of ours may be late: held for two blocks, then isolated."""
    calm.ask_withdrawal(ETH, "customer")
    calm.money()
    calm.chain.base_fee = 10**15  # nothing of ours is mined now
    calm.chain.fund(address_of("hot-a"), -5 * ETH)
    calm.watch()
    held = calm.standing("hot-a")
    calm.next_block()
    calm.watch()
    still_held = calm.standing("hot-a")
    for _ in range(GRACE_BLOCKS):
        calm.next_block()
        calm.watch()

    assert (False, True) == (held.frozen, held.hold_since is not None)
    assert (False, held.hold_since) == (still_held.frozen, still_held.hold_since)
    assert WalletState.ISOLATED is calm.standing("hot-a").state


def test_a_second_reading_that_differs_keeps_the_grace(calm: Belt) -> None:
    """A node that tells a balance in two ways proves nothing: held, as long as it may be late."""
    holding_usdc(calm)
    drained(calm, 50_000)
    observe(calm.world, calm.clock())
    calm.chain.unknown.add((address_of("hot-a"), Address(TOKEN)))
    guard(calm.world, calm.clock())

    found = calm.standing("hot-a")
    assert (WalletState.ACTIVE, True) == (found.state, found.hold_since is not None)


def test_a_signer_that_is_away_keeps_the_grace(calm: Belt) -> None:
    """Nobody can say what the book signed last: the drop is held, and isolated afterwards."""
    holding_usdc(calm)
    drained(calm, 50_000)
    calm.signer.is_away = True
    calm.watch()
    held = calm.standing("hot-a")
    calm.signer.is_away = False
    calm.watch()

    assert (WalletState.ACTIVE, True) == (held.state, held.hold_since is not None)
    assert WalletState.ISOLATED is calm.standing("hot-a").state


def test_a_missing_wei_shows(calm: Belt) -> None:
    """At finality every number is exact: a single base unit is missed, and only freezes."""
    calm.chain.fund(address_of("hot-a"), -1)
    calm.run(5)

    assert "1 base units" in calm.standing("hot-a").frozen_why


def test_a_late_receipt_is_no_theft(low: Belt) -> None:
    """The chain spent our nonce and we have not seen the receipt yet: no alarm."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    low.money()
    low.next_block()
    for _ in range(3):
        low.watch()
        low.next_block()

    assert low.standing("vault").is_calm
    assert TransferState.IN_FLIGHT is low.transfers()[0].state


def test_a_reorg_is_no_theft(low: Belt) -> None:
    """The vault's payment vanishes and comes back: a hold at most, and it resolves itself."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    low.round()
    low.round()
    low.chain.reorg(1)
    low.run(8)

    assert all(low.standing(name).is_calm for name in ("vault", "hot-a"))
    assert RefillState.SETTLED is low.only_refill().state


def test_a_deposit_is_no_concern(calm: Belt) -> None:
    """More than expected is welcome, and becomes the new anchor."""
    calm.chain.fund(address_of("hot-a"), 7 * ETH)
    calm.run(4)
    calm.chain.fund(address_of("hot-a"), -3 * ETH)
    calm.run(6)

    assert WalletState.ISOLATED is calm.standing("hot-a").state


def test_a_theft_while_the_daemon_slept_is_seen(calm: Belt) -> None:
    """What left while nobody watched is missed at the first look after it."""
    calm.chain.spend(address_of("hot-a"), THIEF, 3 * ETH)
    calm.chain.mine(50)
    calm.clock.advance(600)
    calm.restart()
    calm.watch()

    assert WalletState.ISOLATED is calm.standing("hot-a").state


def test_one_alarm_not_one_per_tick(calm: Belt) -> None:
    """An isolated wallet is told of once."""
    calm.chain.spend(address_of("hot-a"), THIEF, 3 * ETH)
    calm.run(6)

    assert 1 == kinds(calm).count("wallet_isolated")


def test_a_silent_chain_ends_the_lane(calm: Belt) -> None:
    """When the second reading of a nonce fails, guard says so and judges at the next tick."""
    calm.chain.spend(address_of("hot-a"), THIEF, 1)
    calm.chain.mine()
    observe(calm.world, calm.clock())
    calm.chain.is_down = True

    outcome = guard(calm.world, calm.clock())

    assert outcome.ends_lane
    assert not calm.standing("hot-a").frozen
