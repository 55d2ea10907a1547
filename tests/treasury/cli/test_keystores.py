"""Making a treasurer's own key: encrypted, never overwritten, and it signs for what it prints."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.treasury.cli.test_golden import compare
from treasury.cli import keystores
from treasury.cli.keystore import open_keystore
from treasury.cli.main import main


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Fewer rounds than a real key gets, in a folder of the test."""
    monkeypatch.setattr(keystores, "_SCRYPT_ROUNDS", 2)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """A file with a password."""
    path = tmp_path / "password.txt"
    path.write_text("a password\n")
    return path


def test_a_new_key_signs_for_the_address_that_is_printed(
    tmp_path: Path, password: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The roster takes what is printed; the password opens the file, and nobody else reads it."""
    code = main(["keystore", "new", "alice.json", "--password-file", str(password)])
    printed = capsys.readouterr().out
    key = open_keystore("alice.json", str(password))

    assert 0 == code
    assert f"alice.json signs for {key.address}\n" == printed
    assert 0o600 == stat.S_IMODE((tmp_path / "alice.json").stat().st_mode)
    assert key.secret.hex() not in (tmp_path / "alice.json").read_text()


def test_two_keys_differ(password: Path) -> None:
    """Keys are drawn."""
    for name in ("a.json", "b.json"):
        main(["keystore", "new", name, "--password-file", str(password)])

    first, second = (open_keystore(name, str(password)) for name in ("a.json", "b.json"))
    assert first.secret != second.secret


def test_a_key_is_never_overwritten(password: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What would be lost is a vote."""
    Path("alice.json").write_text("precious")
    code = main(["keystore", "new", "alice.json", "--password-file", str(password)])

    assert 2 == code
    assert "a key is never overwritten; name another file" in capsys.readouterr().err
    assert "precious" == Path("alice.json").read_text()


def test_a_typed_password_is_typed_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typing mistake must not lock the key for ever."""
    typed = iter(["a password", "a pasword", ""])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))

    assert 2 == main(["keystore", "new", "alice.json"])
    assert "the two passwords differ: nothing was written" in capsys.readouterr().err
    assert 2 == main(["keystore", "new", "alice.json"])
    assert "an empty password protects nothing" in capsys.readouterr().err
    assert not Path("alice.json").exists()


def test_the_address_is_shown_without_a_password(
    keystores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For the roster; a file that does not name it is told."""
    Path("alice.json").write_bytes((keystores / "alice.json").read_bytes())
    assert 0 == main(["keystore", "show", "alice.json"])
    compare("keystore_show", capsys.readouterr().out)
    Path("odd.json").write_text('{"crypto": {}}')
    assert 65 == main(["keystore", "show", "odd.json"])
    assert "odd.json: does not say its address" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_told(
    password: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, no traceback."""
    assert 65 == main(["keystore", "new", "no/alice.json", "--password-file", str(password)])
    assert "cannot be written: No such file or directory" in capsys.readouterr().err
