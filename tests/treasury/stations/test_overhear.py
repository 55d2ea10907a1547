"""Overhear: what waits in a pool with our signature, and not from us, is acted on at once."""

from __future__ import annotations

from dataclasses import replace

from eth_account import Account

from hsm.wire.answers import Fees, Signed
from policies.crypto import keccak256
from policies.lifecycles import WalletState
from policies.terms import Purpose
from tests.fakes.belt import CHAIN_ID, Belt
from tests.laws import ETH, address_of, key_of
from treasury.stations.dispatch import dispatch
from treasury.stations.overhear import MOST_AT_ONCE, _turn, overhear
from treasury.stations.pay import pay

THIEF = address_of("thief")
GWEI = 10**9


def theft(wallet: str, nonce: int, *, tip: int = 2 * GWEI) -> bytes:
    """Return bytes that a thief with the key of a wallet signed."""
    account = Account.from_key(key_of(wallet).secret)
    signed = account.sign_transaction(
        {
            "type": 2,
            "chainId": CHAIN_ID,
            "nonce": nonce,
            "to": THIEF,
            "value": 5 * ETH,
            "gas": 21_000,
            "maxFeePerGas": 4 * GWEI,
            "maxPriorityFeePerGas": tip,
        }
    )
    return bytes(signed.raw_transaction)


def test_a_waiting_theft_isolates_before_its_block(calm: Belt) -> None:
    """R2.1: isolated while nothing is mined yet, and the evacuation is in the pool already."""
    block = calm.chain.head().number
    calm.chain.send(theft("hot-a", 0))
    calm.watch()
    waiting = [t for t in calm.chain.mempool if t.sender == address_of("hot-a")]

    assert WalletState.ISOLATED is calm.standing("hot-a").state
    assert block == calm.chain.head().number
    assert [address_of("vault")] == [transaction.payee for transaction in waiting]
    assert [Purpose.EVACUATION] == [t.purpose for t in calm.transfers()]


def test_a_count_without_bytes_only_freezes(calm: Belt) -> None:
    """One node's count is one voice: reversible, nothing is moved."""
    calm.chain.hides_bytes = True
    calm.chain.send(theft("hot-a", 0))
    overhear(calm.world, calm.clock())
    overhear(calm.world, calm.clock())

    found = calm.standing("hot-a")
    assert (WalletState.ACTIVE, True) == (found.state, found.frozen)
    assert "counts 1 transactions of it, our books signed 0" in found.frozen_why


def test_the_vaults_key_in_a_pool_halts(calm: Belt) -> None:
    """A waiting signature of the vault that is not ours stops all exposure."""
    calm.chain.send(theft("vault", 0))
    overhear(calm.world, calm.clock())

    assert calm.is_halted()


def test_our_own_waiting_transactions_are_calm(calm: Belt) -> None:
    """What dispatch sent waits in the pool for blocks, and nobody is alarmed."""
    calm.ask_withdrawal(ETH, "customer")
    pay(calm.world, calm.clock())
    dispatch(calm.world, calm.clock())
    outcome = overhear(calm.world, calm.clock())

    assert 1 == len(calm.chain.mempool)
    assert () == outcome.deeds
    assert WalletState.ACTIVE is calm.standing("hot-a").state


def test_what_only_the_signers_book_knows_is_ours(calm: Belt) -> None:
    """A ledger that lost the signature asks the book before it calls a nonce foreign."""
    calm.ask_withdrawal(ETH, "customer")
    pay(calm.world, calm.clock())
    (queued,) = calm.open_transfers()
    answer = calm.signer.sign(bytes.fromhex(queued.order_id[2:]), _fees(), order=queued.terms)
    assert isinstance(answer, Signed)
    calm.chain.send(answer.raw)
    outcome = overhear(calm.world, calm.clock())

    assert () == outcome.deeds
    assert not calm.standing("hot-a").frozen


def test_a_node_cannot_frame_a_wallet(calm: Belt) -> None:
    """Bytes that somebody else signed under our count are no proof: a freeze at most."""
    other = theft("thief", 0)
    calm.chain.fund(THIEF, 10 * ETH)
    calm.chain.lone_waiting = {address_of("hot-a"): (other, b"\x02junk", keccak256(b"x"))}
    overhear(calm.world, calm.clock())

    found = calm.standing("hot-a")
    assert (WalletState.ACTIVE, True) == (found.state, found.frozen)


def test_very_many_wallets_take_turns(calm: Belt) -> None:
    """R2.15: a look asks about a bounded number of accounts, and reaches all of them in turn."""
    (first, *_) = calm.law.wallets
    crowd = [replace(first, name=str(n)) for n in range(3 * MOST_AT_ONCE + 7)]
    seen: set[str] = set()
    for second in range(len(crowd)):
        turn = _turn(crowd, second)
        assert len(turn) == MOST_AT_ONCE
        seen.update(wallet.name for wallet in turn)

    assert {wallet.name for wallet in crowd} == seen


def _fees() -> Fees:
    return Fees(gas_limit=21_000, max_fee_per_gas=4 * GWEI, max_priority_fee_per_gas=GWEI, l1_fee=0)
