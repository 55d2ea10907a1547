"""How many transfers are settled per second, against a loop that only signs and sends.

Both run against the same anvil, which mines at every transaction, and take turns. The loop holds
a raw key in memory, asks nobody, remembers nothing and never looks back. Ours is the money lane as
the daemon runs it: a signer in a process of its own with keys in SoftHSM, its book and our ledger
flushed to the disk, receipts, finality, and every withdrawal marked as paid. Absolute figures mean
nothing on a shared machine; the ratio is taken of the best rounds.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from pathlib import Path

import pytest
from eth_account import Account
from structlog.testing import capture_logs

from tests.fakes.money_lane import AMOUNT, MoneyLane, money_lane
from tests.fakes.nodes import CHAIN_ID, require_node
from treasury.chain.dial import transport_for
from treasury.chain.rpc import RpcClient

pytestmark = [pytest.mark.bench, pytest.mark.sockets, pytest.mark.softhsm]
COUNT = 256
ROUNDS = 4
GWEI = 10**9


def bare_loop(lane: MoneyLane) -> float:
    """Sign and send that many prepared payments one after the other; return the seconds."""
    account = Account.from_key(secrets.token_bytes(32))
    lane.node.set_balance(account.address, 10**20)
    payment = {
        "type": 2,
        "chainId": CHAIN_ID,
        "to": account.address,
        "value": AMOUNT,
        "gas": 21_000,
        "maxFeePerGas": 10 * GWEI,
        "maxPriorityFeePerGas": GWEI,
    }
    rpc = RpcClient(transport_for(lane.node.url), chain_id=CHAIN_ID, deadline_s=30)
    with contextlib.closing(rpc):
        rpc.call("eth_chainId")
        begun = time.perf_counter()
        for nonce in range(COUNT):
            signed = account.sign_transaction({**payment, "nonce": nonce})
            rpc.call("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex())
        return time.perf_counter() - begun


def settled(lane: MoneyLane) -> float:
    """Settle that many queued withdrawals for good; return the seconds."""
    lane.queue(COUNT)
    begun = time.perf_counter()
    lane.settle()
    return time.perf_counter() - begun


def test_transfers_settled_per_second(tmp_path: Path) -> None:
    """Settling for good, everything durable, runs at half the speed of signing and sending."""
    require_node("anvil")
    bare, ours = [], []
    with capture_logs(), money_lane(tmp_path, depth=COUNT) as lane:
        for _ in range(ROUNDS):
            bare.append(bare_loop(lane))
            ours.append(settled(lane))
        paid = lane.paid()
    print(
        f"\nsettled: {COUNT / min(ours):.0f}/s, signed and sent alone: {COUNT / min(bare):.0f}/s, "
        f"ratio {min(bare) / min(ours):.2f}"
    )

    assert paid == COUNT * ROUNDS
    assert min(bare) / min(ours) >= 0.5
