"""The threads that carry questions: a slow endpoint delays only itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from policies.terms import Stamp
from tests.fakes.chain import FakeChain
from tests.fakes.witness import Mouth
from treasury.chain.errors import ChainError
from treasury.chain.pool.breaker import Circuit
from treasury.chain.pool.crew import Threads
from treasury.chain.pool.endpoint import Endpoint, Witness
from treasury.chain.pool.votes import Answer, Silence, Voice, answers_in

GENEROUS_S = 10.0


class Held(Mouth):
    """An endpoint that answers when the test lets it."""

    def __init__(self, name: str) -> None:
        super().__init__(FakeChain(), name)
        self.go = threading.Event()
        self.go.set()
        self.answered = threading.Event()

    def head(self) -> Stamp:
        self.go.wait(GENEROUS_S)
        try:
            return super().head()
        finally:
            self.answered.set()


@pytest.fixture
def held() -> Iterator[list[Held]]:
    """Return three endpoints that answer at once, and let go of all of them at the end."""
    mouths = [Held(name) for name in "abc"]
    yield mouths
    for mouth in mouths:
        mouth.go.set()


@pytest.fixture
def crew_of() -> Iterator[Callable[..., Threads]]:
    """Return a maker of crews; all are closed at the end."""
    crews: list[Threads] = []

    def make(limit_s: float = GENEROUS_S) -> Threads:
        crews.append(Threads("devnet", limit_s=limit_s, patience_s=0.05))
        return crews[-1]

    yield make
    for crew in crews:
        crew.close()


def _head(witness: Witness) -> Stamp:
    return witness.head()


def _two(voices: Sequence[Voice[Stamp]]) -> bool:
    return len(answers_in(voices)) >= 2


def _endpoints(held: Sequence[Held]) -> list[Endpoint]:
    return [Endpoint(mouth.name, mouth) for mouth in held]


def test_every_endpoint_is_asked_at_once(held: list[Held], crew_of: Callable[..., Threads]) -> None:
    """Three endpoints that wait for each other all answer: nobody is asked after another."""
    barrier = threading.Barrier(3, timeout=GENEROUS_S)

    def question(witness: Witness) -> int:
        return barrier.wait()

    voices = crew_of().ask(_endpoints(held), question, lambda _: False)
    assert ["a", "b", "c"] == [voice.endpoint for voice in voices]
    assert {0, 1, 2} == {answer.value for answer in answers_in(voices)}


def test_a_stuck_endpoint_is_left_behind_once_the_others_suffice(
    held: list[Held], crew_of: Callable[..., Threads]
) -> None:
    """R4.8: two answers are waited for, the stuck third is silent, and nobody waits its limit."""
    held[0].go.clear()
    begun = time.monotonic()
    voices = crew_of().ask(_endpoints(held), _head, _two)
    assert time.monotonic() - begun < GENEROUS_S / 2
    assert [Silence, Answer, Answer] == [type(voice) for voice in voices]
    assert "a did not answer in time" in str(voices[0])


def test_the_limit_holds_when_nothing_suffices(
    held: list[Held], crew_of: Callable[..., Threads]
) -> None:
    """R4.8: two stuck endpoints end the question at its limit."""
    held[0].go.clear()
    held[1].go.clear()
    voices = crew_of(limit_s=0.05).ask(_endpoints(held), _head, _two)
    assert 1 == len(answers_in(voices))


def test_questions_nobody_waits_for_any_more_are_dropped(
    held: list[Held], crew_of: Callable[..., Threads]
) -> None:
    """Behind a stuck endpoint a few questions wait, later ones are refused, old ones never run."""
    crew, endpoints = crew_of(limit_s=0.02), _endpoints(held[:1])
    held[0].go.clear()
    voices = [crew.ask(endpoints, _head, _two)[0] for _ in range(12)]
    assert "is busy with earlier questions" in str(voices[-1])
    assert all(isinstance(voice, Silence) for voice in voices)
    assert Circuit.OPEN is endpoints[0].health(None).circuit
    held[0].go.set()
    assert held[0].answered.wait(GENEROUS_S)
    (late,) = crew_of().ask(endpoints, _head, _two)
    assert isinstance(late, Answer)
    assert held[0].asked.count("head") == 2


def test_a_late_answer_still_counts_for_its_health(
    held: list[Held], crew_of: Callable[..., Threads]
) -> None:
    """An endpoint that answers after everybody left is not taken for dead."""
    endpoints = _endpoints(held)
    held[0].go.clear()
    crew_of().ask(endpoints, _head, _two)
    assert endpoints[0].health(None).latency_s is None
    held[0].go.set()
    crew_of().ask(endpoints[:1], _head, lambda _: False)
    assert endpoints[0].health(None).latency_s is not None


def test_told_endpoints_are_not_waited_for(
    held: list[Held], crew_of: Callable[..., Threads]
) -> None:
    """Telling returns at once; the question is asked all the same."""
    held[0].go.clear()
    crew_of().tell(_endpoints(held)[0], _head)
    assert not held[0].answered.is_set()
    held[0].go.set()
    assert held[0].answered.wait(GENEROUS_S)


def test_our_own_bug_is_raised_where_the_question_was_asked(
    held: list[Held], crew_of: Callable[..., Threads]
) -> None:
    """What is no `ChainError` is a bug of ours and must not look like a silent node."""

    def question(witness: Witness) -> Stamp:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        crew_of().ask(_endpoints(held), question, _two)


def test_an_error_of_one_endpoint_is_its_silence(
    held: list[Held], crew_of: Callable[..., Threads]
) -> None:
    """A chain's error is kept as the reason and raised nowhere."""
    held[1].failures["head"] = ChainError("no")
    voices = crew_of().ask(_endpoints(held), _head, lambda _: False)
    assert isinstance(voices[1], Silence)
    assert "no" == str(voices[1].error)


def test_closing_ends_the_threads(held: list[Held]) -> None:
    """Nothing is left running."""
    others = set(threading.enumerate())
    crew = Threads("devnet", limit_s=GENEROUS_S, patience_s=0.05)
    crew.ask(_endpoints(held), _head, lambda _: False)
    mine = [t for t in set(threading.enumerate()) - others if t.name.startswith("devnet ")]
    crew.close()
    for thread in mine:
        thread.join(GENEROUS_S)
    assert 3 == len(mine)
    assert not any(thread.is_alive() for thread in mine)
