"""Endpoints lag, fall silent and come back: decisions wait, and never rest on fewer of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from policies.crypto import parse_address
from policies.terms import NATIVE
from tests.fakes.chain import FakeChain
from tests.fakes.devchain import ALICE, ETHER, signed
from tests.fakes.witness import Mouth, pool_of
from treasury.chain.errors import (
    BelowQuorumError,
    DisagreementError,
    MissingBlockError,
    UnavailableError,
    WrongChainError,
)
from treasury.chain.pool.breaker import Circuit
from treasury.chain.pool.pool import ChainPool
from treasury.chain.port import ReadRequest, SendKind

WALLET = parse_address(ALICE.address)
REQUEST = ReadRequest(wallets=(WALLET,), assets=(NATIVE,))


class Group:
    """Three endpoints of one truth at block 20, and a clock that the test moves."""

    def __init__(self, count: int = 3, **options: int) -> None:
        self.now = 0.0
        self.truth = FakeChain()
        self.truth.fund(WALLET, 9 * ETHER)
        self.truth.mine(20)
        self.mouths = [Mouth(self.truth, name) for name in "abcde"[:count]]
        self.pool: ChainPool = pool_of(*self.mouths, monotonic=lambda: self.now, **options)


def _decisions(pool: ChainPool, group: Group) -> list[Callable[[], object]]:
    head = group.truth.head()
    return [
        pool.head,
        lambda: pool.finalised(head),
        lambda: pool.stamp_at(3),
        lambda: pool.read_balances(REQUEST, head),
        lambda: pool.transaction_nonce(WALLET, head),
        lambda: pool.receipts(["0x" + "00" * 32]),
        pool.fee_market,
        lambda: pool.l1_fee(100),
    ]


def test_below_the_quorum_nothing_is_told_one_by_one() -> None:
    """R4.8: endpoints fall silent one by one; with one of three left no question is answered."""
    group = Group()
    for silent, is_quorate in ((0, True), (1, True), (2, False), (3, False)):
        for mouth in group.mouths[:silent]:
            mouth.is_down = True
        for decide in _decisions(group.pool, group):
            if is_quorate:
                decide()
                continue
            with pytest.raises(BelowQuorumError):
                decide()


def test_the_quorum_is_of_the_configured_endpoints() -> None:
    """R4.8: silencing the honest ones never makes the rest enough, however long it lasts."""
    group = Group(count=5)
    for mouth in group.mouths[:3]:
        mouth.is_down = True
    for _ in range(20):
        group.now += 100
        with pytest.raises(BelowQuorumError, match="3 of 5 endpoints must agree"):
            group.pool.head()
    for mouth in group.mouths[:1]:
        mouth.is_down = False
    assert group.truth.head() == group.pool.head()


def test_watching_goes_on_below_the_quorum() -> None:
    """R4.8: what each endpoint reports by itself is still told, apart from what decides."""
    group = Group()
    group.mouths[0].is_down = group.mouths[1].is_down = True
    (sighting,) = group.pool.sightings(REQUEST)
    assert ("c", 9 * ETHER) == (sighting.endpoint, sighting.readings.balance(WALLET, NATIVE))
    group.mouths[2].is_down = True
    assert () == group.pool.sightings(REQUEST)


def test_a_single_endpoint_is_a_quorum_of_one() -> None:
    """One configured endpoint decides alone, and its errors are told as they are."""
    group = Group(count=1)
    assert group.truth.head() == group.pool.head()
    assert 9 * ETHER == group.pool.read_balances(REQUEST, group.pool.head()).balance(WALLET, NATIVE)
    assert (SendKind.ACCEPTED, "") == (
        (sent := group.pool.send(signed(0, value=1))).kind,
        sent.text,
    )
    group.mouths[0].is_down = True
    for _ in range(5):
        with pytest.raises(UnavailableError):
            group.pool.head()
    group.mouths[0].is_down = False
    group.mouths[0].failures["head"] = WrongChainError("another chain")
    with pytest.raises(WrongChainError):
        group.pool.head()


def test_a_lagging_endpoint_never_drags_the_head() -> None:
    """R4.6: with one endpoint behind, the head is the newest block of the two others."""
    group = Group()
    group.mouths[0].lag_blocks = 10
    assert group.truth.head() == group.pool.head()
    assert [10, 0, 0] == [e.lag_blocks for e in group.pool.health().endpoints]
    readings = group.pool.read_balances(REQUEST, group.truth.head())
    assert readings.is_complete()


def test_the_head_is_one_that_a_quorum_has() -> None:
    """The newest block counts as soon as a quorum has it, not as soon as one does."""
    group = Group()
    group.mouths[0].lag_blocks, group.mouths[1].lag_blocks = 2, 1
    assert group.truth.stamp_at(19) == group.pool.head()


def test_an_endpoint_behind_the_tolerance_is_no_part_of_a_quorum() -> None:
    """R4.6: one current and one old endpoint are no quorum: nothing is decided on the old head."""
    group = Group()
    group.mouths[0].lag_blocks, group.mouths[1].is_down = 6, True
    with pytest.raises(BelowQuorumError):
        group.pool.head()
    group.mouths[0].lag_blocks = 5
    assert group.truth.stamp_at(15) == group.pool.head()


def test_the_head_never_goes_back_to_older_endpoints() -> None:
    """R4.6: when the current ones fall silent, the older ones do not take the head back."""
    group = Group()
    assert group.truth.head() == group.pool.head()
    group.mouths[0].is_down = True
    group.mouths[1].lag_blocks = group.mouths[2].lag_blocks = 3
    with pytest.raises(BelowQuorumError, match="only endpoints behind block 20"):
        group.pool.head()
    group.truth.mine(3)
    assert group.truth.stamp_at(20) == group.pool.head()


def test_all_endpoints_together_may_go_back() -> None:
    """A chain that was rolled back is followed when every endpoint says so."""
    group = Group()
    group.pool.head()
    for mouth in group.mouths:
        mouth.lag_blocks = 4
    assert group.truth.stamp_at(16) == group.pool.head()


def test_a_reorganisation_is_followed() -> None:
    """The same height with another hash is the new head once a quorum has it."""
    group = Group()
    old = group.pool.head()
    group.truth.reorg(1)
    assert old != group.pool.head()
    with pytest.raises(MissingBlockError):
        group.pool.read_balances(REQUEST, old)


def test_on_a_fork_the_head_is_the_last_common_block() -> None:
    """Endpoints with different newest blocks agree on the one before."""
    group = Group(count=2)
    group.mouths[0].lies["head"] = lambda told: replace(told, hash="0x" + "1" * 64)
    group.mouths[0].lies["stamp_at"] = lambda told: (
        replace(told, hash="0x" + "1" * 64) if told.number > 18 else told
    )
    assert group.truth.stamp_at(18) == group.pool.head()
    group.mouths[0].lies["stamp_at"] = lambda told: replace(told, hash="0x" + "1" * 64)
    with pytest.raises(DisagreementError):
        group.pool.head()


def test_a_block_that_most_do_not_have_is_missing() -> None:
    """Two that lack a block outvote the one that claims it."""
    group = Group()
    group.mouths[0].lag_blocks = group.mouths[1].lag_blocks = 5
    with pytest.raises(MissingBlockError):
        group.pool.stamp_at(18)
    with pytest.raises(MissingBlockError):
        group.pool.read_balances(REQUEST, group.truth.head())


def test_one_that_lacks_a_block_is_not_most_of_three() -> None:
    """With two silent, one that does not have the block proves nothing about it."""
    group = Group()
    group.mouths[0].is_down = group.mouths[1].is_down = True
    with pytest.raises(BelowQuorumError, match=r"0 answered; a is down; b is down; c has no") as no:
        group.pool.stamp_at(21)
    assert not isinstance(no.value, DisagreementError)
    with pytest.raises(BelowQuorumError, match="1 answered; a is down; b is down"):
        group.pool.receipts(["0x" + "00" * 32])


def test_final_is_never_newer_than_the_head_in_question() -> None:
    """Judged from an older head, what became final since does not count."""
    group = Group()
    for mouth in group.mouths:
        mouth.lies["finalised"] = lambda _: group.truth.stamp_at(18)
    assert group.truth.stamp_at(10) == group.pool.finalised(group.truth.stamp_at(10))


def test_final_is_what_a_quorum_calls_final() -> None:
    """One endpoint whose finality lags does not hold the others back, two do."""
    group = Group()
    head = group.truth.head()
    group.mouths[0].lies["finalised"] = lambda _: group.truth.stamp_at(2)
    assert group.truth.stamp_at(18) == group.pool.finalised(head)
    group.mouths[1].lies["finalised"] = lambda _: group.truth.stamp_at(4)
    assert group.truth.stamp_at(4) == group.pool.finalised(head)


def test_finality_that_stands_still_is_noticed_and_moves_again() -> None:
    """R4.13: after twice its usual time finality counts as stalled; nothing has to be reset."""
    group = Group()
    for _ in range(3):
        group.pool.finalised(group.pool.head())
        group.truth.mine()
        group.now += 12
    group.pool.finalised(group.pool.head())
    assert 12 == group.pool.health().finality.usual_s
    group.now += 24
    stalled = group.truth.finalised(group.truth.head())
    for mouth in group.mouths:
        mouth.lies["finalised"] = lambda _: stalled
    group.truth.mine()
    group.pool.finalised(group.pool.head())
    assert not group.pool.health().finality.is_stalled
    group.now += 1
    health = group.pool.health()
    assert (True, 25, stalled) == (
        health.finality.is_stalled,
        health.finality.unmoved_s,
        health.finality.stamp,
    )
    assert not health.head.is_stalled
    for mouth in group.mouths:
        mouth.lies.clear()
    group.pool.finalised(group.pool.head())
    assert not group.pool.health().finality.is_stalled


def test_one_long_stall_does_not_become_the_usual() -> None:
    """R4.13: what is usual is the median of late, so the next stall is noticed as soon."""
    group = Group()
    for pause_s in (12, 12, 3600, 12, 12):
        group.pool.head()
        group.truth.mine()
        group.now += pause_s
    group.pool.head()
    assert 12 == group.pool.health().head.usual_s


def test_a_failing_endpoint_rests_and_is_tried_again() -> None:
    """Three failures open the circuit; after the rest one question closes it again."""
    group = Group()
    failing = group.mouths[0]
    failing.is_down = True
    for _ in range(3):
        group.pool.head()
    assert Circuit.OPEN is group.pool.health().endpoints[0].circuit
    failing.asked.clear()
    group.pool.head()
    assert [] == failing.asked
    group.now += 5
    group.pool.head()
    assert ["head"] == failing.asked
    group.now += 9
    group.pool.head()
    assert ["head"] == failing.asked
    failing.is_down = False
    group.now += 1
    group.pool.head()
    assert Circuit.CLOSED is group.pool.health().endpoints[0].circuit


def test_resting_endpoints_are_asked_when_there_is_no_quorum_without_them() -> None:
    """R4.8: a circuit only saves time; the pool is back at the first tick that it can be."""
    group = Group()
    for mouth in group.mouths[:2]:
        mouth.is_down = True
    for _ in range(4):
        with pytest.raises(BelowQuorumError):
            group.pool.head()
    assert not group.pool.health().has_quorum
    for mouth in group.mouths[:2]:
        mouth.is_down = False
    assert group.truth.head() == group.pool.head()
    assert group.pool.health().has_quorum


def test_health_tells_what_happened() -> None:
    """Errors are counted, the last one is kept, and a good answer ends the row."""
    group = Group()
    group.mouths[1].is_down = True
    group.pool.head()
    group.mouths[1].is_down = False
    group.pool.head()
    health = group.pool.health()
    found = health.endpoints[1]
    assert (1, 0, "b is down") == (found.errors, found.failures, found.last_error)
    assert (31337, 2, 3) == (health.chain_id, health.quorum, health.awake)


def test_closing_closes_every_connection() -> None:
    """Both connections of every endpoint are closed."""
    group = Group()
    group.pool.close()
    assert [["close", "close"]] * 3 == [mouth.asked for mouth in group.mouths]
