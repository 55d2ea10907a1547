"""Address lists: the forms in which they are published, and what is wrong in them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import address_lists
from policies.address_lists import read_address_list
from tests.laws import address_of

LABELS = Path(__file__).parents[1] / "data/labels"
ONE, TWO = address_of("one"), address_of("two")


def test_a_published_list_of_sanctions_is_read() -> None:
    """One checksummed address a line."""
    found = read_address_list((LABELS / "sanctioned.txt").read_text())

    assert (12, ()) == (len(found.addresses), found.problems)
    assert "0x01e2919679362dFBC9ee1644Ba9C6da6D6245BB1" == found.addresses[0]


def test_a_published_table_of_phishing_is_read() -> None:
    """A CSV column named address, all lower case."""
    found = read_address_list((LABELS / "phishing.csv").read_text())

    assert (8, ()) == (len(found.addresses), found.problems)
    assert "0x000000000532b45f47779fce440748893b257865" == found.addresses[0].lower()


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE}\n{TWO}\n",
        f"# a list\n\n{ONE}  # the first\n{TWO} a name\n{ONE}\n",
        f"{ONE},first\n{TWO},second\n",
        f"whose,note\n{ONE},first\n\n{TWO},second\n",
        f"label,address\nfirst,{ONE}\nsecond,{TWO}\n",
        f"\ufeffbanned_address,tag\r\n{ONE},x\r\n{TWO},y\r\n",
        json.dumps([ONE, TWO]),
        json.dumps([{"address": ONE, "tag": "x"}, {"address": TWO}]),
        json.dumps({"addresses": [ONE, TWO], "source": "x"}),
    ],
)
def test_every_form_holds_the_same(text: str) -> None:
    """Text, CSV with and without a heading, JSON flat, of objects and within one."""
    found = read_address_list(text)

    assert ((ONE, TWO), ()) == (found.addresses, found.problems)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{ONE}\nnonsense\n", "line 2"),
        (ONE.replace("a", "A", 1).replace("b", "B", 1) + "\n" + ONE[:-1] + "\n", "line 2"),
        ("[1, 2", "JSON"),
        (json.dumps([{"who": ONE}]), "entry 1 (no key"),
        (json.dumps([ONE, 7]), "entry 2"),
        (f"address,tag\n{ONE}\n,x\n", "line 3"),
        (f"tag,address\nx,{ONE}\nx\n", "line 3"),
    ],
)
def test_what_is_no_address_is_told_with_its_place(text: str, problem: str) -> None:
    """A list that cannot be read in full is no list to rely on: every bad line is named."""
    found = read_address_list(text)

    assert any(line.startswith(problem) for line in found.problems), found.problems


@pytest.mark.parametrize("depth", [400, 100_000])
def test_brackets_without_end_are_a_problem(depth: int) -> None:
    """What is nested deeper than Python follows is no list; what it follows is an empty one."""
    before = sys.getrecursionlimit()
    # Libraries of the development chain raise it far beyond what the daemon has.
    sys.setrecursionlimit(1_000)
    try:
        found = read_address_list("[" * depth + "]" * (depth % 100_000))
    finally:
        sys.setrecursionlimit(before)

    assert not found.addresses
    assert (depth == 400) == (not found.problems)


def test_a_wrong_checksum_is_a_problem() -> None:
    """One letter of it is wrong, and nobody knows which."""
    index = next(i for i, letter in enumerate(ONE) if letter.isalpha() and i > 1)
    swapped = ONE[:index] + ONE[index].swapcase() + ONE[index + 1 :]

    assert "wrong checksum" in read_address_list(swapped).problems[0]


def test_twenty_bad_lines_are_named() -> None:
    """A wrong file as a whole must not fill a log; the first twenty say enough."""
    assert len(read_address_list("nonsense\n" * 19).problems) == 19
    assert len(read_address_list("nonsense\n" * 21).problems) == 20


def test_a_list_has_a_largest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without end is not read to its end; twice the same address counts once."""
    monkeypatch.setattr(address_lists, "MOST_ADDRESSES", 2)
    three = read_address_list(f"{ONE}\n{TWO}\n{address_of('three')}\n{address_of('four')}\n")

    assert read_address_list(f"{ONE}\n{TWO}\n{ONE}\n").problems == ()
    assert three.problems == ("line 3: more than 2 addresses",)


@given(st.text(max_size=300))
def test_nothing_makes_the_reader_fall(text: str) -> None:
    """Whatever a file holds, the answer is addresses and problems."""
    read_address_list(text)
