"""What the pages tell people to type exists, and links lead somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from treasury.cli.grammar import build_parser
from treasury.daemon import main as treasuryd

ROOT = Path(__file__).parents[1]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "systemd").glob("*.md")),
]
_CODE = re.compile(r"`([^`\n]+)`|^ {0,4}(?:\.venv/bin/)?(treasury(?:ctl|d) .+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def commands(program: str) -> Iterator[tuple[str, list[str]]]:
    """Yield page and words of every command of a program that a page shows in full."""
    for page in PAGES:
        for inline, line in _CODE.findall(page.read_text().replace("\\\n", " ")):
            text = (inline or line).split(" #")[0].split(" |")[0].strip()
            text = text.removeprefix(".venv/bin/")
            if text.startswith(f"{program} ") and not set(text.split()) & {"…", "--help", '"$@";'}:
                yield page.name, shlex.split(text)[1:]


@pytest.mark.parametrize(("page", "words"), list(commands("treasuryctl")), ids=str)
def test_every_command_for_people_can_be_parsed(page: str, words: list[str]) -> None:
    """A runbook that names a command which does not exist is worse than none."""
    filled = ["1" if word == "N" else word for word in words]

    build_parser(filled).parse_args(filled)


def test_every_program_of_the_daemon_exists(capsys: pytest.CaptureFixture[str]) -> None:
    """The pages name only subcommands that `treasuryd --help` lists."""
    with pytest.raises(SystemExit):
        treasuryd(["--help"])
    listed = set(re.findall(r"^ {4}(\w+)", capsys.readouterr().out, re.MULTILINE))

    assert {words[0] for _, words in commands("treasuryd")} <= listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    """A page that was moved is found again by this test, not by a reader."""
    targets = _LINK.findall(page.read_text())

    assert not [target for target in targets if not (page.parent / target).exists()]
