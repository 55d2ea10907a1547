"""A stolen daemon may ask anything, and gains only what the windows grant.

The short sieges play days of the signer's time in seconds, with soft tokens and a clock that the
thief pushes about. The long one besieges a real process with real tokens for as long as
`ADVERSARY_S` says (an hour), killing it now and then: `make soak ADVERSARY_S=600
ARGS=tests/hsm/test_adversary.py`. `ADVERSARY_SEED` chooses the dice.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hsm.book.audit import check
from hsm.book.book import Book
from tests.fakes.softhsm import SoftHsm
from tests.fakes.vault_room import real_settings
from tests.hsm.adversary.laws_of_two_chains import QUICK, Pace, law_of
from tests.hsm.adversary.line import FarLine, NearLine
from tests.hsm.adversary.siege import Siege, adopt_first
from tests.hsm.test_process import write_toml

LONG_S = float(os.environ.get("ADVERSARY_S", "3600"))
SEED = int(os.environ.get("ADVERSARY_SEED", "1"))
_ROOT = Path(__file__).parents[2]


def times(count: int) -> Callable[[], bool]:
    """Return a condition that holds so many times."""
    left = itertools.count(count, -1)
    return lambda: next(left) > 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_stolen_daemon_gains_only_the_windows(tmp_path: Path, seed: int) -> None:
    """No vault wei without a quorum, outflow and fees inside the windows, veto and marks held.

    R2.6, R3.11, R8.1, R8.2.
    """
    laws = law_of(Pace()), law_of(Pace(), newcomer=True)
    line = NearLine(tmp_path, laws[0])
    siege = Siege(line, laws, seed)
    siege.go_on(times(600))
    siege.audit()
    check(line.room.book)
    line.room.close()
    got = siege.judge.counts

    for word in ("refill original", "withdrawal original", "withdrawal bump", "top_up original"):
        assert got[f"signed: {word}"], "the thief must have got something, else nothing is tested"


def besiege(store: SoftHsm, goes_on: Callable[[], bool]) -> Siege:
    """Besiege a signer process with real tokens; then read its book to the last page."""
    settings, laws = real_settings(store), (law_of(QUICK), law_of(QUICK, newcomer=True))
    command = [sys.executable, "-m", "hsm", "--config", str(write_toml(settings))]
    line = FarLine(settings, command, settings.base)
    try:
        adopt_first(line, laws[0], int(time.time()))
        siege = Siege(line, laws, SEED)
        siege.go_on(goes_on)
        siege.audit()
    finally:
        line.close()
    book = Book(settings.book, lambda: int(time.time()))
    check(book)
    print(f"\n{siege.report()}\nkilled {line.kills} times; {book.seq} entries in the book")
    book.close()
    return siege


@pytest.mark.sockets
@pytest.mark.softhsm
def test_a_real_process_is_besieged(softhsm: SoftHsm) -> None:
    """The same thief before a real process, a real token and its sockets (R2.6, R3.11)."""
    siege = besiege(softhsm, times(60))

    assert siege.judge.counts["signed"]


@pytest.mark.soak
@pytest.mark.sockets
@pytest.mark.softhsm
def test_an_hour_of_siege(softhsm: SoftHsm) -> None:
    """For an hour the thief asks, replays, claims, probes and kills: nothing but the windows."""
    end = time.monotonic() + LONG_S
    siege = besiege(softhsm, lambda: time.monotonic() < end)

    assert siege.judge.counts["signed: refill original"]
    assert siege.judge.counts["signed: withdrawal original"]
