"""Whatever one endpoint of three sends, the facts are those of the two others."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import Finality, FinalityKind
from policies.crypto import keccak256, parse_address
from policies.terms import NATIVE
from tests.fakes.node_transport import FakeTransport, RpcFault
from treasury.chain.errors import ChainError
from treasury.chain.node import NodeChain
from treasury.chain.pool.broadcast import Broadcaster
from treasury.chain.pool.crew import Caller
from treasury.chain.pool.endpoint import Endpoint
from treasury.chain.pool.panel import Panel
from treasury.chain.pool.pool import ChainPool
from treasury.chain.port import ReadRequest, SendKind
from treasury.chain.rpc import RpcClient

ALICE = parse_address("0x" + "a1" * 20)
TOKEN = parse_address("0x" + "70" * 20)
REQUEST = ReadRequest(wallets=(ALICE,), assets=(NATIVE, TOKEN), with_code=True)
RAW = b"\x02signed"
DIGEST = "0x" + keccak256(RAW).hex()
FINALITY = Finality(kind=FinalityKind.FINALIZED, depth_blocks=0)
METHODS = (
    "eth_chainId",
    "eth_getBlockByNumber",
    "eth_getBalance",
    "eth_call",
    "eth_getTransactionCount",
    "eth_getCode",
    "eth_sendRawTransaction",
    "eth_getTransactionReceipt",
    "eth_feeHistory",
)


def _block(tag: str, _full: bool) -> dict[str, Any]:
    number = {"latest": 9, "finalized": 4}.get(tag) or int(tag, 16)
    return {"number": hex(number), "hash": f"0x{number:064x}", "timestamp": hex(1000 + number)}


def _honest() -> FakeTransport:
    return FakeTransport(
        {
            "eth_getBlockByNumber": _block,
            "eth_getBalance": "0x5",
            "eth_call": f"0x{5:064x}",
            "eth_getTransactionCount": "0x3",
            "eth_getCode": "0x",
            "eth_sendRawTransaction": DIGEST,
            "eth_getTransactionReceipt": lambda digest: {
                "transactionHash": digest,
                "blockHash": f"0x{7:064x}",
                "blockNumber": "0x7",
                "status": "0x1",
                "gasUsed": "0x5208",
                "effectiveGasPrice": "0x2",
            },
            "eth_feeHistory": {
                "baseFeePerGas": ["0x64", "0x6e"],
                "gasUsedRatio": [0.5],
                "reward": [["0x7"]],
            },
        }
    )


def _pool(*wires: FakeTransport) -> ChainPool:
    def endpoints() -> list[Endpoint]:
        return [
            Endpoint(
                str(place),
                NodeChain(RpcClient(wire, chain_id=31337, deadline_s=1), FINALITY),
                monotonic=lambda: 0.0,
            )
            for place, wire in enumerate(wires)
        ]

    panel = Panel(31337, endpoints(), quorum=2, crew=Caller())
    return ChainPool(panel, broadcaster=Broadcaster(Caller(), endpoints()), lag_blocks=5)


quantities = st.integers(0, 2**256).map(hex)
words = st.integers(0, 2**256 - 1).map(lambda n: f"0x{n:064x}")
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=80) | quantities | words,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["number", "hash", "status", "l1Fee", "x"]), inner)
        | st.fixed_dictionaries({"number": inner, "hash": words, "timestamp": inner})
        | st.just(RpcFault(-32000, "missing trie node"))
    ),
    max_leaves=5,
)
tables = st.dictionaries(st.sampled_from(METHODS), junk)
bodies = st.lists(st.binary(max_size=200) | st.just(b"[]") | st.just(b"{}"), max_size=12)


def _facts(pool: ChainPool) -> list[object]:
    head = pool.head()
    market = pool.fee_market()
    return [
        head,
        pool.finalised(head),
        pool.stamp_at(2),
        pool.read_balances(REQUEST, head),
        pool.transaction_nonce(ALICE, head),
        pool.receipts([DIGEST]),
        market.base_fee,
        pool.send(RAW).kind,
    ]


@settings(max_examples=150, deadline=None)
@given(table=tables, body=bodies, place=st.integers(0, 2))
def test_one_endpoints_garbage_changes_no_fact(
    table: dict[str, Any], body: list[bytes], place: int
) -> None:
    """R4.7, R6.7: any JSON and any bytes from one endpoint leave every fact as the others tell."""
    wires = [_honest(), _honest(), _honest()]
    wires[place].results.update(table)
    wires[place].bodies.extend(body)
    pool = _pool(*wires)
    assert _facts(_pool(_honest(), _honest(), _honest())) == _facts(pool)
    assert {str(place)} >= {dissent.endpoint for dissent in pool.take_dissents()}


@settings(max_examples=150, deadline=None)
@given(table=tables, body=bodies)
def test_garbage_from_all_raises_only_our_errors(table: dict[str, Any], body: list[bytes]) -> None:
    """R6.7: when every endpoint talks nonsense the answer is a fact or a `ChainError`."""
    wires = [_honest(), _honest(), _honest()]
    for wire in wires:
        wire.results.update(table)
        wire.bodies.extend(body)
    pool = _pool(*wires)
    with contextlib.suppress(ChainError):
        _facts(pool)
    assert isinstance(pool.send(RAW).kind, SendKind)
    assert isinstance(pool.sightings(REQUEST), tuple)
