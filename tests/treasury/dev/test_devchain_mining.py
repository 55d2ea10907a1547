"""The pool, the clock and the way back of the development chain."""

from __future__ import annotations

import pytest

from policies.crypto import keccak256
from tests.fakes.devchain import ALICE, BOB, ETHER, GWEI, START, ask_chain, signed
from tests.fakes.node_transport import RpcFault
from treasury.chain.node_errors import classify
from treasury.chain.port import SendKind


def _digest(raw: bytes) -> str:
    return "0x" + keccak256(raw).hex()


def test_the_hash_is_the_one_that_was_known_before_sending() -> None:
    """The node's hash is keccak of the raw bytes."""
    assert ask_chain().pay(0) == _digest(signed(0))


def test_without_automine_transactions_wait_for_a_block() -> None:
    """A sent transaction is pending, counts in the pending nonce, and has no receipt."""
    chain = ask_chain()
    digests = [chain.pay(0), chain.pay(1)]
    waiting = chain.ask("eth_getTransactionByHash", digests[0])
    assert waiting["blockNumber"] is None
    assert chain.ask("eth_getTransactionReceipt", digests[0]) is None
    assert chain.number("eth_getTransactionCount", ALICE.address, "latest") == 0
    assert chain.number("eth_getTransactionCount", ALICE.address, "pending") == 2
    chain.ask("evm_mine")
    block = chain.ask("eth_getBlockByNumber", "latest", False)
    assert block["transactions"] == digests


def test_a_gap_waits_until_it_is_filled() -> None:
    """Nonce 1 is mined only after nonce 0 came."""
    chain = ask_chain()
    later = chain.pay(1)
    chain.ask("evm_mine")
    assert chain.ask("eth_getTransactionReceipt", later) is None
    chain.pay(0)
    chain.ask("evm_mine")
    assert chain.ask("eth_getTransactionReceipt", later)["transactionIndex"] == "0x1"


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, SendKind.KNOWN),
        ({"maxFeePerGas": 11 * GWEI - 1, "maxPriorityFeePerGas": 2 * GWEI}, SendKind.UNDERPRICED),
        ({"maxFeePerGas": 20 * GWEI, "maxPriorityFeePerGas": GWEI}, SendKind.UNDERPRICED),
        ({"maxFeePerGas": 11 * GWEI, "maxPriorityFeePerGas": GWEI * 11 // 10}, None),
    ],
)
def test_a_replacement_needs_ten_percent_more_in_both_prices(
    changes: dict[str, int], kind: SendKind | None
) -> None:
    """The same bytes are known, a cheap replacement is underpriced, a proper one wins."""
    chain = ask_chain()
    first = chain.pay(0)
    answer = chain.pay(0, **changes)
    chain.ask("evm_mine")
    receipt = chain.ask("eth_getTransactionReceipt", first)
    if kind is None:
        assert receipt is None
        assert chain.ask("eth_getTransactionReceipt", answer)["status"] == "0x1"
    else:
        assert kind is classify(answer.code, answer.message)
        assert receipt["status"] == "0x1"


def test_a_cancel_takes_the_nonce_of_a_waiting_payment() -> None:
    """Zero to oneself at a higher price is mined in its place, and Bob gets nothing."""
    chain = ask_chain()
    payment = chain.pay(0)
    chain.pay(0, to=ALICE.address, value=0, maxFeePerGas=20 * GWEI, maxPriorityFeePerGas=2 * GWEI)
    chain.ask("evm_mine")
    assert chain.ask("eth_getTransactionReceipt", payment) is None
    assert chain.number("eth_getBalance", BOB) == 0
    assert chain.number("eth_getTransactionCount", ALICE.address, "latest") == 1


REFUSALS = [
    ({"chainId": 1}, "invalid chain id for signer", SendKind.UNKNOWN),
    ({"gas": 20_999}, "intrinsic gas too low", SendKind.UNKNOWN),
    ({"gas": 50_000_000}, "exceeds block gas limit", SendKind.UNKNOWN),
    ({"value": 101 * ETHER}, "insufficient funds for gas * price + value", SendKind.FUNDS),
    ({"maxPriorityFeePerGas": 11 * GWEI}, "max priority fee per gas higher", SendKind.UNKNOWN),
]


@pytest.mark.parametrize(("changes", "text", "kind"), REFUSALS, ids=[r[1] for r in REFUSALS])
def test_what_a_pool_refuses_is_refused_in_its_words(
    changes: dict[str, int], text: str, kind: SendKind
) -> None:
    """The texts are geth's, and our own table sorts them as it sorts geth's."""
    answer = ask_chain().pay(0, **changes)
    assert isinstance(answer, RpcFault)
    assert text in answer.message
    assert kind is classify(answer.code, answer.message)


def test_a_used_nonce_is_too_low_even_for_the_very_same_bytes() -> None:
    """After mining, the same bytes answer "nonce too low": a question, not a failure."""
    chain = ask_chain(is_automine=True)
    chain.pay(0)
    answer = chain.pay(0)
    assert answer == RpcFault(-32000, "nonce too low: next nonce 1, tx nonce 0")


def test_a_transaction_below_the_base_fee_waits() -> None:
    """It stays pending while the base fee is above it and is mined when that has fallen."""
    chain = ask_chain()
    cheap = chain.pay(0, maxFeePerGas=GWEI // 2, maxPriorityFeePerGas=0)
    chain.ask("evm_mine")
    assert chain.ask("eth_getTransactionReceipt", cheap) is None
    chain.ask("anvil_mine", "0xa")
    assert chain.ask("eth_getTransactionReceipt", cheap)["status"] == "0x1"


def test_a_payment_that_became_unpayable_waits_and_does_not_stop_the_block() -> None:
    """When the balance is gone at mining time the transaction stays in the pool."""
    chain = ask_chain()
    digest = chain.pay(0)
    chain.ask("anvil_setBalance", ALICE.address, "0x0")
    chain.ask("evm_mine")
    assert chain.ask("eth_getTransactionReceipt", digest) is None
    chain.ask("anvil_setBalance", ALICE.address, hex(5 * ETHER))
    chain.ask("evm_mine")
    assert chain.ask("eth_getTransactionReceipt", digest)["status"] == "0x1"


def test_a_set_balance_is_real_state() -> None:
    """It can be spent, it is in the state root, and older blocks keep the older balance."""
    chain = ask_chain()
    before = chain.ask("eth_getBlockByNumber", "latest", False)
    chain.ask("anvil_setBalance", BOB, hex(7 * ETHER))
    after = chain.ask("eth_getBlockByNumber", "latest", False)
    assert chain.number("eth_getBalance", BOB, "latest") == 7 * ETHER
    assert chain.number("eth_getBalance", BOB, before["number"]) == 0
    assert before["stateRoot"] != after["stateRoot"]


def test_nonce_code_and_storage_are_written_too() -> None:
    """The other state writes are read back."""
    chain = ask_chain()
    chain.ask("anvil_setNonce", ALICE.address, "0x9")
    chain.ask("anvil_setCode", BOB, "0x00")
    chain.ask("anvil_setStorageAt", BOB, "0x1", "0x" + "00" * 31 + "05")
    assert chain.number("eth_getTransactionCount", ALICE.address) == 9
    assert chain.ask("eth_getCode", BOB) == "0x00"
    assert chain.number("eth_getStorageAt", BOB, "0x1") == 5


def test_a_snapshot_brings_everything_back_once() -> None:
    """Blocks, balances and the pool return; the snapshot is used up, later ones are gone."""
    chain = ask_chain()
    waiting = chain.pay(0)
    first, second = chain.ask("evm_snapshot"), chain.ask("evm_snapshot")
    chain.ask("evm_mine")
    assert chain.ask("evm_revert", first) is True
    assert chain.ask("eth_blockNumber") == "0x0"
    assert chain.ask("eth_getTransactionReceipt", waiting) is None
    assert chain.ask("evm_revert", first) is False
    assert chain.ask("evm_revert", second) is False
    chain.ask("evm_mine")
    assert chain.ask("eth_getTransactionReceipt", waiting)["status"] == "0x1"


def test_a_reorg_takes_a_receipt_back_and_the_pool_mines_it_again() -> None:
    """The old hash is no longer canonical, the receipt vanishes, and comes in another block."""
    chain = ask_chain()
    digest = chain.pay(0)
    chain.ask("evm_mine")
    old = chain.ask("eth_getTransactionReceipt", digest)
    chain.ask("anvil_reorg", 1, [])
    assert chain.ask("eth_blockNumber") == "0x1"
    assert chain.ask("eth_getTransactionReceipt", digest) is None
    assert chain.ask("eth_getBlockByHash", old["blockHash"], False) is None
    chain.ask("evm_mine")
    new = chain.ask("eth_getTransactionReceipt", digest)
    assert new["blockNumber"] == "0x2"
    assert new["blockHash"] != old["blockHash"]


def test_a_rollback_cannot_go_below_genesis() -> None:
    """Taking back more blocks than there are is refused, and nothing changes."""
    chain = ask_chain()
    chain.ask("evm_mine")
    assert isinstance(chain.ask("anvil_rollback", 2), RpcFault)
    assert chain.ask("eth_blockNumber") == "0x1"
    assert chain.ask("anvil_rollback") is None
    assert chain.ask("eth_blockNumber") == "0x0"


def test_time_moves_with_the_clock_and_by_order() -> None:
    """Block time follows the clock, is shifted on demand, and always grows."""
    chain = ask_chain()
    chain.now += 100
    chain.ask("evm_mine")
    chain.ask("evm_increaseTime", 3600)
    chain.ask("evm_mine")
    chain.ask("evm_setNextBlockTimestamp", START + 10_000)
    chain.ask("evm_mine")
    chain.ask("evm_mine")
    blocks = [chain.ask("eth_getBlockByNumber", hex(n), False) for n in range(1, 5)]
    times = [int(block["timestamp"], 16) - START for block in blocks]
    assert times == [100, 3700, 10_000, 10_001]
    assert isinstance(chain.ask("evm_setNextBlockTimestamp", START), RpcFault)


def test_mining_modes_are_switched_at_run_time() -> None:
    """Automine mines at every transaction; an interval is handed to the miner."""
    chain = ask_chain()
    chain.ask("evm_setAutomine", True)
    chain.pay(0)
    assert chain.ask("eth_blockNumber") == "0x1"
    assert chain.ask("anvil_getAutomine") is True
    chain.ask("evm_setIntervalMining", 3)
    assert chain.interval_s == 3.0
    assert chain.ask("anvil_getAutomine") is False


def test_dropped_transactions_are_gone() -> None:
    """One, or all, can be taken out of the pool, as by a node's restart."""
    chain = ask_chain()
    digest = chain.pay(0)
    chain.pay(1)
    assert chain.ask("anvil_dropTransaction", digest) == digest
    assert chain.ask("anvil_dropTransaction", digest) is None
    chain.ask("anvil_dropAllTransactions")
    chain.ask("evm_mine")
    assert chain.number("eth_getTransactionCount", ALICE.address) == 0


def test_node_info_tells_the_head_and_the_chain() -> None:
    """The fields that tools read from anvil are there."""
    info = ask_chain().ask("anvil_nodeInfo")
    assert info["environment"]["chainId"] == 31337
    assert info["currentBlockNumber"] == "0x0"
