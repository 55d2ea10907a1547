"""What the port promises, kept against a node that may say anything."""

from __future__ import annotations

from typing import Any

import pytest

from config.settings import Finality, FinalityKind
from policies.crypto import keccak256, parse_address
from policies.terms import NATIVE, Stamp
from tests.fakes.node_transport import FakeTransport, RpcFault
from treasury.chain.errors import (
    BadAnswerError,
    MissingBlockError,
    NodeError,
    UnavailableError,
    WrongChainError,
)
from treasury.chain.node import NodeChain
from treasury.chain.port import Chain, ReadRequest, SendKind
from treasury.chain.rpc import RpcClient

ALICE = parse_address("0x" + "a1" * 20)
BOB = parse_address("0x" + "b0" * 20)
TOKEN = parse_address("0x" + "70" * 20)
DEPTH_2 = Finality(kind=FinalityKind.DEPTH, depth_blocks=2)
TAG = Finality(kind=FinalityKind.FINALIZED, depth_blocks=0)
RAW = b"\x02signed"
DIGEST = "0x" + keccak256(RAW).hex()
HEAD = 9


def _hash(number: int) -> str:
    return f"0x{number:064x}"


def _stamp(number: int) -> Stamp:
    return Stamp(number=number, hash=_hash(number), time=1000 + number)


def _block(tag: str, _full: bool) -> dict[str, Any] | None:
    number = {"latest": HEAD, "finalized": 4}.get(tag)
    number = int(tag, 16) if number is None else number
    if number > HEAD:
        return None
    return {"number": hex(number), "hash": _hash(number), "timestamp": hex(1000 + number)}


def _receipt(digest: str) -> dict[str, Any]:
    return {
        "transactionHash": digest,
        "blockHash": _hash(7),
        "blockNumber": "0x7",
        "status": "0x1",
        "gasUsed": "0x5208",
        "effectiveGasPrice": "0x3b9aca00",
    }


@pytest.fixture
def wire() -> FakeTransport:
    """Return a node at block 9 on which everybody has 5 of everything."""
    return FakeTransport(
        {
            "eth_getBlockByNumber": _block,
            "eth_getBalance": "0x5",
            "eth_call": f"0x{5:064x}",
            "eth_getTransactionCount": "0x3",
            "eth_getCode": "0x",
            "eth_sendRawTransaction": DIGEST,
            "eth_getTransactionReceipt": _receipt,
            "eth_feeHistory": {
                "baseFeePerGas": ["0x64", "0x6e", "0x78"],
                "gasUsedRatio": [0.5, 0.0],
                "reward": [["0x7"], ["0x0"]],
            },
            "eth_maxPriorityFeePerGas": "0x9",
        }
    )


def _chain(wire: FakeTransport, finality: Finality = DEPTH_2) -> NodeChain:
    return NodeChain(RpcClient(wire, chain_id=31337, deadline_s=1), finality)


def test_fulfils_the_protocol(wire: FakeTransport) -> None:
    """A node can stand wherever a chain is asked for."""
    port: Chain = _chain(wire)
    assert port.head() == _stamp(HEAD)


def test_finality_by_depth_and_by_tag(wire: FakeTransport) -> None:
    """Depth counts down from the head that was given, never below genesis; a tag asks the node."""
    chain = _chain(wire)
    assert chain.finalised(_stamp(HEAD)).number == 7
    assert chain.finalised(_stamp(1)).number == 0
    assert _chain(wire, TAG).finalised(_stamp(HEAD)).number == 4


def test_a_finalised_block_above_the_head_is_a_lie(wire: FakeTransport) -> None:
    """What is final cannot be newer than what is newest."""
    with pytest.raises(BadAnswerError):
        _chain(wire, TAG).finalised(_stamp(3))


def test_a_block_that_does_not_exist_is_missing(wire: FakeTransport) -> None:
    """A null block is an error of its own, for a number as for a tag."""
    with pytest.raises(MissingBlockError):
        _chain(wire).stamp_at(HEAD + 1)


def test_a_block_with_another_number_is_refused(wire: FakeTransport) -> None:
    """A node that answers the head whatever is asked is found out."""
    wire.results["eth_getBlockByNumber"] = lambda *_: _block("latest", False)
    with pytest.raises(BadAnswerError):
        _chain(wire).stamp_at(3)


REQUEST = ReadRequest(wallets=(ALICE, BOB), assets=(NATIVE, TOKEN), with_code=True)


def test_everything_is_read_in_one_batch_pinned_by_hash(wire: FakeTransport) -> None:
    """Balances, nonces and code of all wallets cost one request, pinned at the stamp's hash."""
    readings = _chain(wire).read_balances(REQUEST, _stamp(7))
    pins = [request["params"][-1] for request in wire.batches[-1][:-1]]
    assert len(wire.batches) == 2
    assert pins == [{"blockHash": _hash(7), "requireCanonical": True}] * 8
    assert readings.is_complete()
    assert set(readings.balances.values()) == {5}
    assert readings.nonces == {ALICE: 3, BOB: 3}
    assert readings.codes == {ALICE: b"", BOB: b""}


@pytest.mark.parametrize(
    "answer", [None, "0x", 5, "0x-5", "NaN", "0x" + "f" * 65, [], RpcFault(-32000, "no state")]
)
def test_a_cell_that_fails_is_unknown_and_never_zero(wire: FakeTransport, answer: object) -> None:
    """A wrong or failed balance is None, and the other cells stand."""
    wire.results["eth_getBalance"] = lambda who, _at: answer if who == ALICE else "0x5"
    readings = _chain(wire).read_balances(REQUEST, _stamp(7))
    assert readings.balance(ALICE, NATIVE) is None
    assert readings.balance(BOB, NATIVE) == 5
    assert readings.balance(ALICE, TOKEN) == 5
    assert not readings.is_complete()


def test_a_token_that_returns_nothing_is_unknown(wire: FakeTransport) -> None:
    """An address without code answers 0x, which is not a balance of zero."""
    wire.results["eth_call"] = "0x"
    readings = _chain(wire).read_balances(REQUEST, _stamp(7))
    assert readings.balance(ALICE, TOKEN) is None


def test_a_reading_at_a_block_that_was_replaced_is_refused(wire: FakeTransport) -> None:
    """When the block at that height has another hash, nothing of the reading is used."""
    stale = Stamp(number=7, hash=_hash(999), time=1007)
    with pytest.raises(MissingBlockError):
        _chain(wire).read_balances(REQUEST, stale)
    with pytest.raises(MissingBlockError):
        _chain(wire).transaction_nonce(ALICE, stale)


def test_a_nonce_that_cannot_be_read_raises(wire: FakeTransport) -> None:
    """A single nonce has no cell to be unknown in."""
    assert _chain(wire).transaction_nonce(ALICE, _stamp(7)) == 3
    wire.results["eth_getTransactionCount"] = RpcFault(-32000, "no state")
    with pytest.raises(NodeError):
        _chain(wire).transaction_nonce(ALICE, _stamp(7))


def test_the_fee_market_is_the_next_base_fee_and_the_tip_of_used_blocks(
    wire: FakeTransport,
) -> None:
    """Empty blocks say nothing about tips; without any the node's suggestion counts."""
    market = _chain(wire).fee_market()
    assert (market.base_fee, market.priority_fee, market.stamp) == (120, 7, _stamp(HEAD))
    wire.results["eth_feeHistory"] = {"baseFeePerGas": ["0x1", "0x2"], "gasUsedRatio": [0.0]}
    assert _chain(wire).fee_market().priority_fee == 9
    wire.results["eth_maxPriorityFeePerGas"] = RpcFault(-32601, "no such method")
    assert _chain(wire).fee_market().priority_fee == 10**9


@pytest.mark.parametrize("fees", [[], ["0x1"], ["0x1", None], ["0x1", "-5"], "0x1", None])
def test_a_crooked_fee_history_is_refused(wire: FakeTransport, fees: object) -> None:
    """No bid is made from a fee history that does not tell the next base fee."""
    wire.results["eth_feeHistory"] = {"baseFeePerGas": fees, "gasUsedRatio": []}
    with pytest.raises(BadAnswerError):
        _chain(wire).fee_market()


def test_receipts_are_read_in_one_batch(wire: FakeTransport) -> None:
    """A receipt is a fact, null is none, and a pending one is none yet."""
    hashes = [_hash(n) for n in (1, 2, 3)]
    special: dict[str, Any] = {
        hashes[1]: None,
        hashes[2]: _receipt(hashes[2]) | {"blockHash": None, "blockNumber": None},
    }
    wire.results["eth_getTransactionReceipt"] = lambda h: special.get(h, _receipt(hashes[0]))
    found = _chain(wire).receipts(hashes)
    first = found[hashes[0]]
    assert first is not None
    assert (first.succeeded, first.block_number, first.fee_paid) == (True, 7, 21_000 * 10**9)
    assert [found[h] for h in hashes[1:]] == [None, None]


@pytest.mark.parametrize(
    "change",
    [
        {"transactionHash": _hash(5)},
        {"status": "0x2"},
        {"status": None},
        {"gasUsed": "lots"},
        {"blockHash": "0x1"},
        {"effectiveGasPrice": None},
    ],
)
def test_a_crooked_receipt_is_never_taken_for_none(
    wire: FakeTransport, change: dict[str, Any]
) -> None:
    """A receipt that cannot be read raises, because "none" would be news."""
    wire.results["eth_getTransactionReceipt"] = lambda h: _receipt(h) | change
    with pytest.raises(BadAnswerError):
        _chain(wire).receipts([_hash(1)])


def test_a_receipt_that_the_node_refuses_is_never_taken_for_none(wire: FakeTransport) -> None:
    """An error for one of the hashes raises."""
    wire.results["eth_getTransactionReceipt"] = RpcFault(-32005, "limit exceeded")
    with pytest.raises(NodeError):
        _chain(wire).receipts([_hash(1)])


def test_a_broadcast_is_accepted_only_with_our_own_hash(wire: FakeTransport) -> None:
    """Another hash, or none, is UNKNOWN."""
    assert _chain(wire).send(RAW).kind is SendKind.ACCEPTED
    for answer in (_hash(1), None, "0x", 7):
        wire.results["eth_sendRawTransaction"] = answer
        assert _chain(wire).send(RAW).kind is SendKind.UNKNOWN


def test_a_broadcast_to_an_absent_node_is_transient(wire: FakeTransport) -> None:
    """A timeout is not an outcome, and it does not raise."""
    wire.failures.append(UnavailableError("node.example did not answer in time"))
    answer = _chain(wire).send(RAW)
    assert answer.kind is SendKind.TRANSIENT
    assert not answer.kind.is_with_node


def test_a_broadcast_that_the_node_refuses_is_sorted(wire: FakeTransport) -> None:
    """The node's text decides, and is kept."""
    wire.results["eth_sendRawTransaction"] = RpcFault(-32000, "already known")
    answer = _chain(wire).send(RAW)
    assert answer.kind is SendKind.KNOWN
    assert answer.kind.is_with_node
    assert answer.text == "already known"


def test_one_node_sights_alone_and_contradicts_nobody(wire: FakeTransport) -> None:
    """What it reports at its head is a sighting; when it is away there is none."""
    chain = _chain(wire)
    request = ReadRequest(wallets=(ALICE,), assets=(NATIVE,))
    (sighting,) = chain.sightings(request)
    assert ("node.example:8545", 5, HEAD) == (
        sighting.endpoint,
        sighting.readings.balance(ALICE, NATIVE),
        sighting.readings.stamp.number,
    )
    wire.failures.append(UnavailableError("away"))
    assert () == chain.sightings(request)
    assert () == chain.take_dissents()
    assert (31337, "node.example:8545") == (chain.chain_id, chain.name)


@pytest.mark.parametrize("served", ["0x1", RpcFault(-32000, "no")])
def test_a_node_exchanged_behind_an_open_connection_is_found_at_the_head(
    wire: FakeTransport, served: object
) -> None:
    """R4.15: every head asks for the chain id again, also on a connection that was greeted."""
    chain = _chain(wire)
    chain.head()
    wire.results["eth_chainId"] = served
    with pytest.raises((WrongChainError, UnavailableError), match="chain"):
        chain.head()
