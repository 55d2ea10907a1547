"""Voices of endpoints, and how to find the answer that a quorum of them shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from treasury.chain.errors import ChainError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[T]):
    """What one endpoint said."""

    endpoint: str
    value: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Why one endpoint said nothing that counts."""

    endpoint: str
    error: ChainError


Voice = Answer[T] | Silence


def answers_in(voices: Iterable[Voice[T]]) -> list[Answer[T]]:
    """Return those that said something."""
    return [voice for voice in voices if isinstance(voice, Answer)]


def silences_in(voices: Iterable[Voice[T]]) -> list[Silence]:
    """Return those that did not."""
    return [voice for voice in voices if isinstance(voice, Silence)]


def winner(answers: Sequence[Answer[T]], quorum: int) -> Answer[T] | None:
    """Return an answer that at least `quorum` endpoints gave alike; None when there is none.

    A quorum is more than half of all endpoints, so there is never a second one.
    """
    for answer in answers:
        if sum(other.value == answer.value for other in answers) >= quorum:
            return answer
    return None


def median(values: Iterable[int]) -> int:
    """Return the lower one of the middle values: no minority can move it past the majority."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2]
