"""The runbook: every alarm has its page, and every page can be reached."""

from __future__ import annotations

import re
from pathlib import Path

from policies.alarms import CATALOGUE

RUNBOOK = (Path(__file__).parents[2] / "systemd/RUNBOOK.md").read_text()


def anchors() -> list[str]:
    """Return the anchors of all pages, as they are made from headings."""
    headings = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
    return [re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def pages() -> list[str]:
    """Return the text of all pages, in the order of their anchors."""
    return re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]


def test_every_alarm_of_the_table_has_its_page() -> None:
    """Links lead somewhere, and no page is missing from the table."""
    table = re.findall(r"^\| .+ \| \[.+\]\(#(.+)\) \|$", RUNBOOK, re.MULTILINE)

    assert table == anchors()
    assert set(re.findall(r"\(#([a-z0-9-]+)\)", RUNBOOK)) <= set(anchors())


def test_every_page_is_reached_from_an_alarm_that_rings() -> None:
    """Whoever is woken finds each page: the alarm names it, or the page that the alarm names."""
    links = {
        anchor: set(re.findall(r"\(#([a-z0-9-]+)\)", page))
        for anchor, page in zip(anchors(), pages(), strict=True)
    }
    reached, fresh = set[str](), {ring.page for ring in CATALOGUE.values()}
    while fresh:
        reached |= fresh
        fresh = set().union(*(links[page] for page in fresh)) - reached

    assert set(anchors()) == reached


def test_the_table_names_what_rings() -> None:
    """Whoever reads the name of an alarm on a pager finds its page by that name."""
    rows = dict(re.findall(r"^\| (.+) \| \[.+\]\(#(.+)\) \|$", RUNBOOK, re.MULTILINE))
    named = {kind: page for text, page in rows.items() for kind in re.findall(r"`(\w+)`", text)}
    missing = {kind: ring.page for kind, ring in CATALOGUE.items() if named.get(kind) != ring.page}

    assert not missing


def test_every_page_says_what_it_means_and_what_to_do() -> None:
    """A page that only describes does not help at night."""
    silent = [
        page.splitlines()[0] for page in pages() if "**Do.**" not in page and "| do |" not in page
    ]

    assert not silent
