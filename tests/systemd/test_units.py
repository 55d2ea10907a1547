"""The shipped units: hardened, restarting wisely, one socket per role."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
DAEMON, SIGNER = UNITS / "treasuryd.service", UNITS / "treasury-signer.service"
SERVICES = (DAEMON, SIGNER)


def settings(unit: Path) -> dict[str, list[str]]:
    """Return every value of every key of a unit file, in order."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


@pytest.mark.systemd
@pytest.mark.parametrize(("unit", "threshold"), [(DAEMON, 12), (SIGNER, 5)])
def test_the_exposure_score_stays_low(unit: Path, threshold: int) -> None:
    """R5.1: systemd itself rates the daemon at most 1.2 and the signer at most 0.5."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: type apt-get install systemd")

    done = subprocess.run(
        [
            "systemd-analyze",
            "security",
            "--no-pager",
            "--offline=true",
            f"--threshold={threshold}",
            unit,
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-300:] + done.stderr


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MemoryDenyWriteExecute", "yes"),
        ("NoNewPrivileges", "yes"),
        ("LimitCORE", "0"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
        ("Type", "notify"),
        ("Restart", "on-failure"),
        ("RestartPreventExitStatus", "78"),
    ],
)
def test_both_services_keep_their_guards(unit: Path, key: str, value: str) -> None:
    """R5.1: no writable code, no core, no restart loop on a wrong configuration."""
    assert settings(unit)[key] == [value]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_both_services_have_a_watchdog_and_a_limit_of_starts(unit: Path) -> None:
    """R5.5: silence is noticed by systemd, and a crash loop ends."""
    keys = settings(unit)

    assert int(keys["WatchdogSec"][0]) > 0
    assert int(keys["StartLimitBurst"][0]) <= 5
    assert int(keys["StartLimitIntervalSec"][0]) >= 300


def test_the_signer_has_no_network_at_all() -> None:
    """The vault room speaks to nobody but over Unix sockets."""
    keys = settings(SIGNER)

    assert keys["PrivateNetwork"] == ["yes"]
    assert keys["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert keys["IPAddressDeny"] == ["any"]


def test_the_signer_starts_deaf_to_its_surroundings() -> None:
    """R5.3: -I and -S keep .pth files, sitecustomize and environment variables out."""
    (command,) = settings(SIGNER)["ExecStart"]

    assert command.split()[1:3] == ["-I", "-S"]


def test_pins_come_as_credentials_to_the_signer_alone() -> None:
    """R3.13: no PIN in an environment, an argument or the daemon's unit."""
    assert "LoadCredential" in settings(SIGNER)
    assert "LoadCredential" not in settings(DAEMON)
    for unit in SERVICES:
        assert not {"Environment", "EnvironmentFile", "PassEnvironment"} & set(settings(unit))


@pytest.mark.parametrize(
    ("unit", "name", "group"),
    [
        ("treasuryd-reader", "reader", "treasury-reader"),
        ("treasuryd-operator", "operator", "treasury-operator"),
        ("treasuryd-treasurer", "treasurer", "treasury-treasurer"),
        ("treasuryd-service", "service", "treasury-service"),
        ("treasury-signer", "signer", "treasury"),
        ("treasury-signer-people", "people", "treasury-treasurer"),
    ],
)
def test_every_role_has_a_socket_of_its_own(unit: str, name: str, group: str) -> None:
    """R5.6: the socket is the role: owned by root, open to one group, passed by name."""
    keys = settings(UNITS / f"{unit}.socket")

    assert keys["FileDescriptorName"] == [name]
    assert keys["SocketGroup"] == [group]
    assert keys["SocketUser"] == ["root"]
    assert keys["SocketMode"] == ["0660"]
    service = UNITS / keys["Service"][0]
    assert f"{unit}.socket" in settings(service)["Sockets"][0].split()


def test_every_user_and_group_is_created_before_it_is_used() -> None:
    """The users file names everyone whom units and tmpfiles name."""
    created = set(
        re.findall(r"^[ug] (\S+)", (UNITS / "sysusers.conf").read_text(), re.MULTILINE)
    ) | {"root"}
    used = {keys["User"][0] for keys in map(settings, SERVICES)}
    used |= {settings(unit)["SocketGroup"][0] for unit in UNITS.glob("*.socket")}
    for line in (UNITS / "tmpfiles.conf").read_text().splitlines():
        if line and not line.startswith("#"):
            used |= set(line.split()[3:5])

    assert used <= created
