"""A node that knows balances and answers the three ways of asking for them.

node = BalanceNode({(wallet, asset): 5, (wallet, odd): None})   # None: the token call fails
node.refuses.add("reader")                                      # or "multicall", as a whole
rpc = RpcClient(node.wire, chain_id=31337, deadline_s=1)
node.asked                                                      # how often each way was asked

It decodes requests and encodes replies with eth_abi, independently of the code under test.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from eth_abi.abi import decode, encode

from policies.crypto import checksum_address, parse_address
from policies.terms import NATIVE, Address, Stamp
from tests.fakes.node_transport import FakeTransport, RpcFault
from treasury.chain.chunks import Cell
from treasury.chain.multicall import CANONICAL
from treasury.chain.reader_code import CREATION_CODE

AT = Stamp(number=7, hash=f"0x{7:064x}", time=1007)
_RESULTS = ["(bool,bytes)[]"]


class BalanceNode:
    """Holds a table of balances; what is not in it is zero."""

    def __init__(self, balances: dict[Cell, int | None]) -> None:
        self.balances = balances
        self.refuses: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.hash = AT.hash
        self.later: dict[int, str] = {}
        self.wire = FakeTransport(
            {
                "eth_call": self._call,
                "eth_getBalance": self._native,
                "eth_getTransactionCount": "0x3",
                "eth_getCode": "0x",
                "eth_getBlockByNumber": lambda number, _: {
                    "number": number,
                    "hash": self.later.get(int(number, 16), self.hash),
                    "timestamp": hex(AT.time),
                },
            }
        )

    def replace_block(self) -> Stamp:
        """Put another block of the same number in the place of the one there is."""
        self.hash = f"0x{int(self.hash, 16) + 1:064x}"
        return replace(AT, hash=self.hash)

    def grow(self) -> Stamp:
        """Put another block on top of those there are."""
        number = max(self.later, default=AT.number) + 1
        self.later[number] = f"0x{number:064x}"
        return Stamp(number=number, hash=self.later[number], time=AT.time)

    def _native(self, wallet: str, _at: object) -> object:
        self.asked["plain"] += 1
        amount = self.balances.get((parse_address(wallet), NATIVE), 0)
        return RpcFault(-32000, "no state") if amount is None else hex(amount)

    def _call(self, call: dict[str, str], _at: object) -> Any:  # noqa: ANN401 - JSON
        data = bytes.fromhex(call["data"][2:])
        way = self._way(call)
        self.asked[way] += 1
        if way in self.refuses:
            return RpcFault(-32000, "not with me")
        if way == "reader":
            return _hex(self._packed(data[len(CREATION_CODE) // 2 :]))
        if way == "multicall":
            return _hex(self._aggregated(data[4:]))
        amount = self.balances.get((_tail(data), parse_address(call["to"])), 0)
        return "0x" if amount is None else _hex(amount.to_bytes(32, "big"))

    def _way(self, call: dict[str, str]) -> str:
        if "to" not in call:
            return "reader"
        return "multicall" if call["to"] == CANONICAL else "plain"

    def _packed(self, arguments: bytes) -> bytes:
        wallets, assets = decode(["address[]", "address[]"], arguments)
        cells = [self._cell(w, a) for w in wallets for a in assets]
        marks = bytearray((len(cells) + 255) // 256 * 32)
        for place, amount in enumerate(cells):
            if amount is not None:
                start = place // 256 * 32
                word = int.from_bytes(marks[start : start + 32], "big") | 1 << place % 256
                marks[start : start + 32] = word.to_bytes(32, "big")
        words = [len(cells), *(amount or 0 for amount in cells)]
        head, *rest = (n.to_bytes(32, "big") for n in words)
        return head + bytes(marks) + b"".join(rest)

    def _aggregated(self, arguments: bytes) -> bytes:
        (calls,) = decode(["(address,bool,bytes)[]"], arguments)
        results = []
        for target, may_fail, data in calls:
            assert may_fail
            is_native = parse_address(target) == CANONICAL
            amount = self._cell(_tail(data), NATIVE if is_native else target)
            results.append(
                (False, b"no") if amount is None else (True, encode(["uint256"], [amount]))
            )
        return bytes(encode(_RESULTS, [results]))

    def _cell(self, wallet: str, asset: str) -> int | None:
        return self.balances.get((parse_address(wallet), parse_address(asset)), 0)


def _tail(data: bytes) -> Address:
    return checksum_address(data[-20:])


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
