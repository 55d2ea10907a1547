"""Look at the chain with the treasurer's own node (`--rpc URL`), past the daemon.

One block is named first and both balances are read at it. Nothing here is needed to sign; it
shows whether what the daemon reports is what another witness sees.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

from policies.terms import NATIVE, Address, TransferTerms
from treasury.cli.exits import BAD_DATA, UNAVAILABLE, USAGE, CommandError

Json = dict[str, Any]
_DEADLINE_S = 10.0
_MAX_BYTES = 1_000_000
_BALANCE_OF = "0x70a08231"


def read_balances(url: str, terms: TransferTerms) -> Json:
    """Return both ends' balances at the node's newest block, in the shape the daemon reports.

    Raises `CommandError` when the node does not answer, or serves another chain.
    """
    node = _Node(url)
    chain_id = _number(node.ask("eth_chainId", []))
    if chain_id != terms.chain_id:
        text = f"the node serves chain {chain_id}, the terms are for chain {terms.chain_id}"
        raise CommandError(BAD_DATA, f"{text}: name another one with --rpc")
    block = node.ask("eth_getBlockByNumber", ["latest", False])
    if not isinstance(block, dict):
        raise CommandError(BAD_DATA, "the node has no newest block: is it still starting?")
    height = str(block.get("number"))
    return {
        "node": node.shown,
        "block": _number(height),
        "block_time": _number(block.get("timestamp")),
        "source_balance": str(node.balance(terms.source, terms.asset, height)),
        "destination_balance": str(node.balance(terms.destination, terms.asset, height)),
    }


def disagreements(reported: object, own: Json) -> Iterator[str]:
    """Yield where the daemon's figures are others than the node's."""
    if not isinstance(reported, dict):
        return
    for end in ("source", "destination"):
        theirs, ours = reported.get(f"{end}_balance"), own[f"{end}_balance"]
        if theirs != ours:
            yield (
                f"the daemon reports {theirs} base units at the {end} in block "
                f"{reported.get('block')}, your node {ours} in block {own['block']}"
            )


class _Node:
    def __init__(self, url: str) -> None:
        self._parts = _address(url)
        self.shown = self._parts.hostname or "?"

    def balance(self, holder: Address, asset: Address, block: str) -> int:
        if asset == NATIVE:
            return _number(self.ask("eth_getBalance", [holder, block]))
        data = _BALANCE_OF + holder[2:].lower().rjust(64, "0")
        return _number(self.ask("eth_call", [{"to": asset, "data": data}, block]))

    def ask(self, method: str, parameters: list[object]) -> object:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        try:
            answer = json.loads(self._post(json.dumps(request).encode()))
        except (OSError, http.client.HTTPException) as error:
            text = (
                f"the node {self.shown} does not answer ({error}): leave --rpc out or name another"
            )
            raise CommandError(UNAVAILABLE, text) from error
        except ValueError as error:
            raise CommandError(BAD_DATA, f"{self.shown} answers no JSON: is it a node?") from error
        if not isinstance(answer, dict) or "result" not in answer:
            told = answer.get("error") if isinstance(answer, dict) else answer
            raise CommandError(BAD_DATA, f"the node {self.shown} refuses {method}: {told}")
        return answer["result"]

    def _post(self, body: bytes) -> bytes:
        parts = self._parts
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(str(parts.hostname), parts.port, timeout=_DEADLINE_S)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            return connection.getresponse().read(_MAX_BYTES)
        finally:
            connection.close()


def _address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CommandError(USAGE, "--rpc takes the address of a node: http://host:port")
    return parts


def _number(value: object) -> int:
    if isinstance(value, str) and value.startswith("0x") and len(value) <= 66:
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise CommandError(BAD_DATA, f"the node answers {str(value)[:80]!r} where a number belongs")
