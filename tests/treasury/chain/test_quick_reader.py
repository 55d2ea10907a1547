"""However many cells are read in one call, the facts are those of plain calls, or unknown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.crypto import checksum_address
from policies.terms import NATIVE, Address
from tests.fakes.balance_node import AT, BalanceNode
from treasury.chain import reader
from treasury.chain.chunks import Cell, Way
from treasury.chain.errors import BadAnswerError, MissingBlockError
from treasury.chain.multicall import Multicall
from treasury.chain.packed_reader import PackedReader
from treasury.chain.port import Readings, ReadRequest
from treasury.chain.quick_reader import QuickReader
from treasury.chain.rpc import RpcClient

WAYS: list[Way] = [PackedReader(), Multicall()]
both_ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)


def _addresses(count: int, *, salt: int) -> tuple[Address, ...]:
    return tuple(checksum_address(bytes([salt]) + n.to_bytes(19, "big")) for n in range(count))


WALLETS = _addresses(5, salt=1)
TOKENS = _addresses(3, salt=2)
REQUEST = ReadRequest(wallets=WALLETS, assets=(NATIVE, *TOKENS), with_code=True)
CELLS = [(wallet, asset) for wallet in WALLETS for asset in REQUEST.assets]


def _client(node: BalanceNode) -> RpcClient:
    return RpcClient(node.wire, chain_id=31337, deadline_s=1)


def _read(node: BalanceNode, *ways: Way, request: ReadRequest = REQUEST) -> Readings:
    return QuickReader(_client(node), ways).read_balances(request, AT)


def _table(amounts: Sequence[int | None]) -> dict[Cell, int | None]:
    return dict(zip(CELLS, amounts, strict=True))


@both_ways
@settings(max_examples=40, deadline=None)
@given(
    amounts=st.lists(
        st.none() | st.integers(0, 2**256 - 1), min_size=len(CELLS), max_size=len(CELLS)
    )
)
def test_a_quick_way_tells_exactly_what_plain_calls_tell(
    way: Way, amounts: list[int | None]
) -> None:
    """Any balances, any failing cells: the readings are equal, cell by cell."""
    node = BalanceNode(_table(amounts))
    quick = _read(node, way)
    plain = reader.read_balances(_client(node), REQUEST, AT)
    assert quick == plain
    assert quick.balances == _table(amounts)


@both_ways
def test_only_what_is_unknown_is_asked_for_again(way: Way) -> None:
    """One failing cell of twenty costs one plain call, and stays unknown, never zero."""
    node = BalanceNode({**dict.fromkeys(CELLS, 9), (WALLETS[2], TOKENS[1]): None})
    readings = _read(node, way)
    assert readings.balance(WALLETS[2], TOKENS[1]) is None
    assert [v for v in readings.balances.values() if v != 9] == [None]
    assert dict(node.asked) == {way.name: 1, "plain": 1}


def test_few_cells_are_read_plainly() -> None:
    """For a handful of cells a contract is not worth its gas."""
    node = BalanceNode({})
    request = ReadRequest(wallets=WALLETS[:1], assets=REQUEST.assets)
    _read(node, *WAYS, request=request)
    assert dict(node.asked) == {"plain": 4}


def test_a_node_that_refuses_one_way_is_read_by_the_next() -> None:
    """A refused call costs plain calls in the same reading; after three the next way is taken."""
    node = BalanceNode(dict.fromkeys(CELLS, 4))
    node.refuses.add("reader")
    quick = QuickReader(_client(node), WAYS)
    for _ in range(4):
        assert set(quick.read_balances(REQUEST, node.replace_block()).balances.values()) == {4}
    assert dict(node.asked) == {"reader": 3, "plain": 60, "multicall": 1}


def test_a_refused_way_is_tried_again_much_later() -> None:
    """A node may learn; nothing is given up for ever, and nothing is asked at every tick."""
    node = BalanceNode(dict.fromkeys(CELLS, 4))
    node.refuses |= {"reader", "multicall"}
    quick = QuickReader(_client(node), WAYS)
    for _ in range(8):
        assert set(quick.read_balances(REQUEST, node.replace_block()).balances.values()) == {4}
    assert (node.asked["reader"], node.asked["multicall"]) == (3, 3)
    node.refuses.clear()
    for _ in range(200):
        quick.read_balances(REQUEST, node.replace_block())
    before = node.asked["plain"]
    assert set(quick.read_balances(REQUEST, node.replace_block()).balances.values()) == {4}
    assert node.asked["plain"] == before
    assert node.asked["reader"] > 3


@both_ways
def test_a_block_that_was_replaced_is_refused(way: Way) -> None:
    """R4.6: nothing of a reading is used when its block is no longer on the chain."""
    node = BalanceNode({})
    node.hash = f"0x{8:064x}"
    with pytest.raises(MissingBlockError):
        _read(node, way)


@both_ways
def test_a_block_that_was_read_is_not_read_again(way: Way) -> None:
    """The head of a moment ago is final now: the node says that it is there, and no more."""
    node = BalanceNode(dict.fromkeys(CELLS, 4))
    quick = QuickReader(_client(node), [way])
    first = quick.read_balances(REQUEST, AT)

    assert first == quick.read_balances(REQUEST, AT)
    assert dict(node.asked) == {way.name: 1}
    assert 1 == len(node.wire.batches[-1])


def test_each_block_is_read_once_as_the_head_and_is_known_when_it_is_final() -> None:
    """One new block per look, finality two blocks behind: every reading is that of a new head."""
    node = BalanceNode(dict.fromkeys(CELLS, 4))
    quick = QuickReader(_client(node), [PackedReader()])
    blocks = [node.grow() for _ in range(40)]

    for head, final in zip(blocks[2:], blocks, strict=False):
        quick.read_balances(REQUEST, head)
        quick.read_balances(REQUEST, final)

    assert node.asked["reader"] == len(blocks)


@both_ways
def test_a_kept_block_that_was_replaced_is_refused(way: Way) -> None:
    """R4.6: what was read of a block is worth nothing once the block is gone."""
    node = BalanceNode(dict.fromkeys(CELLS, 4))
    quick = QuickReader(_client(node), [way])
    quick.read_balances(REQUEST, AT)
    node.replace_block()

    with pytest.raises(MissingBlockError):
        quick.read_balances(REQUEST, AT)


@both_ways
def test_what_a_kept_block_did_not_tell_is_asked_for_again(way: Way) -> None:
    """An unknown cell may become known, the others are not asked for; other cells are read."""
    odd = (WALLETS[2], TOKENS[1])
    node = BalanceNode({**dict.fromkeys(CELLS, 4), odd: None})
    quick = QuickReader(_client(node), [way])
    assert quick.read_balances(REQUEST, AT).balance(*odd) is None
    node.balances[odd] = 5

    assert 5 == quick.read_balances(REQUEST, AT).balance(*odd)
    assert dict(node.asked) == {way.name: 1, "plain": 2}
    fewer = replace(REQUEST, assets=REQUEST.assets[:2])
    assert len(WALLETS) * 2 == len(quick.read_balances(fewer, AT).balances)
    assert node.asked[way.name] == 2


@both_ways
def test_every_call_is_pinned_at_the_block(way: Way) -> None:
    """Balances, nonces and code name the hash of the stamp."""
    node = BalanceNode({})
    _read(node, way)
    pins = [request["params"][-1] for request in node.wire.batches[-1][:-1]]
    assert pins == [{"blockHash": AT.hash, "requireCanonical": True}] * 11


@both_ways
def test_an_unchanged_reply_is_not_decoded_again(way: Way) -> None:
    """Head and final block take turns: both replies are remembered, a third is decoded."""
    decoded = []

    class Counting:
        name = way.name
        plan = way.plan

        def decode(self, reply: bytes, count: int) -> list[int | None]:
            decoded.append(count)
            return way.decode(reply, count)

    node = BalanceNode({})
    quick = QuickReader(_client(node), [Counting()])
    for amount in (1, 2, 1, 2, 1):
        node.balances = dict.fromkeys(CELLS, amount)
        assert set(quick.read_balances(REQUEST, node.replace_block()).balances.values()) == {amount}
    assert len(decoded) == 2
    node.balances = dict.fromkeys(CELLS, 3)
    assert set(quick.read_balances(REQUEST, node.replace_block()).balances.values()) == {3}
    assert len(decoded) == 3


def test_an_unchanged_reading_shares_its_facts() -> None:
    """When nothing moved, not even the mapping is built anew; a new set of wallets is."""
    node = BalanceNode(dict.fromkeys(CELLS, 1))
    quick = QuickReader(_client(node), WAYS)
    first = quick.read_balances(REQUEST, node.replace_block())
    assert quick.read_balances(REQUEST, node.replace_block()).balances is first.balances
    fewer = ReadRequest(wallets=WALLETS[:4], assets=REQUEST.assets)
    assert len(quick.read_balances(fewer, node.replace_block()).balances) == 16


@pytest.mark.parametrize(("wallets", "assets"), [(1500, 1), (200, 10), (3, 900), (701, 2)])
def test_chunks_stay_below_the_limits_of_contract_code(wallets: int, assets: int) -> None:
    """EIP-170 bounds the reply to 24,576 bytes, EIP-3860 the request to 49,152."""
    request = ReadRequest(wallets=_addresses(wallets, salt=3), assets=_addresses(assets, salt=4))
    chunks = PackedReader().plan(request.wallets, request.assets)
    for chunk in chunks:
        assert len(chunk.call["data"]) // 2 - 1 <= 49_152
        assert 32 * (1 + (len(chunk.cells) + 255) // 256 + len(chunk.cells)) <= 24_576
    cells = [cell for chunk in chunks for cell in chunk.cells]
    assert len(cells) == len(set(cells)) == wallets * assets


def test_many_cells_are_read_in_few_calls() -> None:
    """Two thousand cells are three calls."""
    node = BalanceNode({})
    request = ReadRequest(wallets=_addresses(200, salt=3), assets=_addresses(10, salt=4))
    assert len(_read(node, *WAYS, request=request).balances) == 2000
    assert dict(node.asked) == {"reader": 3}


def _reply(way: Way, amounts: Sequence[int | None]) -> bytes:
    node = BalanceNode(_table(amounts))
    (chunk,) = way.plan(REQUEST.wallets, REQUEST.assets)
    answer = node.wire.results["eth_call"](chunk.call, None)
    return json.dumps(answer).encode()


@both_ways
def test_a_reply_that_is_cut_is_refused(way: Way) -> None:
    """No prefix of a reply is a reply, and neither is one for another number of cells."""
    whole = _reply(way, [7] * 20)
    assert way.decode(whole, 20) == [7] * 20
    for size in range(0, len(whole) - 1, 7):
        with pytest.raises(BadAnswerError):
            way.decode(whole[:size] + b'"', 20)
    with pytest.raises(BadAnswerError):
        way.decode(whole, 19)


@both_ways
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damage_gives_an_error_or_values_never_a_crash(way: Way, data: st.DataObject) -> None:
    """A reply with any byte changed is refused or read; nothing else can happen."""
    whole = bytearray(_reply(way, [5, None] * 10))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        values = way.decode(bytes(whole), 20)
    except BadAnswerError:
        return
    assert len(values) == 20
    assert all(value is None or 0 <= value < 2**256 for value in values)


@both_ways
@pytest.mark.parametrize("reply", [b"null", b'"0x"', b"5", b'"0x 0"', b"[]", b'"', b'"0xzz"', b""])
def test_no_reply_at_all_is_refused(way: Way, reply: bytes) -> None:
    """An address without code, white space, or anything that is not hex."""
    with pytest.raises(BadAnswerError):
        way.decode(reply, 1)
