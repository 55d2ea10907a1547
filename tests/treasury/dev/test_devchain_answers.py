"""The development chain answers in the shapes and words of a real node."""

from __future__ import annotations

import re

import msgspec
import pytest
from eth_tester import EthereumTester, PyEVMBackend
from web3 import EthereumTesterProvider, Web3
from web3.types import Wei

from tests.fakes.devchain import ALICE, BOB, ETHER, GWEI, START, ask_chain, signed
from tests.fakes.node_transport import RpcFault

NOWHERE = "0x" + "00" * 32
# 0x602a60005260206000f3 returns 42; with 60 in front of fd it reverts with nothing.
RETURNS_42 = "0x602a60005260206000f3"
REVERTS = "0x60006000fd"
# Emits LOG1 with topic 7 and no data.
LOGS_7 = "0x600760006000a100"


def test_the_chain_tells_who_it_is() -> None:
    """Chain id, network id, client and block number are there."""
    chain = ask_chain(chain_id=5)
    assert chain.ask("eth_chainId") == "0x5"
    assert chain.ask("net_version") == "5"
    assert chain.ask("eth_blockNumber") == "0x0"
    assert "py-evm" in chain.ask("web3_clientVersion")


def test_blocks_are_found_by_number_tag_and_hash() -> None:
    """The same block has one shape whichever way it is asked for; unknown ones are null."""
    chain = ask_chain()
    chain.ask("evm_mine")
    block = chain.ask("eth_getBlockByNumber", "latest", False)
    assert block == chain.ask("eth_getBlockByNumber", "0x1", False)
    assert block == chain.ask("eth_getBlockByHash", block["hash"], False)
    assert block["number"] == "0x1"
    assert int(block["timestamp"], 16) == START + 1
    assert chain.ask("eth_getBlockByNumber", "earliest")["number"] == "0x0"
    assert chain.ask("eth_getBlockByNumber", "0x2", False) is None
    assert chain.ask("eth_getBlockByHash", NOWHERE, False) is None


def test_quantities_have_no_leading_zeros() -> None:
    """Every number in a block and a receipt is a quantity in its shortest form."""
    chain = ask_chain(is_automine=True)
    digest = chain.pay(0)
    shapes = [
        chain.ask("eth_getBlockByNumber", "latest", False),
        chain.ask("eth_getTransactionReceipt", digest),
        chain.ask("eth_getTransactionByHash", digest),
    ]
    names = ("number", "timestamp", "gasUsed", "blockNumber", "status", "nonce", "value", "type")
    found = [s[n] for s in shapes for n in names if n in s and len(str(s[n])) != 18]
    assert len(found) >= 10
    assert all(re.fullmatch(r"0x(0|[1-9a-f][0-9a-f]*)", value) for value in found)


def test_a_payment_is_mined_with_a_receipt() -> None:
    """Value and fee leave the sender, the receipt says what was paid, history stays readable."""
    chain = ask_chain(is_automine=True)
    digest = chain.pay(0)
    receipt = chain.ask("eth_getTransactionReceipt", digest)
    paid = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert (receipt["status"], receipt["blockNumber"]) == ("0x1", "0x1")
    assert chain.number("eth_getBalance", BOB, "latest") == ETHER
    assert chain.number("eth_getBalance", ALICE.address, "latest") == 99 * ETHER - paid
    assert chain.number("eth_getBalance", ALICE.address, "0x0") == 100 * ETHER
    assert chain.number("eth_getTransactionCount", ALICE.address, "0x0") == 0
    assert chain.ask("eth_getBlockReceipts", "0x1") == [receipt]


def test_state_is_read_at_a_block_hash() -> None:
    """EIP-1898 objects pin a read, and an unknown hash is an error, never the latest state."""
    chain = ask_chain(is_automine=True)
    genesis = chain.ask("eth_getBlockByNumber", "0x0", False)["hash"]
    chain.pay(0)
    pin = {"blockHash": genesis, "requireCanonical": True}
    assert chain.number("eth_getBalance", BOB, pin) == 0
    assert chain.number("eth_getBalance", BOB, {"blockNumber": "0x1"}) == ETHER
    unknown = {"blockHash": NOWHERE}
    assert chain.ask("eth_getBalance", BOB, unknown) == RpcFault(-32000, "header not found")
    assert chain.ask("eth_getBalance", BOB, "0x9") == RpcFault(-32000, "header not found")


def test_nothing_is_known_of_an_unknown_transaction() -> None:
    """Receipts and transactions that do not exist are null."""
    chain = ask_chain()
    assert chain.ask("eth_getTransactionReceipt", NOWHERE) is None
    assert chain.ask("eth_getTransactionByHash", NOWHERE) is None


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("eth_nothing", [], -32601),
        ("eth_getBalance", [], -32602),
        ("eth_getBalance", ["0x12"], -32602),
        ("eth_getBalance", [BOB, "0x01"], -32602),
        ("eth_getBalance", [BOB, "newest"], -32602),
        ("eth_getBalance", [BOB, -1], -32602),
        ("eth_getBlockByNumber", ["latest", "yes"], -32602),
        ("eth_sendRawTransaction", ["0x123"], -32602),
        ("eth_sendRawTransaction", ["0x02"], -32000),
        ("eth_sendRawTransaction", ["0x02c0"], -32000),
        ("eth_getLogs", [{"blockHash": NOWHERE, "fromBlock": "0x0"}], -32602),
        ("eth_feeHistory", ["0x0", "latest", []], -32602),
        ("evm_mine", ["soon"], -32602),
    ],
)
def test_wrong_calls_have_the_codes_of_a_real_node(
    method: str, params: list[object], code: int
) -> None:
    """Unknown methods are -32601, wrong parameters -32602, refusals -32000."""
    answer = ask_chain().ask(method, *params)
    assert isinstance(answer, RpcFault)
    assert answer.code == code


def test_batches_are_answered_in_order_and_garbage_by_code() -> None:
    """A batch mixes results and errors; what is no request gets -32700 or -32600."""
    answer = ask_chain().dispatcher.answer
    batch = msgspec.json.decode(
        answer(b'[{"id":7,"method":"eth_chainId"},{"id":8,"method":"no"},5]')
    )
    assert [a["id"] for a in batch] == [7, 8, None]
    assert batch[0]["result"] == "0x7a69"
    assert [a["error"]["code"] for a in batch[1:]] == [-32601, -32600]
    assert msgspec.json.decode(answer(b"{"))["error"]["code"] == -32700
    assert msgspec.json.decode(answer(b"[]"))["error"]["code"] == -32600


def test_calls_run_code_and_reverts_are_told() -> None:
    """eth_call without `to` runs creation code; a revert is code 3, an estimate is exact."""
    chain = ask_chain()
    assert chain.number("eth_call", {"data": RETURNS_42}, "latest") == 42
    answer = chain.ask("eth_call", {"data": REVERTS}, "latest")
    assert answer == RpcFault(3, "execution reverted")
    payment = {"from": ALICE.address, "to": BOB, "value": "0x1"}
    assert chain.number("eth_estimateGas", payment) == 21_000


def test_logs_are_found_by_block_address_and_topic() -> None:
    """A log is found by what it is, and not by what it is not."""
    chain = ask_chain(is_automine=True)
    chain.ask("anvil_setCode", BOB, LOGS_7)
    digest = chain.pay(0, gas=60_000)
    topic = f"0x{7:064x}"
    (log,) = chain.ask("eth_getLogs", {"fromBlock": "0x0", "address": BOB, "topics": [topic]})
    assert (log["transactionHash"], log["logIndex"], log["removed"]) == (digest, "0x0", False)
    assert chain.ask("eth_getTransactionReceipt", digest)["logs"] == [log]
    by_hash = {"blockHash": log["blockHash"], "topics": [[topic, NOWHERE]]}
    assert chain.ask("eth_getLogs", by_hash) == [log]
    for other in ({"address": ALICE.address}, {"topics": [NOWHERE]}, {"topics": [topic, None]}):
        assert chain.ask("eth_getLogs", {"fromBlock": "0x0"} | other) == []


def test_the_fee_history_tells_one_base_fee_more_than_blocks() -> None:
    """The last base fee is the next block's, and rewards are the tips that were paid."""
    chain = ask_chain(is_automine=True)
    chain.pay(0, maxPriorityFeePerGas=3 * GWEI)
    history = chain.ask("eth_feeHistory", "0xa", "latest", [50])
    assert len(history["baseFeePerGas"]) == 3
    assert history["reward"] == [["0x0"], [hex(3 * GWEI)]]
    chain.ask("evm_mine")
    mined = chain.ask("eth_getBlockByNumber", "latest", False)
    assert mined["baseFeePerGas"] == history["baseFeePerGas"][-1]


def test_answers_agree_with_eth_testers_own_provider() -> None:
    """The same payment on eth-tester through web3 costs and moves the same."""
    ours = ask_chain(is_automine=True)
    digest = ours.pay(0)
    tester = EthereumTester(PyEVMBackend())
    web3 = Web3(EthereumTesterProvider(tester))
    rich = tester.get_accounts()[0]
    web3.eth.send_transaction(
        {"from": rich, "to": Web3.to_checksum_address(ALICE.address), "value": Wei(100 * ETHER)}
    )
    raw = signed(0, chainId=web3.eth.chain_id)
    theirs = web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(raw))
    receipt = ours.ask("eth_getTransactionReceipt", digest)
    assert int(receipt["gasUsed"], 16) == theirs["gasUsed"]
    assert int(receipt["status"], 16) == theirs["status"]
    assert ours.number("eth_getBalance", BOB) == web3.eth.get_balance(Web3.to_checksum_address(BOB))
