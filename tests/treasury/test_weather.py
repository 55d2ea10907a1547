"""Whatever the weather: seeded storms of faults, then calm, and nothing was paid twice.

Each seed draws a story of ticks in any order, deaths, silent nodes and signers, lost and odd
answers, reorgs and price jumps. The invariants hold at every step; when the storm is over,
everything comes to rest. A failing seed is replayed by its number alone.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from hsm.errors import TokenAwayError
from policies.lifecycles import RefillState, TransferState, WithdrawalState, is_open
from policies.terms import MotionKind
from tests.fakes.belt import BLOCK_S, Belt, Crash
from tests.laws import ETH, PEOPLE, address_of
from treasury.chain.port import SendAnswer, SendKind
from treasury.ledger import journal

SEEDS = range(4)
STEPS = 80
GWEI = 10**9
HOT = ("hot-a", "hot-b")

pytestmark = [pytest.mark.crash, pytest.mark.usefixtures("quiet")]


class Storm:
    """One seeded story."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.dice = random.Random(seed)
        self.belt = Belt(directory, hot=self.dice.choice([10, 30, 60, 120]) * ETH)
        self.asked = 0
        self.trail: list[str] = []

    def blow(self) -> None:
        """Do one random thing."""
        deeds: list[tuple[Callable[[], object], int]] = [
            (self.belt.watch, 20),
            (self.belt.money, 30),
            (self.belt.next_block, 20),
            (self.approve, 8),
            (self.withdraw, 5),
            (self.die_soon, 6),
            (self.reorg, 2),
            (self.price, 3),
            (self.silence, 3),
            (self.odd_answer, 4),
            (self.token_away, 2),
            (self.belt.chain.drop_mempool, 1),
            (self.wait, 2),
            (self.rotate, 1),
            (self.isolate, 1),
        ]
        deed = self.dice.choices([d for d, _ in deeds], [w for _, w in deeds])[0]
        self.trail.append(getattr(deed, "__name__", "?"))
        try:
            deed()
        except Crash:
            self.trail.append("died")
            self.belt.restart()

    def approve(self) -> None:
        for refill in self.belt.open_refills():
            name = self.dice.choice(PEOPLE)
            if refill.state is RefillState.PROPOSED and (
                address_of(name) not in self.belt.approvers(refill)
            ):
                self.belt.approve(refill, name)

    def withdraw(self) -> None:
        self.asked += 1
        amount = self.dice.randint(1, 5) * ETH
        self.belt.ask_withdrawal(amount, f"customer-{self.asked}", key=f"key-{self.asked}")

    def die_soon(self) -> None:
        self.belt.crash_at(self.dice.randint(1, 12))

    def reorg(self) -> None:
        self.belt.chain.reorg(1, keep=self.dice.random() < 0.5)

    def price(self) -> None:
        self.belt.chain.base_fee = self.dice.choice([1, 1, 3, 20, 60]) * GWEI

    def silence(self) -> None:
        self.belt.chain.is_down = self.dice.random() < 0.5
        self.belt.signer.is_away = self.dice.random() < 0.5

    def odd_answer(self) -> None:
        kind = self.dice.choice(list(SendKind))
        self.belt.chain.next_answers.append(SendAnswer(kind=kind, text="odd"))
        self.belt.chain.drops_sends = self.dice.random() < 0.3

    def token_away(self) -> None:
        trouble = TokenAwayError("away") if self.dice.random() < 0.5 else None
        self.belt.room.tokens.trouble_at_signing = trouble

    def rotate(self) -> None:
        payload = {"pool": "main", "wallet": self.dice.choice(HOT)}
        self.belt.room.carry(MotionKind.ROTATE, payload)

    def isolate(self) -> None:
        wallet = self.dice.choice(HOT)
        self.belt.room.isolate(wallet)
        if self.dice.random() < 0.7:
            self.belt.money()
        self.belt.room.carry(MotionKind.REINSTATE, {"wallet": wallet})

    def wait(self) -> None:
        self.belt.clock.advance(self.dice.choice([31, 91, 700]))

    def clear_up(self) -> None:
        """End every fault and let people do their part."""
        belt = self.belt
        belt.fuse.blows_at = None
        belt.chain.is_down = belt.signer.is_away = belt.chain.drops_sends = False
        belt.chain.base_fee = GWEI
        belt.chain.next_answers.clear()
        belt.room.tokens.trouble_at_signing = None
        for _ in range(60):
            belt.watch()
            for refill in belt.open_refills():
                for name in PEOPLE:
                    if address_of(name) not in belt.approvers(refill):
                        belt.approve(refill, name)
            belt.money()
            belt.chain.mine()
            belt.clock.advance(BLOCK_S)
            if not belt.open_transfers() and not belt.open_refills():
                return


def payments(belt: Belt) -> Counter[tuple[str, str]]:
    """Count mined transactions of the present chain by sender and receiver, cancels left out."""
    return Counter(
        (t.sender, t.payee)
        for block in belt.chain._blocks
        for t in block.transactions
        if t.amount and t.sender != t.payee
    )


def check_always(storm: Storm) -> None:
    """What no storm may break: no order is mined twice, no customer is paid twice."""
    belt = storm.belt
    refills = [r for r in belt.refills() if r.transfer_id is not None]
    mined = payments(belt)
    for number in range(1, storm.asked + 1):
        paid = sum(mined[address_of(w), address_of(f"customer-{number}")] for w in HOT)
        assert paid <= 1, f"customer {number} was paid {paid} times"
    for wallet in HOT:
        sent = mined[address_of("vault"), address_of(wallet)]
        assert sent <= len(refills), f"{sent} payments for {len(refills)} refills"
    nonces = [(t.source, t.nonce) for t in belt.transfers() if t.nonce is not None]
    assert len(nonces) == len(set(nonces)), "two transfers share a nonce"


@pytest.mark.parametrize("seed", SEEDS)
def test_no_weather_pays_twice(directory: Path, seed: int) -> None:
    """R4.1, R6.3: nothing is paid twice in the storm, and all comes to rest after it."""
    storm = Storm(directory, seed)
    for _ in range(STEPS):
        storm.blow()
        check_always(storm)
    storm.clear_up()
    check_always(storm)

    belt = storm.belt
    with belt.ledger.read() as session:
        assert journal.verify(session).ok
    assert not belt.is_halted(), storm.trail
    assert all(belt.standing(name).is_calm for name in ("vault", *HOT)), storm.trail
    assert not belt.open_transfers(), storm.trail
    assert not any(is_open(refill.state) for refill in belt.refills()), storm.trail
    for transfer in belt.transfers():
        landed = payments(belt)[transfer.source, transfer.destination]
        assert transfer.state is not TransferState.CONFIRMED or landed
    for number in range(1, storm.asked + 1):
        paid = sum(payments(belt)[address_of(w), address_of(f"customer-{number}")] for w in HOT)
        found = belt.withdrawal_under(f"key-{number}")
        is_paid = found is not None and found.state is WithdrawalState.PAID
        assert is_paid == bool(paid), (found, paid)
