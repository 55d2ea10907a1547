"""A transport without a network, whose node can be made to answer anything.

wire = FakeTransport({"eth_chainId": "0x7a69", "eth_blockNumber": "0x5"})
rpc = RpcClient(wire, chain_id=31337, deadline_s=1)
wire.results["eth_call"] = lambda *params: "0x"      # a function of the parameters
wire.results["eth_call"] = RpcFault(-32000, "no")     # an error of the node
wire.bodies.append(b"<html>")                         # the next body, whatever was asked
wire.mangle = lambda answers: answers[:-1]            # change decoded answers before they leave
wire.failures.append(UnavailableError("cut"))         # the next exchange fails
wire.batches                                          # every request, decoded
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from treasury.chain.transport import HttpTransport


@dataclass(frozen=True, slots=True)
class RpcFault:
    """An error that the node answers to one method."""

    code: int
    message: str


class FakeTransport(HttpTransport):
    """Answers from a table of results; see the module's text."""

    def __init__(self, results: dict[str, Any] | None = None) -> None:
        super().__init__("http://node.example:8545")
        self.results: dict[str, Any] = {"eth_chainId": "0x7a69"} | (results or {})
        self.bodies: list[bytes] = []
        self.failures: list[Exception] = []
        self.mangle: Callable[[list[Any]], Any] = lambda answers: answers
        self.status = 200
        self.opened = 0
        self.batches: list[list[dict[str, Any]]] = []
        self._is_open = False

    @property
    def is_open(self) -> bool:
        return self._is_open

    def open(self, deadline: float) -> None:
        self._is_open = True
        self.opened += 1

    def close(self) -> None:
        self._is_open = False

    def exchange(self, body: bytes, deadline: float) -> tuple[int, bytes]:
        decoded = msgspec.json.decode(body)
        requests = decoded if isinstance(decoded, list) else [decoded]
        self.batches.append(requests)
        is_greeting = requests[0]["method"] == "eth_chainId"
        if self.failures and not is_greeting:
            self.close()
            raise self.failures.pop(0)
        if self.bodies and not is_greeting:
            return self.status, self.bodies.pop(0)
        answers = [self._answer(request) for request in requests]
        mangled = answers if is_greeting else self.mangle(answers)
        single = isinstance(decoded, dict) and isinstance(mangled, list) and len(mangled) == 1
        return self.status, msgspec.json.encode(mangled[0] if single else mangled)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        found = self.results.get(request["method"], RpcFault(-32601, "no such method"))
        result = found(*request["params"]) if callable(found) else found
        if isinstance(result, RpcFault):
            error = {"code": result.code, "message": result.message}
            return {"jsonrpc": "2.0", "id": request["id"], "error": error}
        return {"jsonrpc": "2.0", "id": request["id"], "result": result}
