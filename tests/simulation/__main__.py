"""Play seeds from the command line.

python -m tests.simulation --seed 7            one run, with its events
python -m tests.simulation --seeds 0:1000      many runs; stops at the first broken promise
python -m tests.simulation --forever           until interrupted
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.simulation.play import Report, run_seed


def main() -> int:
    """Play what the command line asks for; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", default="0:200", help="FROM:TO, TO not included")
    parser.add_argument("--forever", action="store_true")
    parser.add_argument("--go-on", action="store_true", help="do not stop at a broken promise")
    chosen = parser.parse_args()
    if chosen.seed is not None:
        report = run_seed(chosen.seed, keeps_events=True)
        sys.stdout.write("\n".join(report.events) + "\n")
        return _tell(report)
    low, high = (int(part) for part in chosen.seeds.split(":"))
    return _many(low, sys.maxsize if chosen.forever else high, go_on=chosen.go_on)


def _many(low: int, high: int, *, go_on: bool) -> int:
    began, seen, bad = time.monotonic(), Counter[str](), 0
    edges: set[str] = set()
    played = 0
    for seed in range(low, high):
        report = run_seed(seed)
        seen.update(report.seen)
        edges |= report.edges
        played += 1
        if report.failure:
            bad += 1
            _tell(report)
            if not go_on:
                break
    took = time.monotonic() - began
    for name, count in sorted(seen.items()):
        sys.stdout.write(f"  {count:8} {name}\n")
    for edge in sorted(edges):
        sys.stdout.write(f"  edge {edge}\n")
    sys.stdout.write(f"{played} seeds, {bad} broke a promise, {took / played:.2f} s each\n")
    return 1 if bad else 0


def _tell(report: Report) -> int:
    if not report.failure:
        sys.stdout.write(f"seed {report.seed}: every promise kept; events {report.digest}\n")
        return 0
    sys.stdout.write(f"seed {report.seed}: {report.failure}\n  replay: {report.replay}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
