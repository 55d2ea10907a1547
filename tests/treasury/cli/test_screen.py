"""Words for a terminal: nothing redraws the screen, nothing leaves its 100 columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasury.cli import screen


@given(st.text())
def test_no_text_reaches_the_terminal_unescaped(text: str) -> None:
    """R8.8: control characters, homoglyphs and right-to-left marks appear as escapes."""
    shown = screen.plain(text)
    assert shown.isascii()
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hot-a", "hot-a"),
        ("\x1b[2Jhot-a", "\\x1b[2Jhot-a"),
        ("h\u043et-a", "h\\u043et-a"),
        ("a\u202eb", "a\\u202eb"),
        ("two\nlines", "two\\nlines"),
        (None, "-"),
        (17, "17"),
    ],
)
def test_attacks_on_the_screen_are_shown_as_what_they_are(text: object, expected: str) -> None:
    """R8.8: an escape sequence, a Cyrillic letter, a direction mark, a second line."""
    assert expected == screen.plain(text)


@given(
    st.lists(st.lists(st.text(max_size=70), min_size=3, max_size=3), max_size=5),
)
def test_tables_keep_within_their_columns(rows: list[list[str]]) -> None:
    """However long a cell is, a line ends at 100 columns; one heading and one line per row."""
    lines = screen.table(("A", "B", "C"), rows)
    assert 1 + len(rows) == len(lines)
    assert all(len(line) <= screen.WIDTH for line in lines)


def test_words_give_way_to_figures_in_a_crowded_table() -> None:
    """A long name is shortened visibly before a figure or the last column is lost."""
    name = "payouts-of-the-whole-company-in-asia"
    row = (name, "hot-wallet-of-singapore-number-1", "123456.123456.. USDC", "BELOW FLOOR")
    lines = screen.table(("POOL", "ACTIVE", "BALANCE", "STANDING"), [row])
    assert 100 >= max(map(len, lines))
    assert lines[1].endswith("123456.123456.. USDC  BELOW FLOOR")
    crowded = screen.table(("A", "B", "C", "D"), [(name, name, name, "1" * 30)])
    assert crowded[1].endswith("1" * 30)
    assert ".." in crowded[1]


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=["C"]), max_size=500))
def test_wrapping_loses_no_letter(text: str) -> None:
    """Long text goes on below; only the spaces at which it was broken are gone."""
    lines = screen.wrapped(text, indent="  ")
    assert all(len(line) <= screen.WIDTH for line in lines)
    assert text.replace(" ", "") == "".join(lines).replace(" ", "")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d 0 h"),
        (10 * 86_400 + 7200, "10 d 2 h"),
    ],
)
def test_durations_have_two_units(seconds: int, expected: str) -> None:
    """Boundaries of seconds, minutes, hours and days."""
    assert expected == screen.duration(seconds)


def test_times_are_told_both_ways() -> None:
    """Relative for people, absolute in UTC for logs; what is no time is a dash."""
    assert "in 1 min 0 s (2026-01-02 12:01:00 UTC)" == screen.moment(1_767_355_260, 1_767_355_200)
    assert "1 min 0 s ago (2026-01-02 12:00:00 UTC)" == screen.moment(1_767_355_200, 1_767_355_260)
    assert "-" == screen.moment(None, 0)
    assert "-" == screen.clock(2**60)
    assert "-" == screen.clock("noon")


def test_digest_is_grouped_by_four() -> None:
    """R8.6: sixteen groups of four digits can be read over the telephone."""
    assert "abcd ef01" == screen.grouped("0xabcdef01")


def test_long_amounts_are_shortened_visibly_in_tables() -> None:
    """Two dots say that digits were left out; six decimals stay."""
    assert "0.123456.. ETH" == screen.brief("0.123456789 ETH")
    assert "0.123456 ETH" == screen.brief("0.123456 ETH")
    assert "1234567890 WEI" == screen.brief("1234567890 WEI")
