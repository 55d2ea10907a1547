"""Break the code on purpose, one small change at a time, and see whether a test notices.

Every mutant is one changed comparison, operator, constant or condition (`mutants`). It is written
into a copy of the tree, and only the tests that pass its line run there, until the first one fails
(`mutant_yard`). A mutant that no test notices survives and is printed with file and line;
`tests/MUTANTS.md` says of the known ones why they may live.

    make mutation ARGS="--sample 100 --seed 7 --file policies/bands.py --floor 85"
    make mutation ARGS="--sender"         every mutant of the stations that sign and send

Without `--sample` every mutant is tried. Exit code 1 when the share of noticed ones is below the
floor.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from mutant_yard import Yard, copy_tree, measure
from mutants import ROOT, Mutant, mutants_of

SENDER = (
    "treasury/orders/sending.py",
    "treasury/orders/settling.py",
    "treasury/orders/signing.py",
    "treasury/orders/together.py",
    "treasury/stations/adopt.py",
    "treasury/stations/carry.py",
    "treasury/stations/confirm.py",
    "treasury/stations/dispatch.py",
    "treasury/stations/listen.py",
    "treasury/stations/tend.py",
)
_yard: list[Yard] = []


def main() -> int:
    """Draw mutants, try them, print the survivors and the score."""
    chosen = _arguments()
    files = chosen.file or (list(SENDER) if chosen.sender else _law())
    mutants = [mutant for file in files for mutant in mutants_of(ROOT / file)]
    drawn = _drawn(mutants, chosen.sample, chosen.seed)
    print(f"{len(mutants)} possible mutants, {len(drawn)} tried", flush=True)
    with tempfile.TemporaryDirectory(prefix="treasury-mutants-") as folder:
        try:
            reach = measure(files, copy_tree(Path(folder) / "measured"))
        except RuntimeError as error:
            print(error)
            return 1
        print(f"{len(reach)} lines are passed by tests", flush=True)
        context = multiprocessing.get_context("fork")
        with context.Pool(chosen.workers, _begin, (folder, reach)) as pool:
            return _score(chosen.floor, drawn, pool.imap(_try, drawn))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Break the code on purpose.")
    parser.add_argument("--file", action="append", help="only this file; may be repeated")
    parser.add_argument("--sender", action="store_true", help="the stations that sign and send")
    parser.add_argument("--sample", type=int, help="how many mutants (all)")
    parser.add_argument("--seed", type=int, default=1, help="which mutants (1)")
    parser.add_argument("--workers", type=int, default=2, help="how many at once (2)")
    parser.add_argument("--floor", type=float, default=85, help="share that must be noticed, in %%")
    return parser.parse_args()


def _law() -> list[str]:
    return [str(file.relative_to(ROOT)) for file in sorted((ROOT / "policies").rglob("*.py"))]


def _drawn(mutants: list[Mutant], sample: int | None, seed: int) -> list[Mutant]:
    count = len(mutants) if sample is None else min(sample, len(mutants))
    drawn = random.Random(seed).sample(mutants, count)  # noqa: S311
    return sorted(drawn, key=lambda one: (one.file, one.place))


def _begin(folder: str, reach: dict[tuple[str, int], list[str]]) -> None:
    _yard.append(Yard(Path(tempfile.mkdtemp(dir=folder)), reach))


def _try(mutant: Mutant) -> bool:
    return _yard[0].is_noticed(mutant)


def _score(floor: float, drawn: list[Mutant], found: object) -> int:
    noticed: Counter[str] = Counter()
    for mutant, is_noticed in zip(drawn, found, strict=True):  # type: ignore[call-overload]
        noticed[mutant.file] += is_noticed
        if not is_noticed:
            print(f"survived: {mutant.file}:{mutant.line}: {mutant.change}", flush=True)
    tried = Counter(mutant.file for mutant in drawn)
    for file, count in sorted(tried.items()):
        print(f"{file}: {noticed[file]} of {count}")
    total = noticed.total()
    score = 100 * total / len(drawn) if drawn else 100.0
    print(f"{total} of {len(drawn)} noticed: {score:.1f} % (floor {floor:g} %)")
    return 0 if score >= floor else 1


if __name__ == "__main__":
    sys.exit(main())
