"""Speaks to a development node, ours or anvil: any method, answers as they come, errors raised."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from treasury.errors import TreasuryError

_DEADLINE_S = 60.0
_POLL_S = 0.003


class DevelopmentNodeError(TreasuryError):
    """The node refused a call or did not mine a transaction in time."""


class DevelopmentNode:
    """One keep-alive connection to a node on this machine. Not thread-safe."""

    def __init__(self, url: str) -> None:
        """Prepare without connecting."""
        self.url = url
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "127.0.0.1", parts.port, timeout=_DEADLINE_S
        )

    def call(self, method: str, *params: object) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return the result of one call; raises `DevelopmentNodeError` with the node's text."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {"Content-Type": "application/json"}
        try:
            self._connection.request("POST", "/", json.dumps(request), headers)
            answer = json.loads(self._connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            raise DevelopmentNodeError(f"{self.url} does not answer: {error}") from error
        if "error" in answer:
            raise DevelopmentNodeError(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def number(self, method: str, *params: object) -> int:
        """Return the result of a call that answers a quantity."""
        return int(self.call(method, *params), 16)

    def set_balance(self, address: str, wei: int) -> None:
        """Give an account this balance."""
        self.call("anvil_setBalance", address, hex(wei))

    def mine(self, count: int = 1) -> None:
        """Mine blocks now."""
        self.call("anvil_mine", hex(count))

    def receipt(self, digest: str, *, deadline_s: float = _DEADLINE_S) -> dict[str, Any]:
        """Wait until a transaction is mined and return its receipt.

        anvil mines a moment after it has answered, so the first question may come too early.
        """
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            found: dict[str, Any] | None = self.call("eth_getTransactionReceipt", digest)
            if found is not None:
                return found
            time.sleep(_POLL_S)
        raise DevelopmentNodeError(f"{digest} was not mined within {deadline_s:g} s")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
