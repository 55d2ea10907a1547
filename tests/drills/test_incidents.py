"""Real thefts, replayed: isolated by the second malicious transaction, most of the value saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.law import Custody
from policies.outflow.proof import GRACE_BLOCKS
from tests.drills.incidents import MANDATORY, OTHERS, Case
from tests.drills.replay import Course, replay

MOST_LOST = 0.5
"""The part of the wallets' caps that no case may cost; every asset lay at its cap."""
CRUMB = 0.001
"""The share that the law lets be missing in shared custody: a test payment hides there."""
MOST_LEFT = 0.001
"""The part that may still lie there four blocks after the thief's last."""


def _prove(course: Course, *, first_block: int) -> None:
    assert course.isolated_after is not None, course.line()
    assert course.isolated_after <= max(2, first_block), course.line()
    assert course.lost_share <= MOST_LOST, course.line()
    assert course.left <= MOST_LEFT * course.held, course.line()


def _names(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", MANDATORY, ids=_names)
def test_a_real_theft_is_cut_off_at_once(directory: Path, quiet: None, case: Case) -> None:
    """R2.3: cut off no later than the second malicious transaction, within the share of the cap."""
    course = replay(directory, case)
    print(course.line())

    _prove(course, first_block=2)


@pytest.mark.soak
@pytest.mark.parametrize("case", OTHERS, ids=_names)
def test_every_other_theft_is_cut_off_too(directory: Path, quiet: None, case: Case) -> None:
    """R2.3: where several transactions came in the first block, cut off with that block."""
    course = replay(directory, case)
    print(course.line())

    _prove(course, first_block=len(case.blocks[0]))


@pytest.mark.soak
@pytest.mark.parametrize("case", [*MANDATORY, *OTHERS], ids=_names)
def test_in_shared_custody_a_theft_costs_the_grace_more(
    directory: Path, quiet: None, case: Case
) -> None:
    """R2.4: where an engine signs too, a late registration has two blocks; then it is proof."""
    course = replay(directory, case, custody=Custody.SHARED)
    print(course.line())
    began = next(n for n, block in enumerate(case.blocks) if any(t.share > CRUMB for t in block))
    within_grace = sum(len(block) for block in case.blocks[: began + GRACE_BLOCKS + 1])

    assert course.isolated_after is not None, course.line()
    assert course.isolated_after <= within_grace, course.line()
    assert course.left <= MOST_LEFT * course.held, course.line()


def test_a_burst_of_many_assets_is_cut_off(directory: Path, quiet: None) -> None:
    """R2.4: twenty tokens in a block give more reasons than fit, and are isolated."""
    (nobitex,) = (case for case in OTHERS if case.name == "Nobitex 2025")
    burst = tuple(take for block in nobitex.blocks[:10] for take in block)
    course = replay(directory, Case(name="burst", blocks=(burst,)))

    assert 20 == course.isolated_after == course.transactions
