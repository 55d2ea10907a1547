"""The whole story with nothing mocked: a node, SoftHSM, two processes, the real commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from tests.fakes.nodes import chosen_nodes, require_node

pytestmark = [pytest.mark.sockets, pytest.mark.softhsm]
_FIRST, *_OTHERS = chosen_nodes()
_STAGES = [_FIRST, *(pytest.param(node, marks=pytest.mark.again) for node in _OTHERS)]


@pytest.mark.parametrize("node", _STAGES)
def test_the_demonstration_happens_from_the_first_chapter_to_the_last(
    tmp_path: Path, node: str
) -> None:
    """On each node: watch, propose, approve, sign in the token, send, settle, sweep, be robbed.

    R1.8: what was handed out at the end fits the pinned key, says the program without our code.
    """
    require_node(node)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "treasury.daemon",
            "dev",
            "demo",
            "--directory",
            str(tmp_path / "d"),
        ],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "TREASURY_CHAIN": node},
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 13 chapters happened" in done.stdout
    assert "everything fits" == _checked_offline(tmp_path / "d")


def _checked_offline(directory: Path) -> str:
    """Check the evidence file with the key that the ceremony wrote down; return the last word."""
    (file,) = (directory / "handed-out").glob("evidence-*.json")
    keys = tomllib.loads((directory / "signer.toml").read_text())["keys"]
    program = Path(__file__).parents[2] / "tools/verify_evidence.py"
    done = subprocess.run(
        [sys.executable, str(program), str(file), "--key", keys["checkpoint"]["public_key"]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return (done.stdout + done.stderr).splitlines()[-1]


def test_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    """An interrupted run ends with code 0 and takes every process that it started with it."""
    directory = tmp_path / "d"
    # Whoever runs the tests in the background has them started with the interrupt ignored.
    heard = ["env", "--default-signal=INT", sys.executable]
    process = subprocess.Popen(
        [*heard, "-m", "treasury.daemon", "dev", "run", "--directory", str(directory)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        printed = ""
        while "Ctrl-C" not in printed:
            line = process.stdout.readline()
            assert line, "the run ended before it was ready"
            printed += line
        running = _processes_in(directory)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
        process.stdout.close()

    assert len(running) >= 3
    assert code == 0
    assert _processes_in(directory) == []


def _processes_in(directory: Path) -> list[int]:
    """Return the processes whose command line names the directory, after a moment to end."""
    time.sleep(0.1)
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if str(directory).encode() in command and b"-m\0pytest" not in command:
            found.append(int(entry.name))
    return found
