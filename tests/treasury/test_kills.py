"""SIGKILL at every place where the daemon or the signer can die, at the first three passages of it.

One story: a hot wallet that is low is refilled with two approvals while two payouts leave it. A
process lives it over real files and is killed; another one goes on over what is left. Power loss
is another matter: what was committed before a kill is in the page cache.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hsm.crashpoints import POINTS
from policies.lifecycles import TransferState
from tests.laws import ETH, address_of
from tests.treasury.kept_belt import PAYOUTS, KeptBelt, begin, killed_at, live
from treasury.ledger import journal

pytestmark = [pytest.mark.crash, pytest.mark.usefixtures("quiet")]

HITS = 3
_WHEN = ("before", "after")
COMMITS = {  # by the last line of each: rows that settle together share a commit
    "withdrawal_accepted": 1,
    "refill_proposed": 1,
    "approval_received": 2,
    "refill_approved": 1,
    "refill_released": 1,
    "withdrawal_queued": 2,
    "attempt_signed": 3,
    "attempt_broadcast": 3,
    "attempt_won": 2,
    "withdrawal_paid": 2,
}
CALLS = {"lodge": 2, "sign": 3, "send": 3}
SIGNER = [point for point in POINTS if point != "answered"]
PLACES = [
    *((f"{when} commit of {kind}", n) for kind, n in COMMITS.items() for when in _WHEN),
    *((f"{when} {call}", n) for call, n in CALLS.items() for when in _WHEN),
    *((f"signer {point}", HITS) for point in SIGNER),
]
CASES = [(place, hit) for place, hits in PLACES for hit in range(1, min(hits, HITS) + 1)]


@pytest.fixture(scope="module")
def beginning() -> Iterator[Path]:
    """The files of a treasury in which the story is about to begin."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        begin(Path(name))
        yield Path(name)


@pytest.mark.parametrize(("place", "hit"), CASES, ids=lambda value: str(value).replace(" ", "-"))
def test_killed_anywhere_everything_is_paid_once(
    directory: Path, beginning: Path, place: str, hit: int
) -> None:
    """R6.1, R4.1: a kill -9 anywhere; whoever starts next settles each order exactly once."""
    shutil.copytree(beginning, directory, dirs_exist_ok=True)
    died_of = killed_at(directory, place, hit)
    belt = KeptBelt(directory)
    live(belt)
    refills = belt.paid("vault", address_of("hot-a"))
    payouts = [belt.paid("hot-a", address_of(name)) for name in PAYOUTS]
    balances = [belt.chain.balance(address_of(name)) for name in PAYOUTS]
    states = {transfer.state for transfer in belt.transfers()}
    with belt.ledger.read() as session:
        verified = journal.verify(session)
    belt.room.book.verify()
    belt.leave()

    assert died_of == signal.SIGKILL
    assert (refills, payouts) == (1, [1, 1])
    assert balances == [2 * ETH, 2 * ETH]
    assert states == {TransferState.CONFIRMED}
    assert verified.ok


def test_no_place_is_left_out(directory: Path, beginning: Path) -> None:
    """R6.1: the table names every place that the story passes, and how often, up to three times."""
    shutil.copytree(beginning, directory, dirs_exist_ok=True)
    belt = KeptBelt(directory)
    live(belt)
    passed = {(place, min(count, HITS)) for place, count in belt.deadly.counts.items()}
    belt.leave()

    assert passed == {(place, min(hits, HITS)) for place, hits in PLACES}
