"""`denylist`: a file becomes a list in force, whole or not at all, and never an older one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policies.crypto import checksum_address
from tests.fakes.office import OfficeForTests
from tests.laws import address_of
from treasury.ledger import denylists

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Outcome, Terminal

pytestmark = pytest.mark.sockets
THIEF, MULE = address_of("thief"), address_of("mule")


def load(terminal: Terminal, path: Path, dated: str = "2026-01-01", *more: str) -> Outcome:
    """Load a file as the list "ofac"."""
    words = ["--source", "the office", "--dated", dated, *more]
    return terminal("denylist", "load", "ofac", str(path), *words)


def listed(office: OfficeForTests, *addresses: str) -> list[str]:
    """Return why those of the addresses are denied that are."""
    with office.ledger.read() as session:
        found = denylists.listed_among(session, addresses)  # type: ignore[arg-type]
    return sorted(reason.text for reason in found.values())


def test_a_list_is_in_force_with_source_day_and_digest(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path
) -> None:
    """The journal keeps whose word it was; the ledger denies whom it names, and nobody else."""
    path = tmp_path / "list.txt"
    path.write_text(f"{THIEF}\n")
    loaded = load(terminal, path)
    page = terminal("denylist", "list").out

    assert "1 addresses of ofac (2026-01-01) are denied" in loaded.out
    assert [f"{THIEF} stands on the list ofac of 2026-01-01 (the office)"] == listed(
        office, THIEF, MULE
    )
    assert "the office" in page
    assert (
        hashlib.sha256(path.read_bytes()).hexdigest() in terminal("journal", "tail", "--json").out
    )


def test_a_later_list_replaces_and_an_older_is_refused(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path
) -> None:
    """An old copy would take names off the list; the same list again changes nothing."""
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text(f"{THIEF}\n")
    second.write_text(f"{MULE}\n")
    load(terminal, first)
    load(terminal, second, "2026-02-01")
    again = load(terminal, second, "2026-02-01")
    older = load(terminal, first)

    assert (0, 1) == (again.code, older.code)
    assert "would take names off it" in older.err
    assert [f"{MULE} stands on the list ofac of 2026-02-01 (the office)"] == listed(
        office, THIEF, MULE
    )


def test_a_long_list_comes_in_parts_and_counts_only_whole(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path
) -> None:
    """Broken off in the middle, the list before stays in force; repeated, it is completed."""
    path = tmp_path / "long.txt"
    many = [checksum_address(number.to_bytes(20, "big")) for number in range(1, 2_501)]
    path.write_text("\n".join(many))
    with office.ledger.write() as session:
        part = denylists.Denylist(
            id=0, name="ofac", source="the office", dated="2026-01-01",
            digest=hashlib.sha256(path.read_bytes()).hexdigest(), addresses=2_500, loaded_at=0,
            is_active=False,
        )  # fmt: skip
        denylists.take_in(session, part, many[:1_000], now=office.clock.unix())
    before = listed(office, many[0])
    load(terminal, path)

    assert [] == before
    assert 2 == len(listed(office, many[0], many[-1]))


def test_a_file_with_bad_lines_is_refused_unless_they_are_left_out(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path
) -> None:
    """Whoever loads it says that the rest is good enough."""
    path = tmp_path / "bad.txt"
    path.write_text(f"{THIEF}\nnonsense\n")
    refused = load(terminal, path)
    skipped = load(terminal, path, "2026-01-01", "--skip-bad")

    assert 65 == refused.code
    assert "line 2" in refused.err
    assert "left out: line 2" in skipped.out
    assert 1 == len(listed(office, THIEF))
