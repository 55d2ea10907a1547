"""A development chain in the test's own process, asked without a socket, and Alice to sign.

chain = ask_chain()                          # Alice has 100 ether; nothing is mined by itself
chain.ask("eth_getBalance", ALICE.address)   # the result, or an `RpcFault`
chain.pay(nonce=0, value=5)                  # a signed payment to Bob; the result of sending
"""

from __future__ import annotations

import threading
from typing import Any

import msgspec
from eth_account import Account
from eth_account.signers.local import LocalAccount

from policies.crypto import parse_address
from tests.fakes.node_transport import RpcFault
from treasury.dev.chain.dispatch import Dispatcher
from treasury.dev.chain.ledger import DevelopmentChain
from treasury.dev.chain.methods_dev import DevelopmentMethods
from treasury.dev.chain.methods_eth import EthMethods

ALICE: LocalAccount = Account.from_key("0x" + "11" * 32)
BOB = parse_address("0x" + "b0" * 20)
ETHER = 10**18
GWEI = 10**9
START = 1_700_000_000


class AskedChain:
    """A development chain and a clock that stands still."""

    def __init__(self, *, is_automine: bool, chain_id: int) -> None:
        self.now = float(START)
        self.interval_s: float | None = None
        self.chain_id = chain_id
        funds = {bytes.fromhex(ALICE.address[2:]): 100 * ETHER}
        chain = DevelopmentChain(
            chain_id=chain_id, funds=funds, is_automine=is_automine, clock=lambda: self.now
        )
        methods = EthMethods(chain).table() | DevelopmentMethods(chain, self._interval).table()
        self.dispatcher = Dispatcher(methods, threading.RLock())

    def ask(self, method: str, *params: object) -> Any:  # noqa: ANN401 - JSON
        """Return the result of a call, or its error as an `RpcFault`."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = msgspec.json.decode(self.dispatcher.answer(msgspec.json.encode(request)))
        if "error" in answer:
            return RpcFault(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    def number(self, method: str, *params: object) -> int:
        """Return the result of a call as a number."""
        return int(self.ask(method, *params), 16)

    def pay(self, nonce: int, **changes: object) -> Any:  # noqa: ANN401 - JSON
        """Send Alice's payment of one ether to Bob, with changed fields."""
        return self.ask("eth_sendRawTransaction", "0x" + signed(nonce, **changes).hex())

    def _interval(self, seconds: float) -> None:
        self.interval_s = seconds


def ask_chain(*, is_automine: bool = False, chain_id: int = 31337) -> AskedChain:
    """Return a fresh development chain."""
    return AskedChain(is_automine=is_automine, chain_id=chain_id)


def signed(nonce: int, **changes: object) -> bytes:
    """Return Alice's signed payment of one ether to Bob, with changed fields."""
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": 31337,
        "nonce": nonce,
        "to": BOB,
        "value": ETHER,
        "gas": 21_000,
        "maxFeePerGas": 10 * GWEI,
        "maxPriorityFeePerGas": GWEI,
    } | changes
    return bytes(ALICE.sign_transaction(fields).raw_transaction)
