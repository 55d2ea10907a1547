"""The errors that a node answers, with the codes and texts that real nodes use."""

from __future__ import annotations

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
EXECUTION_REVERTED = 3


class RpcError(Exception):
    """An error that the caller of a method sees; `data` is revert data as hex."""

    def __init__(self, code: int, text: str, data: str | None = None) -> None:
        """Keep what goes into the JSON-RPC error object."""
        super().__init__(text)
        self.code = code
        self.text = text
        self.data = data


class InvalidParamsError(RpcError):
    """The parameters of a call cannot be read."""

    def __init__(self, text: str) -> None:
        """Answer with code -32602."""
        super().__init__(INVALID_PARAMS, text)


class ServerError(RpcError):
    """The node refuses, with code -32000."""

    def __init__(self, text: str) -> None:
        """Answer with code -32000."""
        super().__init__(SERVER_ERROR, text)


class RevertedError(RpcError):
    """A call or an estimate reverted; the data is what the contract returned."""

    def __init__(self, output: bytes, reason: str) -> None:
        """Answer with code 3, as geth does."""
        text = f"execution reverted: {reason}" if reason else "execution reverted"
        super().__init__(EXECUTION_REVERTED, text, "0x" + output.hex())
