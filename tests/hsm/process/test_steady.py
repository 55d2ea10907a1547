"""Nobody opens windows and time-locks by setting the signer's clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from hsm.book.book import Book
from hsm.errors import BookError
from hsm.process.desk import Desk, Door
from hsm.process.steady import MOST_STEP_S, SteadyClock, system_clock
from hsm.wire.message import Request, Result
from tests.fakes.vault_room import SoftTokens, soft_settings


class Times:
    """A wall clock and a time since boot that tests move apart."""

    def __init__(self) -> None:
        self.wall = 1_767_355_200.0
        self.boot = 500.0
        self.clock = SteadyClock(wall=lambda: self.wall, since_boot=lambda: self.boot)

    def both(self, seconds: float) -> None:
        self.wall += seconds
        self.boot += seconds


def test_time_that_passes_is_time() -> None:
    """A day of ordinary time, with a correction of seconds, is accepted."""
    times = Times()
    times.both(86_400)
    times.wall += MOST_STEP_S / 2

    assert int(times.wall) == times.clock()


@pytest.mark.parametrize("step", [MOST_STEP_S + 1, -MOST_STEP_S - 1, 86_400.0, -86_400.0])
def test_a_step_is_noticed_and_stays_noticed(step: float) -> None:
    """A clock that was set, forward or back, is refused until the signer starts anew."""
    times = Times()
    times.wall += step
    for _ in range(2):
        times.both(10)
        with pytest.raises(BookError, match="start the signer anew"):
            times.clock()


def test_a_stepped_clock_is_not_ready_at_the_desk(tmp_path: Path) -> None:
    """Nothing is signed on a time that was set; nothing is written under it either."""
    times = Times()
    book = Book(tmp_path / "book.sqlite3", times.clock)
    settings = soft_settings(tmp_path)
    desk = Desk(book=book, tokens=SoftTokens(), settings=settings, clock=times.clock)
    times.wall += 7 * 86_400
    (answer,) = desk.serve([(Door.SIGNER, Request(verb="sign", body={}))])
    seq = book.seq
    book.close()

    assert (Result.NOT_READY, ["clock"], 1) == (
        answer.result,
        [reason.code for reason in answer.reasons],
        seq,
    )


def test_the_machines_own_clocks_agree() -> None:
    """The real pair of clocks gives the present time."""
    assert system_clock()() > 1_700_000_000
