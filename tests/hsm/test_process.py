"""The signer as a process: how it starts, what it tells its supervisor, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from hsm.client import Signed, SignerClient
from hsm.settings import Settings
from policies.consent import transfer_digest
from policies.terms import Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.softhsm import PIN, SO_PIN, SoftHsm
from tests.fakes.vault_room import FEES, order, real_settings
from tests.hsm.test_server import genesis
from tests.laws import make_law

pytestmark = [pytest.mark.sockets, pytest.mark.softhsm, pytest.mark.slow]
_ROOT = Path(__file__).parents[2]
_READY_S = 20.0


def write_toml(settings: Settings) -> Path:
    """Write settings as a signer.toml and return its path."""
    lines = [
        f'module = "{settings.module}"',
        'book = "book.sqlite3"',
        'profile = "development"',
        "[sockets]",
        'signer = "signer.sock"',
        'people = "people.sock"',
    ]
    for token in settings.tokens.values():
        lines += [f"[tokens.{token.name}]", f'serial = "{token.serial}"']
        lines += [f'pin_credential = "{token.pin_credential}"']
    for key in settings.keys.values():
        lines += [f"[keys.{key.name}]", f'token = "{key.token}"', f'cka_id = "{key.cka_id.hex()}"']
        lines += [f'public_key = "{key.public_key.hex()}"', f'curve = "{key.curve.value}"']
        lines += [f'purpose = "{key.purpose.value}"', f"imported = {str(key.imported).lower()}"]
    path = settings.base / "signer.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def start(config: Path, extra: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start the signer as its unit does."""
    return subprocess.Popen(
        [sys.executable, "-m", "hsm", "--config", str(config)],
        cwd=_ROOT,
        env={**os.environ, **(extra or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def running(settings: Settings, config: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the signer until the block ends; wait until it answers."""
    process = start(config)
    try:
        wait_for(settings.signer_socket, process)
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a socket takes connections, or the process is gone."""
    end = time.monotonic() + _READY_S
    while time.monotonic() < end and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            if path.exists() and probe.connect_ex(str(path)) == 0:
                return
        time.sleep(0.02)
    msg = f"the signer is not ready: {process.communicate(timeout=5)[0]}"
    raise AssertionError(msg)


def test_it_tells_its_supervisor_and_ends_with_zero(softhsm: SoftHsm, tmp_path: Path) -> None:
    """READY after the self-test, the watchdog fed by the loop, 0 at SIGTERM (R5.5)."""
    config = write_toml(real_settings(softhsm))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(_READY_S)
        process = start(
            config, {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "600000"}
        )
        told = [notify.recv(4096).decode() for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=10)

    assert "READY=1" == told[0]
    assert all("WATCHDOG=1" in line for line in told[1:])
    assert 0 == process.returncode, output


@pytest.mark.parametrize(
    ("damage", "code", "told"),
    [
        ("pin", 78, "refused its PIN"),
        ("token", 75, "does not answer"),
        ("toml", 78, "unknown key"),
        ("public_key", 78, "not the pinned one"),
        ("book", 78, "the book cannot be"),
        ("mode", 78, "can be read by others"),
    ],
)
def test_what_is_wrong_is_one_line_and_an_exit_code(
    softhsm: SoftHsm, damage: str, code: int, told: str
) -> None:
    """Each fault of operator or world ends in its own exit code and one clear line."""
    settings = real_settings(softhsm)
    config = write_toml(settings)
    match damage:
        case "pin":
            (softhsm.directory / "hot.pin").write_text("wrong\n")
        case "token":
            softhsm.take_away()
        case "toml":
            config.write_text("colour = 1\n" + config.read_text())
        case "public_key":
            text = config.read_text()
            config.write_text(text.replace(settings.keys["vault"].public_key.hex(), "00" * 64))
        case "book":
            settings.book.write_bytes(b"no database" * 100)
        case _:
            (softhsm.directory / "hot.pin").chmod(0o644)
    process = start(config)
    output, _ = process.communicate(timeout=30)

    assert (code, True) == (process.returncode, told in output), output
    assert "Traceback" not in output


def test_killed_and_restarted_it_returns_the_same_bytes(softhsm: SoftHsm, clock: FakeClock) -> None:
    """Kill -9 after the answer: the next process gives the same bytes for the same id (R5.10)."""
    del clock  # the process has its own, so the terms are dated by the real one
    settings, law = real_settings(softhsm), make_law().law
    config = write_toml(settings)
    now = RealClock()
    terms = order(law, now, Purpose.SWEEP)
    found: list[bytes] = []
    for _ in range(2):
        with running(settings, config), SignerClient(settings.signer_socket) as client:
            if not found:
                genesis(settings, law, now)
            order_id = transfer_digest(terms, client.status().deployment)
            answer = client.sign(order_id, FEES, order=terms)
            assert isinstance(answer, Signed)
            found.append(answer.raw)

    assert found[0] == found[1]


class RealClock(FakeClock):
    """The real time, for terms that another process judges."""

    def unix(self) -> int:
        return int(time.time())


def test_the_pin_is_nowhere_but_in_its_file(softhsm: SoftHsm) -> None:
    """Output, book, environment, arguments and settings hold no PIN (R3.13, R5.9)."""
    settings = real_settings(softhsm)
    config = write_toml(settings)
    process = start(config)
    wait_for(settings.signer_socket, process)
    genesis(settings, make_law().law, RealClock())
    proc = Path("/proc") / str(process.pid)
    memory = (proc / "environ").read_bytes() + (proc / "cmdline").read_bytes()
    process.terminate()
    output, _ = process.communicate(timeout=10)
    files = [p for p in settings.base.iterdir() if p.is_file()]
    written = b"".join(p.read_bytes() for p in files)

    assert settings.book in files
    for secret in (PIN.encode(), SO_PIN.encode()):
        assert secret not in memory + written + output.encode()


def test_two_signers_never_share_a_book(softhsm: SoftHsm) -> None:
    """The second process ends with the operator's code, the first serves on."""
    settings = real_settings(softhsm)
    config = write_toml(settings)
    with running(settings, config):
        second = start(config)
        output, _ = second.communicate(timeout=30)
        with SignerClient(settings.signer_socket) as client:
            status = client.status()

    assert (78, True) == (second.returncode, "another signer" in output)
    assert "ready" == status.health
