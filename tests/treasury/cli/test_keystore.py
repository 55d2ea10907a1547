"""Keystores: the right password signs, everything else is one clear line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policies.crypto import recover_address
from tests.laws import address_of
from treasury.cli.exits import CommandError
from treasury.cli.keystore import open_keystore


def test_key_signs_for_its_address(keystores: Path) -> None:
    """The address is computed from the key, never read from the file."""
    key = open_keystore(str(keystores / "alice.json"), str(keystores / "password"))
    signature = key.sign(b"\5" * 32)
    assert address_of("alice") == key.address == recover_address(b"\5" * 32, signature)
    assert signature[64] in (27, 28)


def test_key_is_not_shown(keystores: Path) -> None:
    """The representation that a traceback would print has no secret in it."""
    key = open_keystore(str(keystores / "alice.json"), str(keystores / "password"))
    assert key.secret.hex() not in repr(key)
    assert repr(key.secret) not in repr(key)


def test_password_may_be_typed(keystores: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a password file the password is asked for, unseen."""
    monkeypatch.setattr("getpass.getpass", lambda _prompt: "a password")
    assert address_of("bob") == open_keystore(str(keystores / "bob.json"), None).address


def test_nobody_at_the_terminal_is_told(keystores: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of input is no empty password."""

    def nobody(_prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("getpass.getpass", nobody)
    with pytest.raises(CommandError, match="use a terminal, or name a file that holds it"):
        open_keystore(str(keystores / "bob.json"), None)


def test_missing_option_is_named() -> None:
    """A command that signs needs a key."""
    with pytest.raises(CommandError, match="Name it with --keystore FILE") as caught:
        open_keystore(None, None)
    assert 2 == caught.value.code


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is no keystore: not JSON"),
        (b"\xff\xfe", "is no keystore"),
        (b"[]", "it has no `crypto` part"),
        (b'{"version": 3}', "it has no `crypto` part"),
        (b'{"version": 3, "crypto": {}}', "is no keystore"),
        (b'{"version": 9, "crypto": {}}', "keystore|cannot be opened"),
    ],
)
def test_damaged_keystore_is_one_line(
    tmp_path: Path, keystores: Path, content: bytes, told: str
) -> None:
    """Whatever the file is, the end is exit code 65 and one sentence."""
    path = tmp_path / "key.json"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=told) as caught:
        open_keystore(str(path), str(keystores / "password"))
    assert 65 == caught.value.code
    assert "\n" not in str(caught.value)


def test_wrong_password_is_told(tmp_path: Path, keystores: Path) -> None:
    """A slip of the password is not a damaged file."""
    password = tmp_path / "password"
    password.write_text("another\n")
    with pytest.raises(CommandError, match="cannot be opened: wrong password"):
        open_keystore(str(keystores / "alice.json"), str(password))


def test_address_written_in_the_file_is_not_believed(tmp_path: Path, keystores: Path) -> None:
    """A keystore that claims another address signs for its own."""
    document = json.loads((keystores / "alice.json").read_text())
    document["address"] = address_of("bob")[2:].lower()
    path = tmp_path / "key.json"
    path.write_text(json.dumps(document))
    assert address_of("alice") == open_keystore(str(path), str(keystores / "password")).address
