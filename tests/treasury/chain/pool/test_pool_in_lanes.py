"""Both lanes of the daemon over three endpoints of which some lie, lag or fall silent.

Real stations, real ledger file, real signer core; each endpoint tells the truth of one chain in
its own way.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policies.lifecycles import RefillState, TransferState
from policies.terms import NATIVE, Address
from tests.fakes.belt import Belt
from tests.fakes.witness import Mouth, pool_of
from tests.laws import ETH, address_of
from treasury.chain.errors import WrongChainError
from treasury.chain.pool.pool import ChainPool
from treasury.chain.port import Readings, Topic
from treasury.ledger import journal, marks

HOT = address_of("hot-a")
SIGNING = {"sign", "bump", "cancel"}


class Group:
    """A belt whose chain is a pool of three mouths over the belt's own chain."""

    def __init__(self, directory: Path, hot: int) -> None:
        self.belt = Belt(directory, hot=hot)
        self.mouths = [Mouth(self.belt.chain, name) for name in "abc"]
        self.pool: ChainPool = pool_of(*self.mouths)
        self.belt.world = dataclasses.replace(self.belt.world, chain=self.pool)

    @property
    def signatures(self) -> int:
        return sum(call in SIGNING for call in self.belt.signer.calls)

    def states(self) -> list[TransferState]:
        return [transfer.state for transfer in self.belt.transfers()]

    def told(self) -> set[tuple[str, str]]:
        """Return (subject, topic) of every word of one endpoint against the others."""
        with self.belt.ledger.read() as session:
            lines = journal.of_kind(session, "endpoint_dissented")
        kept = {(f"endpoint:{d.endpoint}", d.topic.value) for d in self.pool.take_dissents()}
        return kept | {(line.subject, json.loads(line.body)["topic"]) for line in lines}

    def frozen(self) -> set[str]:
        return {name for name in ("vault", "hot-a") if self.belt.standing(name).frozen}

    def approved(self) -> None:
        """Take a refill to where the next tick of the money lane signs it."""
        self.belt.watch()
        self.belt.approve(self.belt.only_refill(), "alice", "bob")


@pytest.fixture
def low(tmp_path: Path) -> Group:
    """Return a group whose hot wallet needs a refill."""
    return Group(tmp_path, hot=10 * ETH)


@pytest.fixture
def calm(tmp_path: Path) -> Group:
    """Return a group whose hot wallet needs nothing."""
    return Group(tmp_path, hot=60 * ETH)


def _saying(wallet: Address, amount: int) -> Callable[[Readings], Readings]:
    return lambda told: replace(told, balances={**told.balances, (wallet, NATIVE): amount})


def _with_nonce(wallet: Address, nonce: int) -> Callable[[Readings], Readings]:
    return lambda told: replace(told, nonces={**told.nonces, wallet: nonce})


LIES: dict[str, dict[str, Callable[[Any], Any]]] = {
    "the wallet is empty": {"read_balances": _saying(HOT, 0)},
    "the vault was spent from": {"read_balances": _with_nonce(address_of("vault"), 9)},
    "a nonce is foreign": {
        "read_balances": _with_nonce(HOT, 9),
        "transaction_nonce": lambda _: 9,
    },
    "the newest block is far ahead": {"head": lambda told: replace(told, number=told.number + 99)},
    "gas costs a thousand times": {"fee_market": lambda t: replace(t, base_fee=1000 * t.base_fee)},
    "everything is final": {"finalised": lambda told: replace(told, number=told.number + 2)},
    "no receipts": {"receipts": dict.fromkeys},
}


ROBBED = {
    "the wallet is empty": "hot-a",
    "the vault was spent from": "vault",
    "a nonce is foreign": "hot-a",
}
"""What a single endpoint is believed enough to freeze a wallet for."""


@pytest.mark.parametrize("lie", LIES)
def test_one_liar_of_three_moves_nothing(calm: Group, lie: str) -> None:
    """R4.7: no refill, no evacuation, no halt; at most a freeze; the lie is told for the alarm."""
    calm.mouths[0].lies.update(LIES[lie])
    calm.belt.run(6)
    calm.pool.fee_market()
    assert [] == calm.belt.refills()
    assert [] == calm.belt.transfers()
    assert ({ROBBED[lie]} if lie in ROBBED else set()) == calm.frozen()
    assert not calm.belt.is_halted()
    assert 0 == calm.signatures
    # Nodes call blocks final at different moments, and receipts were not asked for.
    if not LIES[lie].keys() & {"finalised", "receipts"}:
        assert {"endpoint:a"} == {subject for subject, _ in calm.told()}


@pytest.mark.parametrize("lie", [lie for lie in LIES if lie not in ROBBED])
def test_one_liar_of_three_hinders_nothing(low: Group, lie: str) -> None:
    """R4.7: what the two honest endpoints call for is proposed, paid once and settled."""
    low.mouths[0].lies.update(LIES[lie])
    settled = low.belt.settle_one()
    assert RefillState.SETTLED is settled.state
    assert 1 == low.belt.paid("vault", HOT)
    assert [TransferState.CONFIRMED] == low.states()


@pytest.mark.parametrize("lie", ROBBED)
def test_a_freeze_on_one_word_ends_with_a_person(low: Group, lie: str) -> None:
    """R4.7: a lone cry of theft costs a pause; lifted, the wallet is refilled once."""
    low.mouths[0].lies.update(LIES[lie])
    low.belt.run(3)
    assert {ROBBED[lie]} == low.frozen()
    assert 0 == low.signatures
    low.mouths[0].lies.clear()
    with low.belt.ledger.write() as session:
        standing = low.belt.standing(ROBBED[lie])
        marks.unfreeze(session, standing, actor="alice", why="endpoint a lied", now=1)
    if not low.belt.refills():
        low.belt.watch()
    low.belt.approve(low.belt.only_refill(), "alice", "bob")
    low.belt.until(lambda: not low.belt.open_refills())
    assert 1 == low.belt.paid("vault", HOT)


def test_a_liar_can_hide_no_need(low: Group) -> None:
    """R4.7: a wallet that one endpoint calls full is refilled by the word of the others."""
    low.mouths[0].lies["read_balances"] = _saying(HOT, 60 * ETH)
    low.belt.watch()
    assert 1 == len(low.belt.refills())
    assert {("endpoint:a", Topic.BALANCE.value)} == low.told()


def test_two_that_disagree_decide_nothing(low: Group) -> None:
    """R4.7: with the third endpoint away, a disputed balance is unknown and nothing is proposed."""
    low.mouths[0].lies["read_balances"] = _saying(HOT, 0)
    low.mouths[2].is_down = True
    low.belt.run(6)
    assert [] == low.belt.refills()
    assert not low.belt.standing("hot-a").frozen


@pytest.mark.parametrize("silent", [0, 1, 2, 3])
def test_endpoints_fall_silent_one_by_one(low: Group, silent: int) -> None:
    """R4.8: below the quorum nothing is signed from the very next tick on; then it goes on."""
    low.approved()
    for mouth in low.mouths[:silent]:
        mouth.is_down = True
    low.belt.run(6)
    is_quorate = silent <= 1
    assert is_quorate == (low.signatures > 0)
    assert (1 if is_quorate else 0) == low.belt.paid("vault", HOT)
    for mouth in low.mouths:
        mouth.is_down = False
    low.belt.until(lambda: not low.belt.open_refills())
    assert 1 == low.belt.paid("vault", HOT)


def test_the_quorum_may_go_between_the_stations(low: Group) -> None:
    """R4.8: wherever in a tick the quorum goes, at most the transfer in flight is mined, once."""
    methods = ("head", "read_balances", "fee_market", "receipts", "transaction_nonce", "send")
    for method in methods:
        for mouth in low.mouths[:2]:
            mouth.failures = {method: WrongChainError("another chain")}
        if not low.belt.refills():
            low.belt.watch()
        low.belt.run(2)
        for mouth in low.mouths:
            mouth.failures = {}
        if low.belt.refills() and not low.belt.approvers(low.belt.only_refill()):
            low.belt.approve(low.belt.only_refill(), "alice", "bob")
    low.belt.until(lambda: not low.belt.open_refills() and bool(low.belt.refills()))
    assert 1 == low.belt.paid("vault", HOT)


def test_a_lagging_endpoint_lets_no_old_need_come_back(low: Group) -> None:
    """R4.6: after the refill, endpoints that still show the empty wallet cause no second one."""
    low.belt.settle_one()
    low.mouths[0].lag_blocks = 5
    low.belt.run(3)
    low.mouths[1].is_down = True
    low.belt.run(3)
    assert 1 == len(low.belt.refills())
    assert 1 == low.belt.paid("vault", HOT)
    assert not low.belt.standing("hot-a").frozen


def test_an_endpoint_that_becomes_another_chain(low: Group) -> None:
    """R4.15: with one endpoint gone to another chain all goes on, with two nothing is signed."""
    wrong = WrongChainError("serves chain 10, the law says 31337")
    everything = ("head", "finalised", "stamp_at", "read_balances", "transaction_nonce", "receipts")
    low.approved()
    for mouth in low.mouths[:2]:
        mouth.failures = dict.fromkeys((*everything, "fee_market", "send"), wrong)
    low.belt.run(4)
    assert 0 == low.signatures
    low.mouths[1].failures = {}
    low.belt.until(lambda: not low.belt.open_refills())
    assert 1 == low.belt.paid("vault", HOT)
    assert Topic.CHAIN.value in {topic for _, topic in low.told()}


def test_a_finality_that_stands_still(low: Group) -> None:
    """R4.13: nothing is confirmed while finality stands, and it is when finality moves again."""
    low.approved()
    still = low.belt.chain.finalised(low.belt.chain.head())
    for mouth in low.mouths:
        mouth.lies["finalised"] = lambda _: still
    low.belt.run(8)
    assert [TransferState.MINED] == low.states()
    for mouth in low.mouths:
        mouth.lies.clear()
    low.belt.until(lambda: not low.belt.open_refills())
    assert [TransferState.CONFIRMED] == low.states()


def test_prices_a_thousand_times_too_high_are_never_signed(low: Group) -> None:
    """R4.12: even when every endpoint says so, a bid above the ceiling is not signed."""
    low.approved()
    for mouth in low.mouths:
        mouth.lies["fee_market"] = lambda told: replace(told, base_fee=100_000 * told.base_fee)
    low.belt.run(4)
    assert 0 == low.signatures
    assert [TransferState.QUEUED] == low.states()
