"""Pay, above the threshold: fixed terms, vetoes, expiry, and terms that must be renewed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hsm.wire.fields import to_hex
from policies.consent import veto_digest
from policies.lifecycles import WithdrawalState
from policies.terms import MotionKind
from tests.fakes.belt import Belt
from tests.laws import ETH, GONE, address_of, make_law, sign
from treasury.stations.pay import pay

LARGE = 9 * ETH // 2


@pytest.fixture
def held(calm: Belt) -> Belt:
    """A belt with one withdrawal that waits for a treasurer."""
    calm.ask_withdrawal(LARGE, "customer")
    calm.run(1)
    assert WithdrawalState.HELD is calm.withdrawal(1).state
    return calm


def codes(belt: Belt) -> set[str]:
    """Return why the withdrawal stands as it does."""
    return {reason.code for reason in belt.withdrawal(1).reasons}


def test_its_terms_stay_the_same(held: Belt) -> None:
    """What treasurers sign does not change while they look at it."""
    before = held.withdrawal(1)
    held.run(3)

    assert (before.order_id, before.terms) == (
        held.withdrawal(1).order_id,
        held.withdrawal(1).terms,
    )


def test_a_veto_refuses_it(held: Belt) -> None:
    """One signed veto ends it, and the signer knows first."""
    held.veto(held.withdrawal(1), "carol")
    held.run(2)

    assert WithdrawalState.REFUSED is held.withdrawal(1).state
    assert {"vetoed"} == codes(held)
    assert "veto" in held.signer.calls


def test_nobody_approves_in_time(held: Belt) -> None:
    """R8.2: consent that was never given ends with its terms."""
    held.clock.advance(86_401)
    held.chain.mine()
    held.watch()
    held.money()

    assert WithdrawalState.REFUSED is held.withdrawal(1).state
    assert {"expired"} == codes(held)


def test_another_wallet_pays_on_other_terms(held: Belt) -> None:
    """R8.1: after a rotation the terms name another source, and old approvals are void."""
    first = held.withdrawal(1)
    held.approve(first, "alice")
    held.room.carry(MotionKind.ROTATE, {"pool": "main", "wallet": "hot-b"})
    held.money()
    renewed = held.withdrawal(1)
    held.run(3)

    assert first.order_id != renewed.order_id
    assert renewed.terms is not None
    assert address_of("hot-b") == renewed.terms.source
    assert WithdrawalState.HELD is held.withdrawal(1).state
    held.approve(renewed, "bob")
    held.until(lambda: held.withdrawal(1).state is WithdrawalState.PAID)


def test_a_pool_without_an_active_wallet_holds(held: Belt) -> None:
    """Nobody can pay: the withdrawal waits for a successor."""
    for name in ("hot-b", "hot-a"):
        held.room.isolate(name)
    held.run(2)

    assert WithdrawalState.HELD is held.withdrawal(1).state
    assert {"no_active_wallet"} == codes(held)


def test_the_law_forgets_the_asset(directory: Path, quiet: None) -> None:
    """A law without a withdrawal rule for the asset refuses what waits."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(1)
    belt.ask_withdrawal(LARGE, "customer")
    belt.run(1)
    belt.room.adopt(make_law(**{"pools.main.assets.ETH.withdrawal": GONE}).law)
    belt.clock.advance(1)
    belt.run(1)

    assert WithdrawalState.REFUSED is belt.withdrawal(1).state


def test_used_consent_does_not_pay_twice(held: Belt) -> None:
    """R2.13: approved terms whose transfer was cancelled need fresh consent: it ends here."""
    found = held.withdrawal(1)
    held.approve(found, "alice")
    held.chain.base_fee = 10**15
    held.money()
    assert WithdrawalState.QUEUED is held.withdrawal(1).state
    held.room.isolate("hot-a")
    held.room.carry(MotionKind.ROTATE, {"pool": "main", "wallet": "hot-b"})
    held.run(6)

    assert WithdrawalState.CANCELLED is held.withdrawal(1).state
    assert {"consent_used"} == codes(held)
    assert 0 == held.chain.balance(address_of("customer"))


def test_a_signer_that_is_away_is_no_answer(held: Belt) -> None:
    """Approved, and nobody there to count: the lane ends, and the next tick pays."""
    held.approve(held.withdrawal(1), "alice", "bob")
    held.signer.is_away = True
    outcome = pay(held.world, held.clock())
    between = held.withdrawal(1).state
    held.signer.is_away = False
    held.run(5)

    assert outcome.ends_lane
    assert (WithdrawalState.HELD, WithdrawalState.PAID) == (between, held.withdrawal(1).state)


def test_a_veto_that_only_the_signer_heard_holds_it(held: Belt) -> None:
    """A person went past the daemon: the approvals are there, and nothing is queued."""
    asked = held.withdrawal(1)
    held.approve(asked, "alice", "bob")
    digest = bytes.fromhex((asked.order_id or "")[2:])
    no = sign("carol", veto_digest(digest, held.world.deployment))
    held.room.call("veto", {"digest": to_hex(digest), "signature": to_hex(no)})
    pay(held.world, held.clock())

    assert WithdrawalState.HELD is held.withdrawal(1).state
    assert {"vetoed"} == codes(held)
    assert [] == held.transfers()
