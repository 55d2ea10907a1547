"""Turns the bytes of a JSON-RPC request, single or batch, into the bytes of its answer."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import msgspec

from treasury.dev.chain.errors import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RpcError,
)
from treasury.dev.chain.methods_eth import Method
from treasury.dev.chain.params import Params

_BATCH_LIMIT = 20_000


class Dispatcher:
    """Runs one call at a time; the lock is shared with whatever else touches the chain."""

    def __init__(self, methods: Mapping[str, Method], lock: threading.RLock) -> None:
        """Answer these methods, holding the lock while one runs."""
        self._methods = methods
        self._lock = lock

    def answer(self, body: bytes) -> bytes:
        """Answer a request body; never raises."""
        try:
            request = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.encode(_failure(None, PARSE_ERROR, "parse error"))
        if not isinstance(request, list):
            return msgspec.json.encode(self._one(request))
        if not request:
            return msgspec.json.encode(_failure(None, INVALID_REQUEST, "empty batch"))
        if len(request) > _BATCH_LIMIT:
            return msgspec.json.encode(_failure(None, INVALID_REQUEST, "batch too large"))
        return msgspec.json.encode([self._one(item) for item in request])

    def _one(self, request: object) -> dict[str, Any]:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _failure(None, INVALID_REQUEST, "invalid request")
        identity, name, values = request.get("id"), request["method"], request.get("params", [])
        method = self._methods.get(name)
        if method is None:
            text = f"the method {name} does not exist/is not available"
            return _failure(identity, METHOD_NOT_FOUND, text)
        if not isinstance(values, list):
            return _failure(identity, INVALID_PARAMS, "params must be an array")
        return self._run(identity, method, values)

    def _run(self, identity: object, method: Method, values: list[object]) -> dict[str, Any]:
        try:
            with self._lock:
                result = method(Params(values))
        except RpcError as error:
            return _failure(identity, error.code, error.text, error.data)
        except Exception as error:  # noqa: BLE001 - a node answers, whatever happened inside
            return _failure(identity, INTERNAL_ERROR, f"{type(error).__name__}: {error}")
        return {"jsonrpc": "2.0", "id": identity, "result": result}


def _failure(identity: object, code: int, text: str, data: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": text}
    if data is not None:
        error["data"] = data
    return {"jsonrpc": "2.0", "id": identity, "error": error}
