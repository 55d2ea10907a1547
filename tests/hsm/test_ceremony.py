"""The key ceremony: made in the token, read back, pinned, and told in a signed transcript."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hsm.ceremony import main, software_hash, transcript_digest
from hsm.curve import Curve, verifies
from hsm.token.pins import PinGuardFiles
from hsm.token.provision import create_key, import_key, open_for_ceremony
from policies.crypto import parse_address
from tests.fakes.softhsm import PIN, SoftHsm, Token

pytestmark = pytest.mark.softhsm


@pytest.fixture
def token(softhsm: SoftHsm) -> Token:
    """One fresh token."""
    return softhsm.init_token("cold")


@pytest.fixture
def config(softhsm: SoftHsm, token: Token, tmp_path: Path) -> Path:
    """A signer.toml with that token, one made vault key and one checkpoint key."""
    session = open_for_ceremony(softhsm.module, token.serial, token.pin)
    vault = create_key(session, label="vault", cka_id=b"\x01", curve=Curve.SECP256K1)
    checkpoint = create_key(session, label="checkpoint", cka_id=b"\x02", curve=Curve.P256)
    session.close()
    path = tmp_path / "signer.toml"
    path.write_text(
        f"""
module = "{softhsm.module}"
book = "book.sqlite3"
profile = "development"
[sockets]
signer = "a.sock"
people = "b.sock"
[tokens.cold]
serial = "{token.serial}"
mode = "credential"
pin_credential = "./softhsm/cold.pin"
[keys.vault]
token = "cold"
cka_id = "01"
public_key = "{vault.public_key.hex()}"
[keys.checkpoint]
token = "cold"
cka_id = "02"
public_key = "{checkpoint.public_key.hex()}"
curve = "p256"
purpose = "checkpoint"
"""
    )
    return path


def test_create_writes_the_table_that_the_settings_take(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Appended to signer.toml as it is printed, the new key verifies at once."""
    words = ["create", "--toml", "--token", "cold", "--label", "hot-a", "--id", "0a"]
    assert 0 == main([*words, "--config", str(config)])
    table = capsys.readouterr().out
    with config.open("a") as file:
        file.write(table)
    assert 0 == main(["verify", "--config", str(config)])
    made = json.loads(capsys.readouterr().out)["hot-a"]
    assert f"# address {made['address']}\n" in table


def test_the_first_key_is_made_with_no_key_in_the_settings(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before there is a public key to pin, the settings name tokens alone."""
    config.write_text(config.read_text().partition("[keys.")[0])
    words = ["create", "--toml", "--token", "cold", "--label", "hot-a", "--id", "0a"]

    assert 0 == main([*words, "--config", str(config)]), capsys.readouterr().err
    assert "[keys.hot-a]" in capsys.readouterr().out


def test_a_key_that_could_leave_does_not_verify(
    softhsm: SoftHsm, token: Token, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An imported key is named with every wrong attribute, unless the settings waive it (R1.1)."""
    session = open_for_ceremony(softhsm.module, token.serial, token.pin)
    made = import_key(session, label="hot-b", cka_id=b"\x0b", private_key=bytes(range(1, 33)))
    session.close()
    table = f'[keys.hot-b]\ntoken = "cold"\ncka_id = "0b"\npublic_key = "{made.public_key.hex()}"\n'
    config.write_text(config.read_text() + table)
    refused = main(["verify", "--config", str(config)])
    told = capsys.readouterr().err
    config.write_text(config.read_text() + "imported = true\n")

    assert 78 == refused
    for name in ("ALWAYS_SENSITIVE", "NEVER_EXTRACTABLE", "LOCAL"):
        assert f"key hot-b: {name} is False, must be True" in told
    assert 0 == main(["verify", "--config", str(config)])


@pytest.mark.parametrize("typed", ["", None])
def test_no_pin_is_no_try(
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str | None,
) -> None:
    """An empty line or a closed terminal is told, and the token is not asked."""

    def answer(_prompt: str) -> str:
        if typed is None:
            raise EOFError
        return typed

    monkeypatch.setattr("getpass.getpass", answer)
    attended = config.read_text().replace('"credential"', '"attended"')
    config.write_text(attended.replace('pin_credential = "./softhsm/cold.pin"\n', ""))

    assert 78 == main(["list", "--config", str(config)])
    assert "no PIN was typed for token cold" in capsys.readouterr().err


def test_a_wrong_pin_is_the_operators_matter(
    config: Path, token: Token, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is tried once, told plainly, and no reason to try again later (R3.7)."""
    token.pin_file.write_text("0000\n")

    assert 78 == main(["list", "--config", str(config)])
    assert f"token {token.serial} refused the PIN (PinIncorrect)" in capsys.readouterr().err


def test_a_stored_pin_is_tried_once_by_ceremony_and_signer_together(
    config: Path, token: Token, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever comes second is told of the refusal, and the token is not asked (R3.7)."""
    guard, words = PinGuardFiles(directory=config.parent), ["list", "--config", str(config)]
    right = token.pin_file.read_text()
    token.pin_file.write_text("0000\n")
    assert 78 == main(words)
    assert "is not tried again" in capsys.readouterr().err
    token.pin_file.write_text(right)

    assert "is not tried again" in str(guard.refusal_of("cold"))
    assert 78 == main(words), "the right PIN, but nobody has looked"
    assert "refused the PIN" not in capsys.readouterr().err
    (config.parent / "pin-refused.cold").unlink()
    assert 0 == main(words)


def test_a_token_that_is_away_may_come_back(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without its token the ceremony ends with the exit code of the world."""
    config.write_text(config.read_text().replace('serial = "', 'serial = "00'))

    assert 75 == main(["list", "--config", str(config)])
    assert "cannot be opened (NoSuchToken)" in capsys.readouterr().err


def test_create_prints_what_the_settings_pin(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new key is made and shown with public key, address and attributes (R1.1)."""
    arguments = ["create", "--config", str(config), "--token", "cold", "--label", "hot-a"]
    assert 0 == main([*arguments, "--id", "0a"])
    shown = json.loads(capsys.readouterr().out)

    assert parse_address(shown["address"]) == shown["address"]
    assert (128, "0a", "secp256k1") == (
        len(shown["public_key"]),
        shown["cka_id"],
        shown["curve"],
    )
    assert shown["attributes"]["NEVER_EXTRACTABLE"] is True
    assert 78 == main([*arguments, "--id", "0a"])
    assert "exists already" in capsys.readouterr().err


def test_list_shows_every_key(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All keys of all tokens are listed."""
    assert 0 == main(["list", "--config", str(config)])

    assert {"cold": {"01", "02"}} == {
        name: {key["cka_id"] for key in keys}
        for name, keys in json.loads(capsys.readouterr().out).items()
    }


def test_verify_finds_a_pin_that_differs(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Right pins verify; a changed one is named and ends with the operator's exit code."""
    assert 0 == main(["verify", "--config", str(config)])
    text = config.read_text()
    start = text.index('public_key = "') + len('public_key = "')
    config.write_text(text[:start] + "00" + text[start + 2 :])

    assert 78 == main(["verify", "--config", str(config)])
    assert "key vault of token cold is not the pinned one" in capsys.readouterr().err


def test_the_transcript_is_signed_and_holds_no_secret(
    config: Path, token: Token, capsys: pytest.CaptureFixture[str]
) -> None:
    """The checkpoint key's signature covers keys, serials, software and witnesses (R3.13)."""
    assert 0 == main(["ceremony", "--config", str(config), "--witness", "Alice"])
    text = capsys.readouterr().out
    document = json.loads(text)
    transcript = document["transcript"]
    key = bytes.fromhex(transcript["keys"]["checkpoint"]["public_key"])
    signature = bytes.fromhex(document["signature"])

    assert verifies(Curve.P256, key, transcript_digest(transcript), signature)
    assert (token.serial, software_hash(), ["Alice"]) == (
        transcript["tokens"]["cold"],
        transcript["software"],
        transcript["witnesses"],
    )
    changed = {**transcript, "witnesses": ["Mallory"]}
    assert not verifies(Curve.P256, key, transcript_digest(changed), signature)
    assert PIN not in text


def test_a_wrong_token_name_is_one_clear_line(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not in the settings is said plainly."""
    arguments = ["create", "--config", str(config), "--token", "nope", "--label", "x", "--id", "01"]

    assert 78 == main(arguments)
    assert "no token 'nope'" in capsys.readouterr().err
