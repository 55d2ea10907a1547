"""PINs come from files that nobody else can read, and a refused one is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from hsm.errors import SettingsError
from hsm.settings import TokenPlan, UnlockMode
from hsm.token.pins import CredentialFiles, PinGuardFiles
from policies.law import Profile


def plan(pin_credential: str) -> TokenPlan:
    """Return the plan of a token whose PIN stands under a name or a path."""
    mode = UnlockMode.CREDENTIAL
    return TokenPlan(name="warm", serial="1", label="", mode=mode, pin_credential=pin_credential)


def credentials(folder: Path, profile: Profile = Profile.PRODUCTION) -> CredentialFiles:
    """Return credential files as systemd hands them over in a folder."""
    return CredentialFiles(directory=folder, base=folder, profile=profile)


def write(path: Path, data: bytes, mode: int) -> None:
    """Write a file with a mode."""
    path.write_bytes(data)
    path.chmod(mode)


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o600])
def test_a_credential_of_systemd_is_read(tmp_path: Path, mode: int) -> None:
    """R3.13: 0440 is how an access control list for this service alone looks."""
    write(tmp_path / "warm-pin", b"1234\n", mode)

    assert credentials(tmp_path).pin_of(plan("warm-pin")) == "1234"


@pytest.mark.parametrize("mode", [0o444, 0o460, 0o404, 0o644])
def test_a_credential_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """R3.13: a PIN that the world may read or a group may write is not used."""
    write(tmp_path / "warm-pin", b"1234\n", mode)

    with pytest.raises(SettingsError, match="can be read by others") as refused:
        credentials(tmp_path).pin_of(plan("warm-pin"))
    assert "1234" not in str(refused.value)


def test_a_development_pin_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """R3.13: outside systemd there is no access control list, so no group bit is allowed."""
    write(tmp_path / "warm.pin", b"1234", 0o440)

    with pytest.raises(SettingsError, match="can be read by others"):
        credentials(tmp_path, Profile.DEVELOPMENT).pin_of(plan("./warm.pin"))
    (tmp_path / "warm.pin").chmod(0o400)
    assert credentials(tmp_path, Profile.DEVELOPMENT).pin_of(plan("./warm.pin")) == "1234"


def test_production_takes_no_pin_from_a_path(tmp_path: Path) -> None:
    """R3.13: in production a PIN is a systemd credential or it is typed by a person."""
    write(tmp_path / "warm.pin", b"1234", 0o400)

    with pytest.raises(SettingsError, match="only from systemd credentials"):
        credentials(tmp_path).pin_of(plan("./warm.pin"))


@pytest.mark.parametrize("data", [b"", b"\n", b"x" * 257, "pîn".encode()])
def test_a_file_without_a_pin_is_refused(tmp_path: Path, data: bytes) -> None:
    """Nothing that is empty, endless or not ASCII is sent to a token."""
    write(tmp_path / "warm-pin", data, 0o400)

    with pytest.raises(SettingsError, match="holds no PIN"):
        credentials(tmp_path).pin_of(plan("warm-pin"))


def test_a_refused_pin_is_remembered_until_a_person_clears_it(tmp_path: Path) -> None:
    """R3.7: the memory outlives the process."""
    PinGuardFiles(directory=tmp_path).remember("warm")

    why = PinGuardFiles(directory=tmp_path).refusal_of("warm")

    assert why is not None
    assert "not tried again" in why
    assert PinGuardFiles(directory=tmp_path).refusal_of("cold") is None
