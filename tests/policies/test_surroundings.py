"""Surroundings: whatever would let somebody past a program is named, all at once."""

from __future__ import annotations

from policies.surroundings import Surroundings, judge_surroundings


def test_nothing_stands_against_a_place_of_its_own() -> None:
    """A user of its own, private folders, settings of root, nothing on a disk."""
    assert () == judge_surroundings(Surroundings())


def test_everything_that_is_wrong_is_said_at_once() -> None:
    """Whoever mends a machine hears all of it, each with what to do."""
    worst = Surroundings(
        is_root=True, loose=("/var/a", "/var/b"), writable=("/etc/c",), leaves_core=True, swaps=True
    )
    found = judge_surroundings(worst)

    assert [
        "is_root", "loose_folder", "loose_folder", "writable_settings", "leaves_core", "swaps",
    ] == [reason.code for reason in found]  # fmt: skip
    assert ["/var/a", "/var/b", "/etc/c"] == [reason.text.split()[0] for reason in found[1:4]]
    assert all(":" in reason.text for reason in found)
