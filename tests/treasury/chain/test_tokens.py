"""Facts and movements of tokens, read from a node that may say anything."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.crypto import keccak256, parse_address
from policies.terms import Stamp
from policies.tokens import Movement
from tests.fakes.node_transport import FakeTransport, RpcFault
from treasury.chain.errors import BadAnswerError, MissingBlockError, NodeError
from treasury.chain.port import Receipt, TokenTransfer
from treasury.chain.rpc import RpcClient
from treasury.chain.tokens import movement, token_facts

ALICE = parse_address("0x" + "a1" * 20)
BOB = parse_address("0x" + "b0" * 20)
CAROL = parse_address("0x" + "ca" * 20)
TOKEN = parse_address("0x" + "70" * 20)
TRANSFER = "0x" + keccak256(b"Transfer(address,address,uint256)").hex()
AT = Stamp(number=7, hash=f"0x{7:064x}", time=1007)
OURS, THEIRS = f"0x{1:064x}", f"0x{2:064x}"
ORDER = TokenTransfer(asset=TOKEN, source=ALICE, destination=BOB, asked=30)
RECEIPT = Receipt(
    transaction_hash=OURS,
    block_number=7,
    block_hash=AT.hash,
    succeeded=True,
    gas_used=50_000,
    effective_gas_price=1,
)


def _word(number: int) -> str:
    return f"{number:064x}"


def _string(text: bytes) -> str:
    return "0x" + _word(32) + _word(len(text)) + text.ljust(32, b"\0").hex()


def _log(source: str, destination: str, amount: int, digest: str = OURS) -> dict[str, Any]:
    ends = ("0x" + end[2:].lower().rjust(64, "0") for end in (source, destination))
    return {
        "address": TOKEN.lower(),
        "topics": [TRANSFER, *ends],
        "data": "0x" + _word(amount),
        "blockHash": AT.hash,
        "transactionHash": digest,
    }


class TokenNode:
    """Alice has 100 before the block and 70 after it, Bob 5 and 35."""

    def __init__(self) -> None:
        self.symbol: Any = _string(b"EUR")
        self.decimals: Any = "0x" + _word(6)
        self.balances = {(ALICE, 6): 100, (ALICE, 7): 70, (BOB, 6): 5, (BOB, 7): 35}
        self.wire = FakeTransport(
            {
                "eth_call": self._call,
                "eth_getCode": "0x6001",
                "eth_getStorageAt": "0x" + _word(0),
                "eth_getLogs": [_log(ALICE, BOB, 30)],
                "eth_getBlockByHash": {"hash": AT.hash, "parentHash": f"0x{6:064x}"},
                "eth_getBlockByNumber": lambda tag, _: {
                    "number": tag,
                    "hash": f"0x{int(tag, 16):064x}",
                    "timestamp": "0x1",
                },
            }
        )
        self.rpc = RpcClient(self.wire, chain_id=31337, deadline_s=1)

    def _call(self, call: dict[str, str], pin: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
        if call["data"] == "0x313ce567":
            return self.decimals
        if call["data"] == "0x95d89b41":
            return self.symbol
        wallet = parse_address("0x" + call["data"][-40:])
        return "0x" + _word(self.balances[wallet, int(pin["blockHash"], 16)])

    def movement(self) -> Movement:
        return movement(self.rpc, ORDER, RECEIPT)


@pytest.fixture
def node() -> TokenNode:
    """Return a node on which Alice sent Bob 30."""
    return TokenNode()


@pytest.mark.parametrize(
    ("answer", "symbol"),
    [
        (_string(b"EUR"), "EUR"),
        ("0x" + b"MKR".ljust(32, b"\0").hex(), "MKR"),
        (_string("USD₮0".encode()), "USD₮0"),
        (_string(b""), None),
        (_string(b"\xff\xfe"), None),
        (_string(b"A\x1b[31m"), None),
        ("0x", None),
        ("0x" + _word(32) + _word(2**200), None),
        ("0x" + _word(64) + _word(3), None),
        (_string(b"X" * 65), None),
        (RpcFault(3, "execution reverted"), None),
        (None, None),
    ],
)
def test_a_symbol_is_text_or_unknown(node: TokenNode, answer: object, symbol: str | None) -> None:
    """R4.16: strings and the 32 bytes of the oldest tokens; anything else is unknown."""
    node.symbol = answer
    assert token_facts(node.rpc, [TOKEN], AT)[0].symbol == symbol


@pytest.mark.parametrize(
    ("answer", "decimals"),
    [("0x" + _word(27), 27), ("0x" + _word(256), None), ("0x1b", None), ("0x", None), (5, None)],
)
def test_decimals_are_a_small_number_or_unknown(
    node: TokenNode, answer: object, decimals: int | None
) -> None:
    """R4.16: one word below 256."""
    node.decimals = answer
    assert token_facts(node.rpc, [TOKEN], AT)[0].decimals == decimals


def test_facts_belong_to_one_block_and_tell_no_code_from_unknown(node: TokenNode) -> None:
    """Empty code is empty, an error is unknown, and a replaced block is refused."""
    assert token_facts(node.rpc, [], AT) == []
    node.wire.results["eth_getCode"] = "0x"
    assert token_facts(node.rpc, [TOKEN], AT)[0].code == b""
    node.wire.results["eth_getCode"] = RpcFault(-32000, "no state")
    assert token_facts(node.rpc, [TOKEN], AT)[0].code is None
    with pytest.raises(MissingBlockError):
        token_facts(node.rpc, [TOKEN], Stamp(number=7, hash=f"0x{8:064x}", time=0))


def test_a_movement_is_log_and_both_balances(node: TokenNode) -> None:
    """Thirty sent, thirty logged, thirty gone, thirty arrived."""
    assert node.movement() == Movement(asked=30, logged=30, left=30, arrived=30)


def test_what_others_moved_in_the_block_is_taken_out(node: TokenNode) -> None:
    """Carol pays Alice 50 and Bob pays Carol 4 in the same block."""
    node.balances |= {(ALICE, 7): 120, (BOB, 7): 31}
    others = [_log(CAROL, ALICE, 50, THEIRS), _log(BOB, CAROL, 4, THEIRS)]
    node.wire.results["eth_getLogs"] = [*others, _log(ALICE, BOB, 30)]
    assert node.movement() == Movement(asked=30, logged=30, left=30, arrived=30)


def test_only_logs_between_our_two_ends_count(node: TokenNode) -> None:
    """A fee to somebody else in our own transaction is not what arrived; an ERC-721 log is none."""
    fee, art = _log(ALICE, CAROL, 1), _log(ALICE, BOB, 9)
    art["topics"].append(THEIRS)
    node.balances[BOB, 7] = 34
    node.wire.results["eth_getLogs"] = [_log(ALICE, BOB, 29), fee, art]
    assert node.movement() == Movement(asked=30, logged=29, left=30, arrived=29)


@pytest.mark.parametrize(
    "change",
    [
        {"address": BOB},
        {"blockHash": THEIRS},
        {"data": "0x05"},
        {"data": "0x" + "zz" * 32},
        {"topics": [THEIRS, THEIRS, THEIRS]},
        {"topics": [TRANSFER, "0x1", "0x2"]},
        {"transactionHash": None},
    ],
)
def test_logs_that_were_not_asked_for_make_everything_unknown(
    node: TokenNode, change: dict[str, Any]
) -> None:
    """R4.7: a node that answers other logs gives no movement at all."""
    node.wire.results["eth_getLogs"] = [_log(ALICE, BOB, 30) | change]
    assert node.movement() == Movement(asked=30, logged=None, left=None, arrived=None)


def test_a_block_that_is_gone_or_another_raises(node: TokenNode) -> None:
    """R4.5: no movement is told of a block that is not on the chain."""
    node.wire.results["eth_getBlockByHash"] = None
    with pytest.raises(MissingBlockError):
        node.movement()
    node.wire.results["eth_getBlockByHash"] = {"hash": THEIRS, "parentHash": THEIRS}
    with pytest.raises(BadAnswerError):
        node.movement()
    node.wire.results["eth_getBlockByHash"] = RpcFault(-32000, "busy")
    with pytest.raises(NodeError):
        node.movement()


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=160))
def test_any_bytes_as_symbol_are_read_or_unknown(data: bytes) -> None:
    """No answer crashes the reader, and what is read can be printed."""
    node = TokenNode()
    node.symbol = "0x" + data.hex()
    symbol = token_facts(node.rpc, [TOKEN], AT)[0].symbol
    assert symbol is None or symbol.isprintable()
