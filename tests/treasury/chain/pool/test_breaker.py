"""The circuit of one endpoint: opens after three failures, rests, tries once, closes."""

from __future__ import annotations

import pytest

from tests.fakes.chain import FakeChain
from tests.fakes.witness import Mouth
from treasury.chain.errors import BadAnswerError, ChainError, MissingBlockError, NodeError
from treasury.chain.pool.breaker import Breaker, Circuit
from treasury.chain.pool.endpoint import Endpoint


class Timed:
    """A breaker and a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.breaker = Breaker(monotonic=lambda: self.now)

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            self.breaker.note_failure()

    def rest_s(self) -> float:
        """Return how long it rests from now on."""
        begun = self.now
        while self.breaker.circuit is Circuit.OPEN:
            self.now += 1
        return self.now - begun


@pytest.fixture
def timed() -> Timed:
    """Return a closed circuit at time zero."""
    return Timed()


def test_only_failures_in_a_row_count(timed: Timed) -> None:
    """Two failures, an answer and two failures leave the circuit closed; a third opens it."""
    timed.fail(2)
    timed.breaker.note_answer()
    timed.fail(2)
    assert (Circuit.CLOSED, 2, True) == (
        timed.breaker.circuit,
        timed.breaker.failures,
        timed.breaker.may_ask(),
    )
    timed.fail()
    assert (Circuit.OPEN, False) == (timed.breaker.circuit, timed.breaker.may_ask())


def test_after_the_rest_one_question_goes_through_at_a_time(timed: Timed) -> None:
    """A half-open circuit lets one asker try while the others go on without."""
    timed.fail(3)
    assert 5 == timed.rest_s()
    assert Circuit.HALF_OPEN is timed.breaker.circuit
    assert [True, False, False] == [timed.breaker.may_ask() for _ in range(3)]
    timed.breaker.note_answer()
    assert [True, True] == [timed.breaker.may_ask() for _ in range(2)]


def test_each_failed_try_doubles_the_rest_up_to_a_minute(timed: Timed) -> None:
    """5, 10, 20, 40 and then 60 seconds; an answer starts over."""
    timed.fail(3)
    rests = [timed.rest_s()]
    for _ in range(5):
        assert timed.breaker.may_ask()
        timed.fail()
        rests.append(timed.rest_s())
    assert [5, 10, 20, 40, 60, 60] == rests
    timed.breaker.note_answer()
    timed.fail(3)
    assert 5 == timed.rest_s()


@pytest.mark.parametrize(
    ("error", "circuit"),
    [
        (MissingBlockError("no such block"), Circuit.CLOSED),
        (NodeError("eth_call", 3, "execution reverted"), Circuit.CLOSED),
        (BadAnswerError("garbage"), Circuit.OPEN),
        (ChainError("anything else"), Circuit.OPEN),
    ],
)
def test_an_honest_no_is_no_failure(error: ChainError, circuit: Circuit) -> None:
    """A block that a node does not have, or a call that it refuses, is an answer."""
    mouth = Mouth(FakeChain(), "a")
    mouth.failures["head"] = error
    endpoint = Endpoint("a", mouth, monotonic=lambda: 0.0)
    for _ in range(3):
        endpoint.ask(lambda witness: witness.head())
    assert circuit is endpoint.health(None).circuit
