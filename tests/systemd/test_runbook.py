"""The runbook: every alarm has its page, and every page can be reached."""

from __future__ import annotations

import re
from pathlib import Path

RUNBOOK = (Path(__file__).parents[2] / "systemd/RUNBOOK.md").read_text()


def anchors() -> list[str]:
    """Return the anchors of all pages, as they are made from headings."""
    headings = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
    return [re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_every_alarm_of_the_table_has_its_page() -> None:
    """Links lead somewhere, and no page is missing from the table."""
    table = re.findall(r"^\| .+ \| \[.+\]\(#(.+)\) \|$", RUNBOOK, re.MULTILINE)

    assert table == anchors()
    assert set(re.findall(r"\(#([a-z0-9-]+)\)", RUNBOOK)) <= set(anchors())


def test_every_page_says_what_it_means_and_what_to_do() -> None:
    """A page that only describes does not help at night."""
    pages = re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]
    silent = [
        page.splitlines()[0] for page in pages if "**Do.**" not in page and "| do |" not in page
    ]

    assert not silent
