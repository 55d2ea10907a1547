"""The simulator itself: one seed is one schedule, and no seed of the range breaks a promise."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import structlog

from tests.simulation import sometimes, world
from tests.simulation.endpoints import has_liar
from tests.simulation.play import Report, run_seed

SEEDS = range(int(os.environ.get("SIMULATION_SEEDS", "24")))
_ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.crash


@pytest.mark.parametrize("seed", SEEDS)
def test_every_promise_is_kept_in_any_weather(seed: int) -> None:
    """R6.2, R6.3: safety at every step of a seed, and an honest end when its faults stop."""
    report = run_seed(seed)

    assert not report.failure, f"{report.failure}\nreplay: {report.replay}"


def test_the_same_seed_is_the_same_run() -> None:
    """R6.2: in another process, with other hashes, the same seed gives the same events."""
    command = [sys.executable, "-m", "tests.simulation", "--seed", "5"]
    lines = [
        subprocess.run(
            command,
            cwd=_ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for hash_seed in ("1", "2")
    ]

    assert lines[0] == lines[1]
    assert "every promise kept" in lines[0][-1]


def test_a_play_leaves_the_log_as_it_found_it() -> None:
    """It is silent itself; what another test waits to read there is its own business."""
    signer = logging.getLogger("hsm")
    before = (signer.level, structlog.get_config())

    run_seed(5)

    assert before == (signer.level, structlog.get_config())


def test_one_lying_endpoint_of_three_isolates_nobody_and_moves_nothing() -> None:
    """R4.8: a play through the daemon's own pool, with forged heads, balances, nonces, receipts."""
    seeds = [seed for seed in range(40) if has_liar(seed)][:3]
    reports = [run_seed(seed) for seed in seeds]
    lies = sum(count for r in reports for name, count in r.seen.items() if "liar" in name)

    assert [""] * 3 == [report.failure for report in reports]
    assert lies > 10


def test_every_edge_either_happens_or_says_why_not() -> None:
    """Over many seeds `python -m tests.simulation` requires every edge but these to be taken."""
    assert set(sometimes.UNREACHED) <= set(sometimes.edges())
    assert sometimes.missing({}, {}) == sorted(sometimes.FAULTS) + sorted(
        (set(sometimes.edges()) - set(sometimes.UNREACHED)) | sometimes.MARKS
    )


def test_a_failing_seed_tells_how_to_see_it_again() -> None:
    """R6.2: the replay is one line."""
    report = Report(seed=9, digest="", failure="I1: x", seen=Counter(), edges=frozenset())

    assert report.replay == "python -m tests.simulation --seed 9"


def test_what_is_remembered_changes_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """R6.2: a run that asks the file and the library each time is the same as one that is quick."""
    remembering = run_seed(3)
    monkeypatch.setattr(world, "quick", contextlib.nullcontext)
    monkeypatch.setattr(world, "recalled", contextlib.nullcontext)

    assert remembering.digest == run_seed(3).digest
