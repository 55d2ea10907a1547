"""A thief with a copy of a hot wallet's key: takes the most valuable thing first, and goes on.

It knows nothing of the daemon and needs nothing of it: a key and a node. Half of the coins go first
(the rest pays for gas), then every token, then what is left. It bids well above the market, claims
whatever nonce the chain says is next, and sees each grab settled before the next, as thieves did
whose traces are known: their drains took minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import coincurve

from policies.crypto import address_of_public_key, keccak256
from policies.terms import Address
from treasury.dev.contracts import load_artifact
from treasury.dev.contracts.deploy import account_of, calldata
from treasury.dev.node_client import DevelopmentNode, DevelopmentNodeError

_TIP = 5 * 10**9
_GAS = 80_000
_PLAIN_GAS = 21_000
PACE_BLOCKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Grab:
    """One transaction that a node took: which asset ("ETH" or a symbol), how much, its hash."""

    symbol: str
    amount: int
    hash: str


class Thief:
    """Holds somebody else's key; `tokens` are contracts by symbol. Owns its connection."""

    def __init__(self, url: str, key: bytes, tokens: dict[str, Address]) -> None:
        """Prepare; nothing is taken before the first `strike`."""
        self.victim = account_of(key)
        self.lair = _lair()
        self.grabs: list[Grab] = []
        self._key = key
        self._tokens = tokens
        self._node = DevelopmentNode(url)
        self._chain_id = self._node.number("eth_chainId")
        self._plan = self._steps()
        self._struck_at = -PACE_BLOCKS

    def block(self) -> int:
        """Return the number of the newest block."""
        return self._node.number("eth_blockNumber")

    def strike(self) -> bool:
        """Send the next transaction when it is time; say whether the node took one."""
        number = self.block()
        if number < self._struck_at + PACE_BLOCKS:
            return False
        self._struck_at = number
        before = len(self.grabs)
        # What the node refuses was taken away by somebody quicker; the next block may be better.
        with suppress(DevelopmentNodeError, StopIteration):
            next(self._plan)
        return len(self.grabs) > before

    def loot(self, symbol: str) -> int:
        """Return what has arrived in the lair, in base units."""
        if symbol not in self._tokens:
            return self._node.number("eth_getBalance", self.lair, "latest")
        return self._token_balance(self._tokens[symbol], self.lair)

    def leave(self) -> None:
        """Close the connection."""
        self._node.close()

    def _steps(self) -> Iterator[None]:
        self._take_coins(2)
        yield
        while True:
            for symbol, token in self._tokens.items():
                amount = self._token_balance(token, self.victim)
                if amount:
                    self._take_token(symbol, token, amount)
                    yield
            self._take_coins(1)
            yield

    def _take_coins(self, part: int) -> None:
        balance = self._node.number("eth_getBalance", self.victim, "latest")
        amount = (balance - _PLAIN_GAS * self._price()) // part
        if amount > 0:
            self._send("ETH", amount, self.lair, b"", amount)

    def _take_token(self, symbol: str, token: Address, amount: int) -> None:
        data = calldata(load_artifact("MintableToken"), "transfer", (self.lair, amount))
        self._send(symbol, amount, token, data, 0)

    def _send(self, symbol: str, amount: int, to: Address, data: bytes, value: int) -> None:
        from eth_account import Account

        price = self._price()
        signed = Account.sign_transaction(
            {
                "type": 2,
                "chainId": self._chain_id,
                "nonce": self._node.number("eth_getTransactionCount", self.victim, "latest"),
                "to": to,
                "value": value,
                "gas": _GAS if data else _PLAIN_GAS,
                "maxFeePerGas": price,
                "maxPriorityFeePerGas": _TIP,
                "data": data,
            },
            self._key,
        )
        raw = "0x" + bytes(signed.raw_transaction).hex()
        digest = self._node.call("eth_sendRawTransaction", raw)
        self.grabs.append(Grab(symbol=symbol, amount=amount, hash=digest))

    def _price(self) -> int:
        block = self._node.call("eth_getBlockByNumber", "latest", False)
        return 2 * int(block["baseFeePerGas"], 16) + _TIP

    def _token_balance(self, token: Address, holder: Address) -> int:
        data = calldata(load_artifact("MintableToken"), "balanceOf", (holder,))
        call = {"to": token, "data": "0x" + data.hex()}
        return self._node.number("eth_call", call, "latest")


def _lair() -> Address:
    public = coincurve.PrivateKey(keccak256(b"a thief with play money")).public_key
    return address_of_public_key(public.format(compressed=False)[1:])
