"""Pay: each withdrawal once, within limits, and never from a wallet in trouble."""

from __future__ import annotations

from pathlib import Path

from policies.lifecycles import Owner, TransferState, WithdrawalState
from policies.terms import Address, MotionKind
from tests.fakes.belt import Belt
from tests.laws import ETH, TOKEN, address_of, make_law
from treasury.ledger import marks
from treasury.safety.halting import halt


def codes(belt: Belt, number: int = 1) -> set[str]:
    """Return why a withdrawal stands as it does."""
    return {reason.code for reason in belt.withdrawal(number).reasons}


def test_a_small_one_is_paid(calm: Belt) -> None:
    """Within every limit it needs nobody."""
    calm.ask_withdrawal(2 * ETH, "customer")
    calm.until(lambda: calm.withdrawal(1).state is WithdrawalState.PAID)

    assert 2 * ETH == calm.chain.balance(address_of("customer"))
    assert 1 == calm.paid("hot-a", address_of("customer"))


def test_too_large_is_refused(calm: Belt) -> None:
    """Above the limit per transfer waiting cannot help."""
    calm.ask_withdrawal(6 * ETH, "customer")
    calm.run(2)

    assert WithdrawalState.REFUSED is calm.withdrawal(1).state
    assert "per_transfer" in codes(calm)


def test_to_ourselves_is_refused(calm: Belt) -> None:
    """A withdrawal goes to somebody else."""
    calm.ask_withdrawal(ETH, "hot-b")
    calm.run(2)

    assert WithdrawalState.REFUSED is calm.withdrawal(1).state


def test_a_full_window_holds_the_next(calm: Belt) -> None:
    """The window's amount is never exceeded; what does not fit waits until it does."""
    for number in range(4):
        calm.ask_withdrawal(3 * ETH, "customer", key=f"key-{number}")
    calm.run(12)
    before = [calm.withdrawal(n).state for n in (1, 2, 3, 4)]
    calm.clock.advance(3601)
    calm.run(12)

    assert WithdrawalState.PAID in before
    assert WithdrawalState.HELD in before
    assert "first_use_amount" in codes(calm, 3) or WithdrawalState.PAID is calm.withdrawal(3).state
    assert [WithdrawalState.PAID] * 4 == [calm.withdrawal(n).state for n in (1, 2, 3, 4)]
    assert 4 == calm.paid("hot-a", address_of("customer"))


def test_above_the_threshold_treasurers_approve(directory: Path, quiet: None) -> None:
    """R2.10: held with fixed terms until two treasurers signed exactly these."""
    law = make_law(**{"pools.main.assets.ETH.withdrawal.hold_approvals": 2}).law
    calm = Belt(directory, law=law, hot=60 * ETH)
    calm.run(1)
    calm.ask_withdrawal(9 * ETH // 2, "customer")
    calm.run(1)
    held = calm.withdrawal(1)
    calm.approve(held, "alice")
    calm.run(1)
    still = calm.withdrawal(1)
    calm.approve(held, "bob")
    calm.until(lambda: calm.withdrawal(1).state is WithdrawalState.PAID)

    assert (WithdrawalState.HELD, WithdrawalState.HELD) == (held.state, still.state)
    assert held.order_id == still.order_id == calm.withdrawal(1).order_id
    assert 1 == calm.paid("hot-a", address_of("customer"))


def test_an_empty_wallet_holds(low: Belt) -> None:
    """What the wallet does not hold waits for a refill."""
    low.chain.fund(address_of("hot-a"), -19 * ETH // 2)
    low.chain.mine(3)
    low.watch()
    low.ask_withdrawal(2 * ETH, "customer")
    low.money()
    held = low.withdrawal(1).state
    reasons = codes(low)
    low.approve(low.only_refill(), "alice", "bob", "carol")
    low.until(lambda: low.withdrawal(1).state is WithdrawalState.PAID)

    assert WithdrawalState.HELD is held
    assert "balance_short" in reasons


def test_a_halt_and_a_freeze_hold(calm: Belt) -> None:
    """Nothing leaves while halted, or from a wallet that is not calm."""
    with calm.ledger.write() as session:
        wallet = calm.standing("hot-a")
        marks.freeze(session, wallet, actor="api", why="a person", now=calm.clock.unix())
        halt(session, actor=Owner.API, why="a person", now=calm.clock.unix())
    calm.ask_withdrawal(ETH, "customer")
    calm.run(3)

    assert WithdrawalState.HELD is calm.withdrawal(1).state
    assert {"halted", "not_calm"} <= codes(calm)
    assert 0 == calm.paid("hot-a", address_of("customer"))


def test_old_facts_hold(calm: Belt) -> None:
    """A balance that was not seen for a while pays nobody."""
    calm.ask_withdrawal(ETH, "customer")
    calm.clock.advance(61)
    calm.money()

    assert WithdrawalState.HELD is calm.withdrawal(1).state
    assert {"stale"} == codes(calm)


def test_the_next_transfer_begins_when_the_former_is_over(calm: Belt) -> None:
    """R4.1: the wallet is isolated before the signature: cancelled, and paid by its successor."""
    calm.ask_withdrawal(2 * ETH, "customer")
    calm.chain.base_fee *= 1_000_000
    calm.money()
    queued = calm.transfers()[0].state
    calm.room.isolate("hot-a")
    calm.room.carry(MotionKind.ROTATE, {"pool": "main", "wallet": "hot-b"})
    calm.chain.base_fee = 10**9
    calm.until(lambda: calm.withdrawal(1).state is WithdrawalState.PAID)

    assert TransferState.QUEUED is queued
    assert (0, 1) == tuple(calm.paid(n, address_of("customer")) for n in ("hot-a", "hot-b"))
    assert 2 * ETH == calm.chain.balance(address_of("customer"))


def test_a_signed_one_is_cancelled_before_the_next(calm: Belt) -> None:
    """R4.1: in flight at the isolation: its nonce is spent by a cancel, then the successor pays."""
    calm.ask_withdrawal(2 * ETH, "customer")
    calm.money()
    calm.chain.base_fee = 4 * 10**9
    calm.room.isolate("hot-a")
    calm.room.carry(MotionKind.ROTATE, {"pool": "main", "wallet": "hot-b"})
    calm.money()
    calm.chain.base_fee = 10**9
    calm.until(lambda: calm.withdrawal(1).state is WithdrawalState.PAID, most=60)

    assert 2 * ETH == calm.chain.balance(address_of("customer"))
    assert 1 == sum(calm.paid(n, address_of("customer")) for n in ("hot-a", "hot-b"))


def test_a_pool_without_a_rule_refuses(calm: Belt) -> None:
    """An asset without a withdrawal rule is never paid out."""
    calm.ask_withdrawal(1, "customer", asset=Address(TOKEN))
    calm.run(2)

    assert WithdrawalState.REFUSED is calm.withdrawal(1).state
    assert {"no_withdrawal_rule"} == codes(calm)
