"""One endpoint of a pool: asks it, counts what happens, and never lets an error escape."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from policies.terms import Stamp
from treasury.chain.errors import ChainError, MissingBlockError, NodeError, WrongChainError
from treasury.chain.pool.breaker import Breaker, Circuit
from treasury.chain.pool.votes import Answer, Silence, Voice
from treasury.chain.port import Chain, FeeMarket

_WEIGHT = 0.2
T = TypeVar("T")


class Witness(Chain, Protocol):
    """A chain as one endpoint tells it, which can be asked about prices at a given block."""

    def fee_market_at(self, head: Stamp) -> FeeMarket:
        """Return base fee and tip after the block of `head`."""

    def l1_fee_at(self, size_bytes: int, at: Stamp) -> int:
        """Return the layer-1 fee of a transaction of this size at the block of `at`, in wei."""

    def close(self) -> None:
        """Close the connection; the next question opens another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointHealth:
    """How one endpoint has been.

    `lag_blocks` counts from the head of the group (None before the first one), `latency_s` is a
    running mean, `failures` are those in a row and `errors` all since the start.
    """

    endpoint: str
    circuit: Circuit
    head: Stamp | None
    lag_blocks: int | None
    latency_s: float | None
    failures: int
    errors: int
    last_error: str
    is_wrong_chain: bool


class Endpoint:
    """One witness with its breaker and counters; used by several threads."""

    def __init__(
        self, name: str, witness: Witness, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask `witness`; `name` shows nothing secret and is unique in its pool."""
        self.name = name
        self.witness = witness
        self.breaker = Breaker(monotonic=monotonic)
        self.head: Stamp | None = None
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._latency_s: float | None = None
        self._errors = 0
        self._last_error = ""
        self._is_wrong_chain = False

    def ask(self, question: Callable[[Witness], T]) -> Voice[T]:
        """Return what the witness says; an error is a silence, and our own bugs still raise.

        A block that is missing and a refused call are answers as far as its health goes.
        """
        begun = self._monotonic()
        try:
            value = question(self.witness)
        except (MissingBlockError, NodeError) as error:
            self._note_answer(begun)
            return Silence(endpoint=self.name, error=error)
        except ChainError as error:
            self.note_failure(error)
            return Silence(endpoint=self.name, error=error)
        self._note_answer(begun)
        return Answer(endpoint=self.name, value=value)

    def note_failure(self, error: ChainError) -> None:
        """Count a failure against the endpoint."""
        with self._lock:
            self._errors += 1
            self._last_error = str(error)
            self._is_wrong_chain = isinstance(error, WrongChainError)
        self.breaker.note_failure()

    def health(self, group_head: Stamp | None) -> EndpointHealth:
        """Return how the endpoint has been, seen from the head of the group."""
        seen = self.head
        lag = None if group_head is None or seen is None else group_head.number - seen.number
        return EndpointHealth(
            endpoint=self.name,
            circuit=self.breaker.circuit,
            head=seen,
            lag_blocks=None if lag is None else max(0, lag),
            latency_s=self._latency_s,
            failures=self.breaker.failures,
            errors=self._errors,
            last_error=self._last_error,
            is_wrong_chain=self._is_wrong_chain,
        )

    def _note_answer(self, begun: float) -> None:
        took = self._monotonic() - begun
        with self._lock:
            old = self._latency_s
            self._latency_s = took if old is None else old + _WEIGHT * (took - old)
            self._is_wrong_chain = False
        self.breaker.note_answer()
