"""What goes to the signer directly: status, isolation, vetoes, and a law from genesis on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policies.law import law_digest
from tests.fakes.law_file import as_toml
from tests.fakes.signer_room import signer_at
from tests.laws import address_of, make_law

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Terminal

pytestmark = pytest.mark.sockets


@pytest.fixture
def signer(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A signer with the law of the tests in force; people find it by the environment."""
    terminal.later_s = 0
    folder = tmp_path / "signer"
    folder.mkdir()
    with signer_at(folder, terminal.office.clock) as path:
        monkeypatch.setenv("TREASURY_SIGNER", str(path))
        yield path


@pytest.fixture
def empty_signer(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A signer before genesis."""
    terminal.later_s = 0
    folder = tmp_path / "signer"
    folder.mkdir()
    with signer_at(folder, terminal.office.clock, adopt=False) as path:
        monkeypatch.setenv("TREASURY_SIGNER", str(path))
        yield path


@pytest.fixture
def law_file(tmp_path: Path) -> Path:
    """The law of the tests as a file that a person wrote."""
    path = tmp_path / "law.toml"
    path.write_text(as_toml(make_law().document))
    return path


def test_status_comes_from_the_signer_itself(signer: Path, terminal: Terminal) -> None:
    """Tokens, nonces, law and deployment without the daemon."""
    found = terminal("signer", "status")
    assert (0, "") == (found.code, found.err)
    assert "Signer: ready" in found.out
    assert "0x" + law_digest(make_law().law).hex() in found.out
    assert "hot-a" in found.out
    assert "daemon       hears number 0, and none before it" in found.out
    assert 100 >= max(len(line) for line in found.out.splitlines())


def test_one_person_isolates(signer: Path, terminal: Terminal) -> None:
    """R8.11: isolation needs nobody else, and is remembered in the signer's book."""
    assert 0 == terminal("isolate", "hot-a", "--why", "a drill").code
    assert ["hot-a"] == terminal("signer", "status", "--json").document["isolated"]


def test_unknown_wallet_is_refused_by_the_signer(signer: Path, terminal: Terminal) -> None:
    """A slip is one clear line and exit code 1."""
    found = terminal("isolate", "hot-z", "--why", "a drill")
    assert 1 == found.code
    assert "treasuryctl: the signer refused: 'hot-z' is not in the law\n" == found.err


def test_one_person_freezes_the_signer(signer: Path, terminal: Terminal) -> None:
    """R8.11: nothing toward exposure is signed from now on, whatever the daemon wants."""
    assert 0 == terminal("signer", "freeze", "--why", "the daemon is odd").code
    assert "Signer: ready, FROZEN" in terminal("signer", "status").out


def test_pin_goes_to_the_signer_and_nowhere_else(
    signer: Path, terminal: Terminal, tmp_path: Path
) -> None:
    """A token that is not attended takes no PIN; the words of the refusal have none either."""
    pin = tmp_path / "pin"
    pin.write_text("4711-secret\n")
    found = terminal("signer", "unlock", "warm", "--pin-file", str(pin))
    assert 1 == found.code
    assert "treasuryctl: the signer refused: 'warm' is no attended token\n" == found.err
    assert 1 == terminal("signer", "lock", "no-such-token").code


def test_veto_reaches_the_signer_without_the_daemon(signer: Path, terminal: Terminal) -> None:
    """A daemon can neither delay nor swallow a veto."""
    digest = "0x" + "ab" * 32
    found = terminal("veto", digest, *terminal.key("alice", is_asked=True))
    assert (0, "") == (found.code, found.err)
    assert f"the signer keeps the veto of {address_of('alice')}" in found.out


def test_veto_of_a_stranger_is_refused(signer: Path, terminal: Terminal) -> None:
    """Only treasurers veto."""
    found = terminal("veto", "0x" + "ab" * 32, *terminal.key("stranger", is_asked=True))
    assert 1 == found.code
    assert "is no treasurer" in found.err


def test_veto_needs_the_digest(signer: Path, terminal: Terminal) -> None:
    """The signer knows no numbers of the daemon's ledger."""
    found = terminal("veto", "17", *terminal.key("alice", is_asked=True))
    assert 2 == found.code
    assert "write the 0x-id of #17" in found.err


def test_genesis_from_files_alone(
    empty_signer: Path, terminal: Terminal, law_file: Path, tmp_path: Path
) -> None:
    """Two treasurers sign one after the other; the signer adopts; the law is in force."""
    collected = tmp_path / "adoption.json"
    first = terminal("law", "sign", str(collected), "--law", str(law_file), *terminal.key("alice"))
    assert (0, f"{collected}: 1 signature\n") == (first.code, first.out)
    too_early = terminal("law", "adopt", str(collected))
    assert 1 == too_early.code
    assert "1 of 2 approvals" in too_early.err
    assert 0 == terminal("law", "sign", str(collected), *terminal.key("bob")).code
    adopted = terminal("law", "adopt", str(collected))
    assert (0, "") == (adopted.code, adopted.err)
    digest = "0x" + law_digest(make_law().law).hex()
    assert digest in adopted.out
    assert digest == terminal("signer", "status", "--json").document["lawDigest"]


def test_same_signature_twice_stays_one(
    empty_signer: Path, terminal: Terminal, law_file: Path, tmp_path: Path
) -> None:
    """Signing again does not look like a second person."""
    collected = tmp_path / "adoption.json"
    for _ in range(2):
        terminal("law", "sign", str(collected), "--law", str(law_file), *terminal.key("alice"))
    assert 1 == len(json.loads(collected.read_text())["signatures"])


def test_altered_adoption_is_not_signed(
    empty_signer: Path, terminal: Terminal, law_file: Path, tmp_path: Path
) -> None:
    """R8.1: a file whose law was exchanged after the first signature is refused."""
    collected = tmp_path / "adoption.json"
    terminal("law", "sign", str(collected), "--law", str(law_file), *terminal.key("alice"))
    document = json.loads(collected.read_text())
    document["law"] = document["law"].replace('"quorum":2', '"quorum":1')
    collected.write_text(json.dumps(document))
    found = terminal("law", "sign", str(collected), *terminal.key("bob"))
    assert 65 == found.code
    assert "the motion in the file does not adopt the law in the file" in found.err


def test_adoption_for_another_deployment_is_not_signed(
    empty_signer: Path, terminal: Terminal, law_file: Path, tmp_path: Path
) -> None:
    """R8.2: consent is bound to one deployment."""
    collected = tmp_path / "adoption.json"
    terminal("law", "sign", str(collected), "--law", str(law_file), *terminal.key("alice"))
    document = json.loads(collected.read_text())
    document["deployment"] = "0x" + "55" * 32
    collected.write_text(json.dumps(document))
    found = terminal("law", "sign", str(collected), *terminal.key("bob"))
    assert 65 == found.code
    assert "was made for another deployment" in found.err


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"motion": 1, "law": 2}', "\x00"])
def test_file_of_another_kind_is_refused(
    empty_signer: Path, terminal: Terminal, tmp_path: Path, text: str
) -> None:
    """A wrong file is one clear line and exit code 65."""
    path = tmp_path / "other.json"
    path.write_text(text)
    found = terminal("law", "adopt", str(path))
    assert 65 == found.code
    assert "was not made by `law sign`" in found.err


def test_stopped_signer_is_one_line(terminal: Terminal, tmp_path: Path) -> None:
    """A signer that does not run has its own exit code and says what to do."""
    found = terminal("signer", "status", "--signer", str(tmp_path / "nobody.sock"))
    assert 69 == found.code
    assert 1 == found.err.count("\n")
    assert "name another socket with --signer" in found.err


def test_law_is_shown_before_it_is_signed(
    empty_signer: Path,
    terminal: Terminal,
    law_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R8.6: treasurers and wallets with full addresses, both digests; a no signs nothing."""
    import io

    collected = tmp_path / "adoption.json"
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    key = terminal.key("alice", is_asked=True)
    found = terminal("law", "sign", str(collected), "--law", str(law_file), *key)
    assert 1 == found.code
    assert address_of("carol") in found.out
    assert address_of("vault") in found.out
    assert "2 of 3 carry a motion" in found.out
    assert not collected.exists()


@pytest.mark.parametrize(
    ("law", "code", "told"),
    [(None, 2, "which law? Name its file with --law FILE"), ("no.toml", 65, "cannot be read")],
)
def test_missing_law_is_told(  # noqa: PLR0917 - fixtures
    empty_signer: Path,
    terminal: Terminal,
    tmp_path: Path,
    law: str | None,
    code: int,
    told: str,
) -> None:
    """A first signature needs the law itself."""
    words = [] if law is None else ["--law", str(tmp_path / law)]
    found = terminal("law", "sign", str(tmp_path / "a.json"), *words, *terminal.key("alice"))
    assert code == found.code
    assert told in found.err


def test_expired_adoption_is_not_signed(
    empty_signer: Path, terminal: Terminal, law_file: Path, tmp_path: Path
) -> None:
    """R8.2: a file that lay about too long is begun anew."""
    collected = tmp_path / "adoption.json"
    terminal("law", "sign", str(collected), "--law", str(law_file), *terminal.key("alice"))
    terminal.later_s = 4 * 86_400
    found = terminal("law", "sign", str(collected), *terminal.key("bob"))
    assert 65 == found.code
    assert "has expired: begin a new file" in found.err


def test_law_in_force_is_shown_with_its_own_digest(terminal: Terminal) -> None:
    """The digest is computed here from the text that the daemon sends."""
    found = terminal("law", "show", "--json")
    assert "0x" + law_digest(make_law().law).hex() == found.document["digest"]
    assert 2 == found.document["law"]["roster"]["quorum"]
