"""The live view: bars that tell the truth at a glance, and pictures for log files."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.office import OfficeForTests
from tests.laws import ETH
from treasury.api.office import Health
from treasury.cli.main import main
from treasury.cli.watch import bar, picture

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Terminal

AMOUNTS = st.integers(min_value=0, max_value=2**128)


@given(AMOUNTS, st.tuples(AMOUNTS, AMOUNTS, AMOUNTS).map(sorted))
def test_bars_have_one_width(balance: int, band: list[int]) -> None:
    """Whatever the figures are, bars stand in one column."""
    floor, target, cap = band[0], band[1], band[2] + 1
    assert 41 == len(bar(balance, floor=floor, target=target, cap=cap))


@given(AMOUNTS, AMOUNTS)
def test_more_money_is_never_a_shorter_bar(one: int, other: int) -> None:
    """The filled part grows with the balance."""
    less, more = sorted((one, other))
    drawn = [
        bar(n, floor=2**126, target=2**127, cap=2**128).replace("|", "").count("=")
        for n in (less, more)
    ]
    assert drawn[0] <= drawn[1]


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        (0, "        |               |               ]"),
        (20, "========|               |               ]"),
        (100, "========|===============|===============]"),
        (101, "========|===============|===============>"),
    ],
)
def test_bars_show_floor_and_target(balance: int, expected: str) -> None:
    """Empty, at the floor, full, and above the cap."""
    assert expected == bar(balance, floor=20, target=60, cap=100)


def test_unknown_balance_is_no_empty_bar() -> None:
    """Nobody takes a failed reading for an empty wallet."""
    assert "?" * 40 + "]" == bar(None, floor=1, target=2, cap=3)


@pytest.mark.sockets
def test_one_picture_for_a_log_file(office: OfficeForTests, terminal: Terminal) -> None:
    """Without a terminal there are no colours and no cursor movements."""
    office.propose()
    office.see("hot-a", 4 * ETH)
    office.health = Health(signer="locked")
    found = terminal("watch", "--once")
    assert (0, "") == (found.code, found.err)
    assert "\x1b" not in found.out
    assert "main on devnet" in found.out
    assert re.search(r"hot-a +\[=.* 4 ETH below floor", found.out)
    assert re.search(r"hot-b standby +\[", found.out)
    assert "#1 PROPOSED: 40 ETH to hot-a, 0 of 2 approvals" in found.out
    assert "signer  locked" in found.out
    assert 100 >= max(len(line) for line in found.out.splitlines())


@pytest.mark.sockets
def test_colours_mark_what_needs_eyes(office: OfficeForTests, terminal: Terminal) -> None:
    """Below the floor is red on a terminal, and every colour is ended on its line."""
    office.see("hot-a", 4 * ETH)
    seen = terminal("watch", "--once", "--json").document
    lines = list(picture(seen, has_colours=True))
    red = [line for line in lines if line.startswith("\x1b[31m")]
    assert red
    assert all(line.endswith("\x1b[0m") for line in red)


@pytest.mark.sockets
def test_the_picture_says_how_long_it_lasts(office: OfficeForTests, terminal: Terminal) -> None:
    """The runway stands beside the bar once the outflow is measured."""
    office.see("hot-a", 40 * ETH)
    seen = terminal("watch", "--once", "--json").document
    (wallet,) = (w for w in seen["wallets"] if w["name"] == "hot-a")
    (asset,) = (a for a in wallet["assets"] if a["asset"] == "ETH")
    asset["runway_text"] = "123.4 h"
    (line,) = (x for x in picture(seen, has_colours=False) if "40 ETH" in x)
    assert line.endswith("40 ETH in band, 123.4 h left")
    assert 100 >= len(line)


@pytest.mark.sockets
def test_stopped_daemon_ends_a_single_picture(terminal: Terminal) -> None:
    """One picture of nobody is an error; a live view would wait."""
    assert 69 == terminal("watch", "--once", "--socket", "/nowhere").code
    assert ["treasury: gone"] == list(picture({"error": "gone"}, has_colours=False))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["treasuryctl", "ref"], ["refill"]),
        (["treasuryctl", "refill", "app"], ["approve"]),
        (["treasuryctl", "refill", "approve", "17", "--key"], ["--keystore"]),
        (["treasuryctl", "--json", "motion", "propose", "re"], ["resume", "reinstate", "retire"]),
        (["treasuryctl", "status", "--j"], ["--json"]),
    ],
)
def test_shell_completes_what_the_grammar_knows(
    typed: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The script is run by a real bash."""
    assert 0 == main(["completion", "bash"])
    script = capsys.readouterr().out
    words = " ".join(f"'{word}'" for word in typed)
    ask = (
        f"COMP_WORDS=({words}); COMP_CWORD={len(typed) - 1}; _treasuryctl; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    found = subprocess.run(["bash", "-c", script + ask], capture_output=True, text=True, check=True)
    assert expected == found.stdout.split()
