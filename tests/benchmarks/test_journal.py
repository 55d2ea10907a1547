"""A journal of a million lines: to write one more, to walk it all, to prove one line.

A line is proved by the lines from it to the next signed checkpoint, a thousand at most as the
example settings have it: whoever holds that checkpoint computes the chain up to its head.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median

import pytest

from tests.fakes.ledgers import fresh_ledger
from treasury.cli.chain_of_hashes import hash_of
from treasury.ledger import Ledger, Session, journal, marks
from treasury.ledger.facts import Entry

pytestmark = pytest.mark.bench
LINES, IN_COMMIT, BETWEEN_CHECKPOINTS = 1_000_000, 1_000, 1_000
SINGLE = 500
MOST_APPEND_MS, MOST_VERIFY_S, MOST_PROOF_S = 2.0, 60.0, 0.050
_NAMES = [*("seq", "at", "actor", "kind", "subject", "body", "book_seq", "book_head"), "prev"]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger on the disk with a million journal lines."""
    opened = fresh_ledger(tmp_path_factory.mktemp("journal"))
    for start in range(0, LINES, IN_COMMIT):
        with opened.write() as session:
            for number in range(start, start + IN_COMMIT):
                _tell(session, number)
    yield opened
    opened.close()


def _tell(session: Session, number: int) -> None:
    body = {
        "from": "QUEUED",
        "to": "IN_FLIGHT",
        "why": "signed, as most lines say",
        "nonce": number,
    }
    marks.tell(session, "transfer_in_flight", f"transfer:{number}", body, now=number)


def _seconds(deed: Callable[[], object]) -> float:
    began = time.perf_counter()
    deed()
    return time.perf_counter() - began


def _cpu_seconds(deed: Callable[[], object]) -> float:
    began = time.process_time()
    deed()
    return time.process_time() - began


def test_one_more_line_costs_no_more_than_at_the_beginning(
    ledger: Ledger, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """R7.9: a commit of its own takes less than two milliseconds of processor time by median.

    What it takes by the clock is printed beside a bare flush of the same disk, measured in turn.
    """
    with (tmp_path_factory.getbasetemp() / "flushed").open("wb", buffering=0) as file:

        def flush_one() -> None:
            file.write(bytes(4_096))
            os.fsync(file.fileno())

        def write_one() -> None:
            with ledger.write() as session:
                _tell(session, LINES)

        spent, clock, flushed = [], [], []
        for _ in range(SINGLE):
            began = time.process_time()
            clock.append(_seconds(write_one))
            spent.append(time.process_time() - began)
            flushed.append(_seconds(flush_one))
    cpu, wall, flush = (median(times) * 1e3 for times in (spent, clock, flushed))
    told = f"{cpu:.2f} ms of CPU, {wall:.2f} ms by the clock where a flush takes {flush:.2f} ms"
    print(f"\njournal of {LINES:,} lines: one more costs {told}, by median")

    assert cpu < MOST_APPEND_MS


def test_the_whole_chain_is_walked_in_a_minute(ledger: Ledger) -> None:
    """R7.9: every hash of a million lines is computed anew."""
    with ledger.read() as session:
        began = time.process_time()
        found = journal.verify(session)
    spent = time.process_time() - began
    print(f"\njournal of {found.entries:,} lines: all of them verified in {spent:.1f} s of CPU")

    assert found.ok
    assert found.entries >= LINES
    assert spent < MOST_VERIFY_S


def test_one_line_is_proved_at_once(ledger: Ledger) -> None:
    """R7.9: the longest way to a checkpoint, fetched and computed by the client's own code."""
    first = LINES // 2
    with ledger.read() as session:
        point = journal.tail(session, after=first + BETWEEN_CHECKPOINTS - 1, limit=1)[0].hash

        def prove() -> None:
            lines = journal.tail(session, after=first, limit=BETWEEN_CHECKPOINTS)
            assert point == _head_of(lines)

        spent = min(_cpu_seconds(prove) for _ in range(5))
    print(f"\njournal of {LINES:,} lines: one line is proved in {spent * 1e3:.1f} ms of CPU")

    assert spent < MOST_PROOF_S


def _head_of(lines: Sequence[Entry]) -> str:
    head = lines[0].prev
    for line in lines:
        document = {name: getattr(line, name) for name in _NAMES}
        assert line.prev == head
        head = hash_of(document)
    return head
