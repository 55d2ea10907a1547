"""The signer as it is installed and started by its unit, with a real token."""

from __future__ import annotations

import itertools
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from hsm.client import Signed, SignerClient
from policies.consent import transfer_digest
from policies.terms import Purpose
from tests.fakes.softhsm import SoftHsm
from tests.fakes.vault_room import FEES, order, real_settings
from tests.hsm.test_process import RealClock, wait_for, write_toml
from tests.hsm.test_server import genesis
from tests.laws import make_law
from tests.systemd.test_install import DENY_WRITABLE_CODE, install_signer, installer

ROOT = Path(__file__).parents[2]
_PROGRAM = "/usr/lib/treasury/bin/treasury-signer"


def flags_of_unit() -> list[str]:
    """Return what the unit hands to the interpreter before the program."""
    unit = (ROOT / "systemd/treasury-signer.service").read_text()
    (command,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    words = command.split()
    assert _PROGRAM in words
    return list(itertools.takewhile(lambda word: word.startswith("-"), words[1:]))


def test_startup_code_in_site_packages_sleeps(tmp_path: Path) -> None:
    """R5.3: a .pth file and sitecustomize run under plain -I, and not with the unit's flags."""
    home = tmp_path / "env"
    venv.create(home, with_pip=False, symlinks=True)
    variables = {"base": str(home), "platbase": str(home)}
    packages = Path(sysconfig.get_path("purelib", scheme="venv", vars=variables))
    python, traces = home / "bin/python", tmp_path / "traces"
    traces.mkdir()
    for name, text in (("evil.pth", "import os; {}"), ("sitecustomize.py", "{}")):
        trap = f"open({str(traces / name)!r}, 'w').close()"
        (packages / name).write_text(text.format(trap) + "\n")

    subprocess.run([python, *flags_of_unit(), "-c", "pass"], check=True)
    asleep = sorted(path.name for path in traces.iterdir())
    subprocess.run([python, "-I", "-c", "pass"], check=True)

    assert not asleep
    assert ["evil.pth", "sitecustomize.py"] == sorted(path.name for path in traces.iterdir())


@pytest.mark.sockets
@pytest.mark.softhsm
@pytest.mark.slow
def test_it_signs_where_memory_is_never_writable_and_executable(
    softhsm: SoftHsm, tmp_path: Path
) -> None:
    """R5.2: token, curve and hash work in the installed room under MemoryDenyWriteExecute."""
    room = install_signer(tmp_path / "root")
    places = installer.Places(destdir=Path("/"), prefix=room.parents[2], python=sys.executable)
    installer.install_program(places, "treasury-signer", "signer", "hsm.__main__")
    program = room.parent / "bin/treasury-signer"
    settings, law, clock = real_settings(softhsm), make_law().law, RealClock()
    code = f"{DENY_WRITABLE_CODE}import runpy\nrunpy.run_path({str(program)!r})"
    arguments = ["-c", code, "--config", str(write_toml(settings))]
    command = [sys.executable, *flags_of_unit(), *arguments]
    process = subprocess.Popen(
        command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        wait_for(settings.signer_socket, process)
        genesis(settings, law, clock)
        terms = order(law, clock, Purpose.SWEEP)
        with SignerClient(settings.signer_socket) as client:
            order_id = transfer_digest(terms, client.status().deployment)
            answer = client.sign(order_id, FEES, order=terms)
    finally:
        process.kill()
        process.communicate(timeout=10)

    assert isinstance(answer, Signed)
