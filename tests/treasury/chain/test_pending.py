"""What waits in a node's pool beyond what we signed, on real nodes and on odd ones."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account

from policies.crypto import keccak256, parse_address
from tests.fakes.node_transport import FakeTransport, RpcFault
from tests.fakes.nodes import CHAIN_ID, RealNode
from tests.laws import address_of
from treasury.chain import pending
from treasury.chain.port import Waiting
from treasury.chain.rpc import RpcClient
from treasury.chain.signed_by import signed_by

VICTIM = Account.from_key(keccak256(b"an account whose key was copied"))
US, OTHER = parse_address(VICTIM.address), address_of("hot-b")
GWEI, ETHER = 10**9, 10**18


def raw_transaction(nonce: int) -> bytes:
    """Return bytes that the account signed."""
    fields = {
        "type": 2,
        "chainId": CHAIN_ID,
        "nonce": nonce,
        "to": address_of("thief"),
        "value": 1,
        "gas": 21_000,
        "maxFeePerGas": 10 * GWEI,
        "maxPriorityFeePerGas": GWEI,
    }
    return bytes(VICTIM.sign_transaction(fields).raw_transaction)


@pytest.mark.sockets
def test_a_real_node_hands_out_what_waits(dev_chain: RealNode) -> None:
    """R2.1: the bytes of a waiting transaction are there before its block, and name the signer."""
    if dev_chain.name != "anvil":
        pytest.skip("the other node has no pool: it mines at once")
    dev_chain.node.set_balance(US, ETHER)
    dev_chain.node.call("evm_setAutomine", False)
    for nonce in range(2):
        dev_chain.node.call("eth_sendRawTransaction", "0x" + raw_transaction(nonce).hex())
    with dev_chain.connect() as chain:
        (found,) = chain.waiting({US: 0, OTHER: 0})
        nothing = chain.waiting({US: 2, OTHER: 0})

    assert (US, 2) == (found.wallet, found.nonces)
    assert [(US, 0), (US, 1)] == [(s.sender, s.nonce) for s in map(signed_by, found.raws)]
    assert () == nothing


def asked(results: dict[str, Any]) -> tuple[Waiting, ...]:
    """Ask a node with these answers about one account of which nothing was signed."""
    wire = FakeTransport(results)
    return pending.waiting(RpcClient(wire, chain_id=CHAIN_ID, deadline_s=1), {US: 0})


RAW = "0x" + raw_transaction(0).hex()
HASH = signed_by(raw_transaction(0)).hash
UNKNOWN = RpcFault(-32601, "the method does not exist")


def test_a_node_that_lists_its_pool_by_account_is_understood() -> None:
    """The other way in which nodes name what waits gives the same bytes."""
    (found,) = asked(
        {
            "eth_getTransactionCount": "0x1",
            "eth_getTransactionBySenderAndNonce": UNKNOWN,
            "txpool_contentFrom": {"pending": {"0": {"hash": HASH}}, "queued": {}},
            "eth_getRawTransactionByHash": RAW,
        }
    )

    assert (raw_transaction(0),) == found.raws


@pytest.mark.parametrize(
    "odd",
    [
        {"txpool_contentFrom": UNKNOWN},
        {"txpool_contentFrom": {"pending": {"0": {"hash": "0x12"}}}},
        {"txpool_contentFrom": "what"},
        {"eth_getTransactionBySenderAndNonce": {"hash": "none"}, "txpool_contentFrom": UNKNOWN},
        {"txpool_contentFrom": {"pending": {"0": {"hash": HASH}}}, "raw": None},
        {"txpool_contentFrom": {"pending": {"0": {"hash": HASH}}}, "raw": UNKNOWN},
        {"txpool_contentFrom": {"pending": {"0": {"hash": HASH}}}, "raw": "0xzz"},
    ],
)
def test_a_node_without_bytes_is_believed_its_count(odd: dict[str, Any]) -> None:
    """Whatever else it answers, there is the count and no bytes, and nothing is raised."""
    results = {
        "eth_getTransactionCount": "0x1",
        "eth_getTransactionBySenderAndNonce": UNKNOWN,
        "eth_getRawTransactionByHash": odd.pop("raw", UNKNOWN),
    }
    (found,) = asked(results | odd)

    assert (1, ()) == (found.nonces, found.raws)


@pytest.mark.parametrize("count", [UNKNOWN, "0xzz", "0x0", None])
def test_a_node_that_does_not_count_says_nothing(count: object) -> None:
    """An account whose transactions cannot be counted is left to the other sensors."""
    assert () == asked({"eth_getTransactionCount": count})
