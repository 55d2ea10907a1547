"""signer.toml is read strictly: every problem is told, with key, value and what to do."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from hsm.errors import SettingsError
from hsm.settings import Settings, load_settings, parse_settings
from tests.fakes.vault_room import settings_document


def parse(document: dict[str, object]) -> Settings:
    """Parse a document as signer.toml."""
    return parse_settings(document, source="signer.toml", base=Path("/etc/treasury"))


def good() -> dict[str, Any]:
    """Return a good document."""
    return copy.deepcopy(settings_document({"vault": "01", "hot": "02"}, bytes(range(64))))


def test_paths_are_relative_to_the_file() -> None:
    """Relative paths start at the settings' directory."""
    assert Path("/etc/treasury/book.sqlite3") == parse(good()).book


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("colour", "red", "signer.toml: colour = 'red': unknown key"),
        ("profile", "staging", "profile = 'staging': write one of"),
        ("keys.vault.token", "nope", "keys.vault.token = 'nope': no such token"),
        ("keys.vault.cka_id", "xyz", "keys.vault.cka_id = 'xyz': write 1 to 64 bytes"),
        ("keys.vault.public_key", "00", "keys.vault.public_key = '00': write 64 bytes"),
        ("keys.vault.imported", "yes", "keys.vault.imported = 'yes': write true or false"),
        ("keys.vault.curve", "p256", "keys.vault.curve: checkpoints use p256"),
        ("keys.vault.purpose", "checkpoint", "keys.vault.curve: checkpoints use p256"),
        ("keys.hot-a.cka_id", "03", "is the same as keys.hot-a"),
        ("tokens.vault.serial", "02", "tokens.hot: is the same as tokens.vault"),
        ("tokens.vault.mode", "attended", "an attended token has no stored PIN"),
        ("tokens.vault.pin_credential", "", "tokens.vault.pin_credential = ''"),
        ("profile", "production", "production refuses imported keys"),
        ("sockets.third", "x", "sockets.third = 'x': unknown key"),
    ],
)
def test_every_problem_is_told(path: str, value: object, told: str) -> None:
    """One line names file, key, value and advice."""
    document = good()
    *parents, last = path.split(".")
    place = document
    for step in parents:
        place = place[step]
    place[last] = value
    with pytest.raises(SettingsError) as caught:
        parse(document)

    assert told in str(caught.value)


def test_a_token_without_a_serial_is_no_token() -> None:
    """A token is known by its serial alone: labels can be copied (R3.15)."""
    document = good()
    del document["tokens"]["vault"]["serial"]
    with pytest.raises(SettingsError, match=r"tokens\.vault\.serial: missing"):
        parse(document)


def test_one_key_has_one_use() -> None:
    """The same key, under two names or for two kinds of work, is refused (R3.15)."""
    document = good()
    twin = {**document["keys"]["vault"], "cka_id": "0f"}
    document["keys"]["twin"] = twin
    with pytest.raises(SettingsError, match=r"keys\.twin: is the same as keys\.vault"):
        parse(document)
    document["keys"]["twin"] = {**twin, "purpose": "checkpoint", "curve": "p256"}
    with pytest.raises(SettingsError, match=r"keys\.twin: is the same as keys\.vault"):
        parse(document)


@pytest.mark.parametrize("waived", ["CKA_SENSITIVE", "CKA_EXTRACTABLE"])
def test_production_waives_nothing_that_says_whether_a_key_can_leave(waived: str) -> None:
    """A token that keeps silent about it is no token for production (R1.1)."""
    document = good()
    document["keys"]["vault"]["waived_attributes"] = [waived]
    assert {waived[4:]} == parse(document).keys["vault"].waived_attributes
    document["profile"] = "production"
    with pytest.raises(SettingsError, match=r"keys\.vault\.waived_attributes: production has"):
        parse(document)


def test_all_problems_are_told_at_once() -> None:
    """Two mistakes make two lines."""
    document = good()
    document["colour"], document["profile"] = "red", "staging"
    with pytest.raises(SettingsError) as caught:
        parse(document)

    assert 2 == len(str(caught.value).splitlines())


def test_a_missing_or_broken_file_is_one_line(tmp_path: Path) -> None:
    """No file, and a file that is no TOML, say so."""
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("= = =")
    with pytest.raises(SettingsError, match="is not TOML"):
        load_settings(tmp_path / "bad.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="is not TOML"):
        load_settings(tmp_path / "binary.toml")


def test_the_shipped_example_is_read() -> None:
    """The example settings pass their own parser."""
    shipped = load_settings(Path(__file__).parents[2] / "config" / "signer.toml")

    assert {"cold", "warm"} == set(shipped.tokens)
    assert frozenset({"COPYABLE"}) == shipped.keys["vault"].waived_attributes
