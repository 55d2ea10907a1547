"""Alarms: what rings, what ends it, who hears it next, and how long a try waits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from policies.alarms import (
    CATALOGUE,
    ENDINGS,
    LONGEST_PAUSE_S,
    NEWS,
    Severity,
    is_loud_enough,
    next_level,
    pause_after,
)

RUNBOOK = (Path(__file__).parents[2] / "systemd/RUNBOOK.md").read_text()


def level(*, told_s_ago: int, at: int = 0, last: int = 2, is_acknowledged: bool = False) -> object:
    """Return the next level of an alarm whose level `at` was told so long ago."""
    return next_level(
        level=at,
        last_level=last,
        told_at=1_000 - told_s_ago,
        is_acknowledged=is_acknowledged,
        now=1_000,
        silence_s=600,
    )


def test_silence_wakes_the_next_level_at_its_second() -> None:
    """One second before the end of the silence nobody is told, at its end the next level is."""
    early, due = level(told_s_ago=599), level(told_s_ago=600)

    assert (None, 1, 2) == (early, due, level(told_s_ago=600, at=1))


def test_nobody_is_above_the_last_level() -> None:
    """The last level has heard it; the alarm goes on ringing on the page alone."""
    assert level(told_s_ago=10_000, at=2) is None


def test_an_acknowledged_alarm_wakes_nobody() -> None:
    """Somebody took it on."""
    assert level(told_s_ago=10_000, is_acknowledged=True) is None


def test_loudness_is_ordered() -> None:
    """Critical is heard where warnings are wanted, a notice is not."""
    heard = [s for s in Severity if is_loud_enough(s, Severity.WARNING)]

    assert [Severity.WARNING, Severity.CRITICAL] == heard


@pytest.mark.parametrize(("tries", "pause_s"), [(1, 5), (2, 10), (3, 20), (10, 2_560)])
def test_pauses_double(tries: int, pause_s: int) -> None:
    """A receiver that is down is not hammered."""
    assert pause_s == pause_after(tries)


def test_pauses_have_an_end() -> None:
    """However often it failed, it is tried once an hour."""
    assert {LONGEST_PAUSE_S} == {pause_after(tries) for tries in (11, 12, 100, 10_000)}


def test_every_ending_ends_what_names_it() -> None:
    """The index of endings is the catalogue read backwards, nothing more."""
    pairs = {(end, kind) for kind, ring in CATALOGUE.items() for end in ring.ends}

    assert pairs == {(end, kind) for end, kinds in ENDINGS.items() for kind in kinds}
    assert not CATALOGUE.keys() & NEWS.keys()


def test_every_alarm_names_a_page_of_the_runbook() -> None:
    """Who is woken at night is told where to read on."""
    headings = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
    pages = {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings}

    assert not {ring.page for ring in CATALOGUE.values()} - pages
