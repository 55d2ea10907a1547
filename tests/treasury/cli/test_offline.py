"""R8.10: terms travel to a machine without a network and come back signed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policies.lifecycles import RefillState
from tests.fakes.law_file import as_toml
from tests.fakes.office import OfficeForTests
from tests.laws import address_of, make_law

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Terminal

pytestmark = pytest.mark.sockets


@pytest.fixture
def law_file(tmp_path: Path) -> str:
    """The treasurer's own copy of the law."""
    path = tmp_path / "own-law.toml"
    path.write_text(as_toml(make_law().document))
    return str(path)


def exported(terminal: Terminal, folder: Path, *more: str) -> Path:
    """Export number 1 into a file."""
    found = terminal("terms", "export", "1", *more)
    assert (0, "") == (found.code, found.err)
    path = folder / "terms.json"
    path.write_text(found.out)
    return path


def test_refill_is_signed_without_a_network(
    office: OfficeForTests,
    terminal: Terminal,
    tmp_path: Path,
    law_file: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R8.10: export, sign where no daemon is, import: one approval."""
    office.propose()
    path = exported(terminal, tmp_path)
    with monkeypatch.context() as away:
        away.setenv("TREASURY_API", "/nowhere")
        signed = terminal("terms", "sign", str(path), "--law", law_file, *terminal.key("alice"))
    assert 0 == signed.code
    assert "40 ETH" in signed.err
    assert "LAW, your own copy" in signed.err
    path.write_text(signed.out)
    found = terminal("terms", "import", str(path), "--law", law_file)
    assert (0, "#1: handed in, approvals so far: 1\n") == (found.code, found.out)
    assert [address_of("alice")] == terminal("refill", "show", "1", "--json").document[
        "approved_by"
    ]


def test_motion_is_signed_without_a_network(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path, law_file: str
) -> None:
    """R8.10: motions travel with their payload."""
    terminal.later_s = 0
    terminal("motion", "propose", "retire", "wallet=hot-b", *terminal.key("carol"))
    path = exported(terminal, tmp_path, "--motion")
    signed = terminal("terms", "sign", str(path), "--law", law_file, *terminal.key("bob"))
    path.write_text(signed.out)
    assert 0 == terminal("terms", "import", str(path), "--law", law_file).code


def test_altered_file_is_not_signed(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path, law_file: str
) -> None:
    """R8.1: whoever carries the file cannot change what is signed."""
    office.propose()
    path = exported(terminal, tmp_path)
    document = json.loads(path.read_text())
    document["terms"]["to"] = address_of("thief")
    path.write_text(json.dumps(document))
    found = terminal("terms", "sign", str(path), "--law", law_file, *terminal.key("alice"))
    assert (65, "") == (found.code, found.out)
    assert "NOT ONE OF OUR WALLETS" in found.err


def test_own_law_is_required(office: OfficeForTests, terminal: Terminal, tmp_path: Path) -> None:
    """Offline there is no daemon whose law could be shown instead."""
    office.propose()
    path = exported(terminal, tmp_path)
    found = terminal("terms", "sign", str(path), *terminal.key("alice"))
    assert 2 == found.code
    assert "your own copy of the law is needed: --law FILE" in found.err


def test_unsigned_and_late_documents_are_refused(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path, law_file: str
) -> None:
    """What was never signed, or came after the end, is one clear line."""
    office.propose()
    path = exported(terminal, tmp_path)
    unsigned = terminal("terms", "import", str(path), "--law", law_file)
    assert 65 == unsigned.code
    assert "is not signed: `terms sign` first" in unsigned.err
    signed = terminal("terms", "sign", str(path), "--law", law_file, *terminal.key("alice"))
    path.write_text(signed.out)
    office.move_refill(1, RefillState.REJECTED)
    late = terminal("terms", "import", str(path), "--law", law_file)
    assert 1 == late.code
    assert "refill 1 is REJECTED" in late.err


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind_of_terms": "gifts"}', "\x00"])
def test_other_files_are_refused(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path, law_file: str, text: str
) -> None:
    """A wrong file is one clear line."""
    path = tmp_path / "x.json"
    path.write_text(text)
    found = terminal("terms", "sign", str(path), "--law", law_file, *terminal.key("alice"))
    assert 65 == found.code
    assert "was not made by `terms export`" in found.err
