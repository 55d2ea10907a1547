"""Shared custody: what the payout engine registered explains its drop, and nothing else does."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from eth_account import Account

from policies.crypto import keccak256
from policies.lifecycles import WalletState
from policies.terms import NATIVE
from tests.fakes.belt import CHAIN_ID, Belt
from tests.laws import ETH, address_of, key_of, make_law
from treasury.ledger import registered
from treasury.ledger.registered import Envelope, Part
from treasury.stations.guard import GRACE_BLOCKS
from treasury.stations.trace import LASTS_S

HOT, GWEI = address_of("hot-a"), 10**9
MOST = ETH // 2
"""What the law of these tests lets be missing."""


@dataclass(slots=True)
class Engine:
    """A payout engine with a copy of hot-a's key; what it does not register is a thief's."""

    belt: Belt
    nonce: int = 0
    stolen: int = field(default=0)

    def sign(self, amount: int) -> bytes:
        """Sign the next payment of native coin."""
        fields = {
            "type": 2,
            "chainId": CHAIN_ID,
            "nonce": self.nonce,
            "to": address_of("customer"),
            "value": amount,
            "gas": 21_000,
            "maxFeePerGas": 4 * GWEI,
            "maxPriorityFeePerGas": 2 * GWEI,
        }
        self.nonce += 1
        return bytes(
            Account.from_key(key_of("hot-a").secret).sign_transaction(fields).raw_transaction
        )

    def register(self, raw: bytes, amount: int) -> None:
        """Register a payment as the API does."""
        digest = "0x" + keccak256(raw).hex()
        envelope = Envelope(chain_id=CHAIN_ID, wallet=HOT, hash=digest, service="engine")
        part = Part(asset=NATIVE, destination=address_of("customer"), amount=amount)
        with self.belt.ledger.write() as session:
            registered.register(session, envelope, [part], now=self.belt.clock.unix())

    def pay(self, amount: int) -> None:
        """Register, then send."""
        raw = self.sign(amount)
        self.register(raw, amount)
        self.belt.chain.send(raw)

    def steal(self, amount: int) -> None:
        """Send without a word."""
        self.stolen += amount
        self.belt.chain.send(self.sign(amount))


@pytest.fixture
def engine(directory: Path, quiet: None) -> Engine:
    """An engine at a belt whose hot-a is in shared custody and holds 60 ETH."""
    changes = {
        "wallets.hot-a.custody": "shared",
        "pools.main.assets.ETH.band.unexplained_max": "0.5 ETH",
    }
    belt = Belt(directory, law=make_law(**changes).law, hot=60 * ETH)
    belt.run(3)
    return Engine(belt)


def is_isolated(engine: Engine) -> bool:
    """Say whether hot-a is cut off."""
    return engine.belt.standing("hot-a").state is WalletState.ISOLATED


def test_registered_payments_are_calm(engine: Engine) -> None:
    """R2.2: foreign nonces and drops of any size are ours when they were registered before."""
    for amount in (ETH, 7 * ETH, 1, 12 * ETH):
        engine.pay(amount)
        engine.belt.round()
    engine.belt.run(5)

    found = engine.belt.standing("hot-a")
    assert (WalletState.ACTIVE, True) == (found.state, found.is_calm)


def test_an_unregistered_drop_is_held_then_isolated(engine: Engine) -> None:
    """R2.2: what nobody registered is held while a registration may be late, then proof."""
    engine.steal(2 * ETH)
    engine.belt.round()
    engine.belt.watch()
    held = engine.belt.standing("hot-a")
    engine.belt.run(GRACE_BLOCKS + 1)

    assert (WalletState.ACTIVE, True) == (held.state, held.hold_since is not None)
    assert is_isolated(engine)


def test_a_late_registration_lets_go(engine: Engine) -> None:
    """An engine that registers a block too late is held, and forgiven."""
    raw = engine.sign(2 * ETH)
    engine.belt.chain.send(raw)
    engine.belt.round()
    engine.belt.watch()
    engine.register(raw, 2 * ETH)
    engine.belt.run(4)

    assert engine.belt.standing("hot-a").is_calm


def test_a_registration_that_never_comes_explains_nothing(engine: Engine) -> None:
    """R2.2: a thief cannot hide behind a payment that was registered and not sent."""
    raw = engine.sign(5 * ETH)
    engine.register(raw, 5 * ETH)
    engine.nonce = 0
    engine.steal(5 * ETH - 1)
    engine.belt.run(GRACE_BLOCKS + 3)

    assert is_isolated(engine)


def test_a_registration_explains_no_more_than_its_transaction_moved(engine: Engine) -> None:
    """R2.7: registered as five coins, sent as one; the four that a thief takes are missing."""
    raw = engine.sign(ETH)
    engine.register(raw, 5 * ETH)
    engine.belt.chain.send(raw)
    engine.belt.run(6)
    before = engine.belt.standing("hot-a").state
    engine.steal(3 * ETH)
    engine.belt.run(GRACE_BLOCKS + 3)

    assert (WalletState.ACTIVE, WalletState.ISOLATED) == (
        before,
        engine.belt.standing("hot-a").state,
    )


def test_somebody_elses_transaction_explains_nothing(engine: Engine) -> None:
    """A hash of another account, registered with a large number, hides no theft."""
    account = Account.from_key(key_of("alice").secret)
    engine.belt.chain.fund(address_of("alice"), 10 * ETH)
    fields = {
        "type": 2, "chainId": CHAIN_ID, "nonce": 0, "to": address_of("customer"), "value": 5 * ETH,
        "gas": 21_000, "maxFeePerGas": 4 * GWEI, "maxPriorityFeePerGas": GWEI,
    }  # fmt: skip
    raw = bytes(account.sign_transaction(fields).raw_transaction)
    engine.register(raw, 5 * ETH)
    engine.belt.chain.send(raw)
    engine.steal(5 * ETH)
    engine.belt.run(GRACE_BLOCKS + 3)

    assert WalletState.ISOLATED is engine.belt.standing("hot-a").state


def test_small_leaks_add_up(engine: Engine) -> None:
    """R2.2: each below what may be missing, together above it; no renewed anchor forgets them."""
    for _ in range(4):
        engine.steal(MOST // 3)
        engine.belt.run(3)
    engine.belt.run(GRACE_BLOCKS + 1)

    assert is_isolated(engine)


def test_a_registered_payment_that_a_reorg_took_back_is_counted_once(engine: Engine) -> None:
    """The receipt vanishes and comes back in another block: calm, and still exact."""
    engine.pay(3 * ETH)
    engine.belt.round()
    engine.belt.watch()
    engine.belt.chain.reorg(1)
    engine.belt.run(6)
    calm = engine.belt.standing("hot-a").is_calm
    engine.steal(ETH)
    engine.belt.run(GRACE_BLOCKS + 3)

    assert (True, True) == (calm, is_isolated(engine))


def test_what_did_not_come_within_a_day_is_void(engine: Engine) -> None:
    """An old registration is given up, so that nobody asks for its receipt for ever."""
    engine.register(engine.sign(ETH), ETH)
    engine.belt.clock.advance(LASTS_S + 60)
    engine.belt.run(2)
    with engine.belt.ledger.read() as session:
        waiting = registered.unsettled(session, CHAIN_ID)
        (found,) = registered.newest(session, None, 10)

    assert ((), True) == (waiting, found.is_void)


@pytest.mark.parametrize("seed", range(4))
def test_random_mixes_are_neither_missed_nor_called_false(engine: Engine, seed: int) -> None:
    """R2.2: payments and thefts in any order: isolated exactly when too much is missing."""
    play(engine, random.Random(seed), blocks=12)


def play(engine: Engine, dice: random.Random, *, blocks: int) -> None:
    """Play a random mix, and compare the verdict with the truth after each theft has had time."""
    is_thief = dice.random() < 0.6
    for _ in range(blocks):
        for _ in range(dice.randrange(3)):
            engine.pay(dice.randrange(1, 2 * ETH))
        if is_thief and dice.random() < 0.3:
            engine.steal(dice.randrange(1, ETH))
        engine.belt.round()
        if engine.stolen <= MOST:
            assert not is_isolated(engine), engine.belt.standing("hot-a").why
    engine.belt.run(GRACE_BLOCKS + 2)

    # The thief's own fees are missing as well: a hundred-thousandth of a coin each.
    is_near = abs(engine.stolen - MOST) < ETH // 100
    assert is_near or (engine.stolen > MOST) is is_isolated(engine)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 160))
def test_many_random_mixes(engine: Engine, seed: int) -> None:
    """R2.2: the same, often."""
    play(engine, random.Random(seed), blocks=30)
