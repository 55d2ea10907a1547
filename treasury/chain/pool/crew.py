"""Who carries questions to endpoints: one thread for each, or nobody but the caller.

With threads a slow endpoint delays only itself: the caller waits until the answers suffice, then a
little longer for those that are about to speak, and at the utmost until the limit. What comes
later is counted for the endpoint's health and otherwise forgotten.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from treasury.chain.errors import UnavailableError
from treasury.chain.pool.endpoint import Endpoint, Witness
from treasury.chain.pool.votes import Silence, Voice

_WAITING_MOST = 8
_PATIENCE = 3
_PATIENCE_LEAST_S = 0.05
T = TypeVar("T")
Question = Callable[[Witness], T]
Settled = Callable[[Sequence[Voice[T]]], bool]


class Crew(Protocol):
    """A way to ask several endpoints the same question."""

    def ask(
        self, endpoints: Sequence[Endpoint], question: Question[T], settled: Settled[T]
    ) -> list[Voice[T]]:
        """Return one voice per endpoint, in their order; `settled` says when they suffice."""

    def tell(self, endpoint: Endpoint, question: Question[T]) -> None:
        """Ask without waiting for the answer."""

    def close(self) -> None:
        """End the threads, if there are any."""


class Caller:
    """Asks one endpoint after the other in the thread of the caller; for one, and for tests."""

    def ask(
        self,
        endpoints: Sequence[Endpoint],
        question: Question[T],
        settled: Settled[T],  # noqa: ARG002 - nobody answers while another one is asked
    ) -> list[Voice[T]]:
        """Ask every endpoint in turn."""
        return [endpoint.ask(question) for endpoint in endpoints]

    def tell(self, endpoint: Endpoint, question: Question[T]) -> None:
        """Ask and drop the answer."""
        endpoint.ask(question)

    def close(self) -> None:
        """Do nothing: there are no threads."""


class Threads:
    """One thread per endpoint, started when it is first needed."""

    def __init__(
        self,
        name: str,
        *,
        limit_s: float,
        patience_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wait `limit_s` at the utmost, and at most `patience_s` once the answers suffice.

        `name` is the chain's, for the names of the threads.
        """
        self._name = name
        self._limit_s = limit_s
        self._patience_s = patience_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._workers: dict[str, _Worker] = {}

    def ask(
        self, endpoints: Sequence[Endpoint], question: Question[T], settled: Settled[T]
    ) -> list[Voice[T]]:
        """Ask all at once and return what came in time."""
        heard: queue.SimpleQueue[Voice[T] | _Bug] = queue.SimpleQueue()
        limit = self._monotonic() + self._limit_s
        for endpoint in endpoints:
            self._worker(endpoint).post(_job(endpoint, question, heard.put, limit))
        voices = self._collect(heard, len(endpoints), limit, settled)
        return [
            voices.get(endpoint.name) or _silence(endpoint, "did not answer in time")
            for endpoint in endpoints
        ]

    def tell(self, endpoint: Endpoint, question: Question[T]) -> None:
        """Post the question; a bug in it is not told to anybody."""
        limit = self._monotonic() + self._limit_s
        self._worker(endpoint).post(_job(endpoint, question, lambda _: None, limit))

    def close(self) -> None:
        """Let every thread end after its present question."""
        with self._lock:
            for worker in self._workers.values():
                worker.stop()
            self._workers.clear()

    def _collect(
        self,
        heard: queue.SimpleQueue[Voice[T] | _Bug],
        count: int,
        limit: float,
        settled: Settled[T],
    ) -> dict[str, Voice[T]]:
        voices: dict[str, Voice[T]] = {}
        begun, is_settled = self._monotonic(), False
        while len(voices) < count:
            try:
                voice = heard.get(timeout=max(0.0, limit - self._monotonic()))
            except queue.Empty:
                break
            if isinstance(voice, _Bug):
                raise voice.error
            voices[voice.endpoint] = voice
            if not is_settled and settled(tuple(voices.values())):
                is_settled = True
                limit = min(limit, self._patience(begun))
        return voices

    def _patience(self, begun: float) -> float:
        """Return until when the slower ones are waited for: in proportion to the quicker ones."""
        now = self._monotonic()
        return now + min(self._patience_s, _PATIENCE_LEAST_S + _PATIENCE * (now - begun))

    def _worker(self, endpoint: Endpoint) -> _Worker:
        with self._lock:
            if endpoint.name not in self._workers:
                self._workers[endpoint.name] = _Worker(
                    f"{self._name} {endpoint.name}", self._monotonic
                )
            return self._workers[endpoint.name]


@dataclass(frozen=True, slots=True)
class _Bug:
    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One question to one endpoint, or word that it could not be asked in time."""

    run: Callable[[], object]
    drop: Callable[[], object]
    not_after: float


def _job(
    endpoint: Endpoint,
    question: Question[T],
    put: Callable[[Voice[T] | _Bug], object],
    not_after: float,
) -> _Job:
    def drop() -> None:
        silence = _silence(endpoint, "is busy with earlier questions")
        endpoint.note_failure(silence.error)
        put(silence)

    return _Job(run=lambda: put(_asked(endpoint, question)), drop=drop, not_after=not_after)


class _Worker:
    """A thread that does one job after the other, and drops those whose asker has left."""

    def __init__(self, name: str, monotonic: Callable[[], float]) -> None:
        self._jobs: queue.Queue[_Job | None] = queue.Queue(maxsize=_WAITING_MOST)
        self._monotonic = monotonic
        self._is_stopped = False
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def post(self, job: _Job) -> None:
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            job.drop()

    def stop(self) -> None:
        self._is_stopped = True
        with contextlib.suppress(queue.Full):
            self._jobs.put_nowait(None)

    def _run(self) -> None:
        while not self._is_stopped:
            job = self._jobs.get()
            if job is None:
                return
            if self._monotonic() < job.not_after:
                job.run()
            else:
                job.drop()


def _asked(endpoint: Endpoint, question: Question[T]) -> Voice[T] | _Bug:
    try:
        return endpoint.ask(question)
    except Exception as error:  # noqa: BLE001 - our own bug: raised where the question was asked
        return _Bug(error)


def _silence(endpoint: Endpoint, why: str) -> Silence:
    error = UnavailableError(f"{endpoint.name} {why}")
    return Silence(endpoint=endpoint.name, error=error)
