"""Puts a question to all endpoints and takes an answer only from a quorum of them.

Every answer that differs from the quorum's, or all of them where there is no quorum, becomes a
`Dissent`. Endpoints that rest after failures are left out, unless there is no quorum without them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from policies.terms import Address
from treasury.chain.errors import (
    BelowQuorumError,
    ChainError,
    DisagreementError,
    MissingBlockError,
    UnavailableError,
    WrongChainError,
)
from treasury.chain.pool.crew import Crew, Question, Settled
from treasury.chain.pool.endpoint import Endpoint
from treasury.chain.pool.votes import Answer, Silence, Voice, answers_in, silences_in, winner
from treasury.chain.port import Dissent, Topic

_DISSENTS_KEPT = 256
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What a question is about, for dissents and messages."""

    topic: Topic
    subject: str
    asset: Address | None = None
    block_number: int | None = None

    def dissent(self, endpoint: str, said: object, agreed: object = "") -> Dissent:
        """Return what an endpoint says against what is agreed."""
        return Dissent(
            endpoint=endpoint,
            topic=self.topic,
            subject=self.subject,
            said=str(said),
            agreed=str(agreed),
            asset=self.asset,
            block_number=self.block_number,
        )


class Panel:
    """The endpoints of one chain and the number of them that must agree."""

    def __init__(
        self, chain_id: int, endpoints: Sequence[Endpoint], *, quorum: int, crew: Crew
    ) -> None:
        """Ask `endpoints` by way of `crew`; `quorum` is more than half of them."""
        assert 0 < quorum <= len(endpoints) < 2 * quorum, "a quorum is the majority or more"
        self.chain_id = chain_id
        self.endpoints = tuple(endpoints)
        self.quorum = quorum
        self._crew = crew
        self._lock = threading.Lock()
        self._dissents: deque[Dissent] = deque(maxlen=_DISSENTS_KEPT)

    def poll(self, question: Question[T], settled: Settled[T] | None = None) -> list[Voice[T]]:
        """Return one voice per endpoint, in their order.

        `settled` says when the answers suffice; by default when a quorum shares one.
        """
        asked = self._awake()
        heard = iter(self._crew.ask(asked, question, settled or self.has_winner))
        voices = [
            next(heard) if endpoint in asked else _resting(endpoint) for endpoint in self.endpoints
        ]
        for silence in silences_in(voices):
            if isinstance(silence.error, WrongChainError):
                matter = Matter(topic=Topic.CHAIN, subject=str(self.chain_id))
                self.note(matter.dissent(silence.endpoint, silence.error, self.chain_id))
        return voices

    def agree(self, question: Question[T], matter: Matter, show: Callable[[T], object] = str) -> T:
        """Return what a quorum says; raises `MissingBlockError` or `BelowQuorumError`.

        A single endpoint's own error is raised as it is.
        """
        return self.settle(self.poll(question), matter, show)

    def settle(
        self, voices: Sequence[Voice[T]], matter: Matter, show: Callable[[T], object] = str
    ) -> T:
        """Return what a quorum of these voices says, and note who says otherwise."""
        said = answers_in(voices)
        agreed = winner(said, self.quorum)
        if agreed is None:
            self._note_split(said, matter, show)
            raise self.refusal(voices, f"{matter.topic} {matter.subject}")
        for answer in said:
            if answer.value != agreed.value:
                self.note(matter.dissent(answer.endpoint, show(answer.value), show(agreed.value)))
        return agreed.value

    def has_winner(self, voices: Sequence[Voice[T]]) -> bool:
        """Say whether a quorum shares an answer."""
        return winner(answers_in(voices), self.quorum) is not None

    def refusal(self, voices: Sequence[Voice[T]], subject: str) -> ChainError:
        """Return the error that tells why there is no answer."""
        silent = silences_in(voices)
        if len(self.endpoints) == 1 and silent:
            return silent[0].error
        missing = [s for s in silent if isinstance(s.error, MissingBlockError)]
        if len(missing) >= self.quorum:
            return MissingBlockError(str(missing[0].error))
        count = len(voices) - len(silent)
        told = "".join(f"; {silence.error}" for silence in silent)
        kind = BelowQuorumError if count + len(missing) < self.quorum else DisagreementError
        return kind(
            f"chain {self.chain_id}: {self.quorum} of {len(self.endpoints)} endpoints must agree "
            f"on {subject}, {count} answered{told}"
        )

    def note(self, dissent: Dissent) -> None:
        """Keep a dissent until it is taken; the oldest go first when nobody takes them."""
        with self._lock:
            self._dissents.append(dissent)

    def take_dissents(self) -> tuple[Dissent, ...]:
        """Return the dissents since the last call, oldest first."""
        with self._lock:
            taken = tuple(self._dissents)
            self._dissents.clear()
        return taken

    def close(self) -> None:
        """End the threads."""
        self._crew.close()

    def _note_split(
        self, said: Sequence[Answer[T]], matter: Matter, show: Callable[[T], object]
    ) -> None:
        if any(answer.value != said[0].value for answer in said):
            for answer in said:
                self.note(matter.dissent(answer.endpoint, show(answer.value)))

    def _awake(self) -> tuple[Endpoint, ...]:
        awake = tuple(e for e in self.endpoints if e.breaker.may_ask())
        return awake if len(awake) >= self.quorum else self.endpoints


def _resting(endpoint: Endpoint) -> Silence:
    why = UnavailableError(f"{endpoint.name} rests after failures")
    return Silence(endpoint=endpoint.name, error=why)
