"""Play seeds from the command line.

python -m tests.simulation --seed 7            one run, with its events
python -m tests.simulation --seeds 0:1000      many runs; stops at the first broken promise
python -m tests.simulation --forever           until interrupted
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.simulation import sometimes
from tests.simulation.play import Report, run_seed, settle_memory

ENOUGH = 1_000
"""From so many seeds on, everything that can happen must have happened."""

_NEWS_EVERY = 100


def main() -> int:
    """Play what the command line asks for; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", default="0:200", help="FROM:TO, TO not included")
    parser.add_argument("--forever", action="store_true")
    parser.add_argument("--go-on", action="store_true", help="do not stop at a broken promise")
    parser.add_argument("--workers", type=_workers, default=1, help="processes, or auto")
    parser.add_argument("--table", action="store_true", help="show what happened how often")
    chosen = parser.parse_args()
    if chosen.seed is not None:
        report = run_seed(chosen.seed, keeps_events=True)
        sys.stdout.write("\n".join(report.events) + "\n")
        return _tell(report)
    low, high = (int(part) for part in chosen.seeds.split(":"))
    total = Total()
    # Interrupting is how a run without an end ends, also one that `nohup` began.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        _play(range(low, sys.maxsize if chosen.forever else high), total, chosen)
    return total.tell(with_table=chosen.table)


def _play(seeds: range, total: Total, chosen: argparse.Namespace) -> None:
    for report in _reports(seeds, chosen.workers):
        total.add(report)
        if report.failure:
            _tell(report)
            if not chosen.go_on:
                return


def _workers(text: str) -> int:
    return os.cpu_count() or 1 if text == "auto" else int(text)


def _reports(seeds: range, workers: int) -> Iterator[Report]:
    if workers == 1:
        settle_memory()
        yield from map(run_seed, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(workers, settle_memory) as pool:
        yield from pool.imap(run_seed, seeds, chunksize=4)


class Total:
    """What all seeds of a range did together."""

    def __init__(self) -> None:
        """Begin to count."""
        self.began = time.monotonic()
        self.seen: Counter[str] = Counter()
        self.edges: Counter[str] = Counter()
        self.played = 0
        self.bad = 0
        self.events = hashlib.sha256()

    def add(self, report: Report) -> None:
        """Count one seed."""
        self.seen.update(report.seen)
        self.edges.update(report.edges)
        self.events.update(bytes.fromhex(report.digest))
        self.played += 1
        self.bad += bool(report.failure)
        if self.played % _NEWS_EVERY == 0:
            sys.stdout.write(f"{self.played} seeds, {self.bad} broke a promise\n")
            sys.stdout.flush()

    def tell(self, *, with_table: bool) -> int:
        """Write the result; 1 when a promise was broken, or something never happened."""
        took = time.monotonic() - self.began
        if with_table:
            for counts in (self.seen, self.edges):
                for name, count in sorted(counts.items()):
                    sys.stdout.write(f"  {count:8} {name}\n")
        missing = sometimes.missing(self.seen, self.edges) if self.played >= ENOUGH else []
        for name in missing:
            sys.stdout.write(f"never happened: {name}\n")
        sys.stdout.write(
            f"{self.played} seeds, {self.bad} broke a promise, events {self.events.hexdigest()}\n"
        )
        sys.stdout.write(f"{took / max(1, self.played):.2f} s each\n")
        return 1 if self.bad or missing else 0


def _tell(report: Report) -> int:
    if not report.failure:
        sys.stdout.write(f"seed {report.seed}: every promise kept; events {report.digest}\n")
        return 0
    sys.stdout.write(f"seed {report.seed}: {report.failure}\n  replay: {report.replay}\n")
    sys.stdout.flush()
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
