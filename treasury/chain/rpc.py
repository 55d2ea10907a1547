"""JSON-RPC calls in batches, every answer checked before anything of it is used.

Each connection begins with `eth_chainId` and the hash of the anchor block, where one is set, so a
URL that serves another chain is found out before it is asked anything else. A call that was cut
off on a used connection is sent again on a new one: every method used here is safe to repeat,
broadcasting included.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec

from config.settings import Anchor
from treasury.chain.answers import quantity, stamp
from treasury.chain.errors import (
    BadAnswerError,
    NodeError,
    UnavailableError,
    WrongChainError,
    clean_text,
)
from treasury.chain.transport import StaleConnectionError

_HTTP_OK = 200
_BATCH_LIMIT = 500


class Call(NamedTuple):
    """One method with its positional parameters."""

    method: str
    params: tuple[object, ...] = ()


class Transport(Protocol):
    """A connection to one node, opened when needed and closed at every error."""

    name: str

    @property
    def is_open(self) -> bool:
        """Say whether there is a connection to use."""

    def open(self, deadline: float) -> None:
        """Connect until `deadline` (monotonic seconds); raises `UnavailableError`."""

    def exchange(self, body: bytes, deadline: float) -> tuple[int, bytes]:
        """Send a body and return status (200 is good) and answer; raises `ChainError` leaves."""

    def close(self) -> None:
        """Close the connection, if there is one."""


class _ErrorBody(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Answer(msgspec.Struct):
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"")
    error: _ErrorBody | None = None


_MANY = msgspec.json.Decoder(list[_Answer])
_ONE = msgspec.json.Decoder(_Answer)


class RpcClient:
    """A client of one node. Calls of several threads wait for each other."""

    def __init__(
        self,
        transport: Transport,
        *,
        chain_id: int,
        deadline_s: float,
        anchor: Anchor | None = None,
        batch_limit: int = _BATCH_LIMIT,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare without connecting; `deadline_s` bounds each exchange with the node."""
        self._transport = transport
        self._chain_id = chain_id
        self._deadline_s = deadline_s
        self._anchor = anchor
        self._batch_limit = batch_limit
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._last_id = 0

    @property
    def name(self) -> str:
        """Return the node's host and port: all of its URL that may be shown."""
        return self._transport.name

    @property
    def chain_id(self) -> int:
        """Return the chain id that each connection is checked against."""
        return self._chain_id

    def call(self, method: str, *params: object) -> msgspec.Raw:
        """Return the raw result of one call; raises `NodeError` and the other leaves."""
        (result,) = self.batch([Call(method, params)])
        if isinstance(result, NodeError):
            raise result
        return result

    def batch(self, calls: Sequence[Call]) -> list[msgspec.Raw | NodeError]:
        """Return one raw result or error per call, in order.

        Raises `UnavailableError`, `BadAnswerError` or `WrongChainError` when there is no answer
        to be had for any one of them.
        """
        results: list[msgspec.Raw | NodeError] = []
        with self._lock:
            for start in range(0, len(calls), self._batch_limit):
                results += self._exchange(calls[start : start + self._batch_limit])
        return results

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        with self._lock:
            self._transport.close()

    def _exchange(self, calls: Sequence[Call]) -> list[msgspec.Raw | NodeError]:
        deadline = self._monotonic() + self._deadline_s
        was_open = self._transport.is_open
        if not was_open:
            self._greet(deadline)
        try:
            return self._ask(calls, deadline)
        except StaleConnectionError:
            if not was_open:
                raise
        self._greet(deadline)
        return self._ask(calls, deadline)

    def require_chain(self, answer: msgspec.Raw | NodeError) -> None:
        """Raise `WrongChainError` unless this answer to `eth_chainId` is the chain's id.

        A load balancer may put another node behind an open connection, so heads ask for it too.
        """
        if isinstance(answer, NodeError):
            raise UnavailableError(f"{self.name} does not tell its chain: {answer}")
        served = quantity(answer)
        if served != self._chain_id:
            self.close()
            raise WrongChainError(
                f"{self.name} serves chain {served}, the law says {self._chain_id}: "
                "correct the endpoint in treasuryd.toml"
            )

    def _greet(self, deadline: float) -> None:
        """Connect and compare the chain id and the anchor block."""
        self._transport.open(deadline)
        calls = [Call("eth_chainId")]
        if self._anchor is not None:
            calls.append(Call("eth_getBlockByNumber", (hex(self._anchor.number), False)))
        try:
            served, *blocks = self._ask(calls, deadline)
            self.require_chain(served)
            for block in blocks:
                self._require_anchor(block)
        except BaseException:
            self._transport.close()
            raise

    def _require_anchor(self, answer: msgspec.Raw | NodeError) -> None:
        assert self._anchor is not None, "only an anchor is asked for"
        found = None if isinstance(answer, NodeError) else stamp(answer)
        if found is None:
            raise UnavailableError(f"{self.name} does not have block {self._anchor.number} yet")
        if (found.number, found.hash) != (self._anchor.number, self._anchor.hash):
            raise WrongChainError(
                f"{self.name} serves another chain: its block {self._anchor.number} is "
                f"{found.hash}: correct the endpoint or the anchor in treasuryd.toml"
            )

    def _ask(self, calls: Sequence[Call], deadline: float) -> list[msgspec.Raw | NodeError]:
        first = self._last_id + 1
        self._last_id += len(calls)
        requests = [
            {"jsonrpc": "2.0", "id": first + i, "method": call.method, "params": call.params}
            for i, call in enumerate(calls)
        ]
        body = msgspec.json.encode(requests if len(requests) > 1 else requests[0])
        status, answer = self._transport.exchange(body, deadline)
        try:
            return self._match(calls, first, self._decode(status, answer))
        except BadAnswerError:
            # Whatever else comes down this connection may belong to an earlier question.
            self._transport.close()
            raise

    def _decode(self, status: int, body: bytes) -> list[_Answer]:
        try:
            return _MANY.decode(body) if body.lstrip()[:1] == b"[" else [_ONE.decode(body)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if status != _HTTP_OK:
                raise UnavailableError(f"{self.name} answered HTTP status {status}") from error
            reason = clean_text(str(error))
            raise BadAnswerError(f"{self.name} answered no JSON-RPC: {reason}") from error

    def _match(
        self, calls: Sequence[Call], first: int, answers: list[_Answer]
    ) -> list[msgspec.Raw | NodeError]:
        if len(answers) == 1 and answers[0].error is not None and answers[0].id is None:
            # The node refused the request as a whole, for example because the batch is too large.
            raise NodeError(calls[0].method, answers[0].error.code, answers[0].error.message)
        by_id = {answer.id: answer for answer in answers}
        if by_id.keys() != set(range(first, first + len(calls))) or len(by_id) != len(answers):
            raise BadAnswerError(f"{self.name} answered other questions than were asked")
        return [self._result(call, by_id[first + i]) for i, call in enumerate(calls)]

    def _result(self, call: Call, answer: _Answer) -> msgspec.Raw | NodeError:
        if answer.error is not None:
            return NodeError(call.method, answer.error.code, answer.error.message)
        if not bytes(answer.result):
            raise BadAnswerError(f"{self.name} answered {call.method} with no result and no error")
        return answer.result
