"""The page for a trial, typed word for word into a bare machine by somebody who never saw it."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.machine import ROOT, Machine, install_into, why_not

pytestmark = [
    pytest.mark.systemd_boot,
    pytest.mark.sockets,
    pytest.mark.skipif(bool(why_not()), reason=f"no machine can be booted: {why_not()}"),
]
PAGE = ROOT / "systemd/TRIAL.md"
_PORT = "8545"
_INSTALLED = ("apt-get update", "make install")
"""How the blocks begin that the machine's making stands for: no registry is asked in a test."""


def blocks() -> list[str]:
    """Return what the page has people type, block by block."""
    return re.findall(r"^```\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def free_port() -> int:
    """Return a port of the loopback, which the machine shares, that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A bare machine with the programs installed, which sees the clone and its Python."""
    bare = Machine(tmp_path, sees=(ROOT, Path(sys.base_prefix)))
    install_into(bare.tree)
    with bare:
        yield bare


def test_every_block_can_be_typed_and_ends_in_a_settled_refill(machine: Machine) -> None:
    """Tokens, keys, law, adoption, daemon, two approvals: as written, and nothing else."""
    typed = [text for text in blocks() if not text.startswith(_INSTALLED)]
    assert len(blocks()) - len(_INSTALLED) == len(typed)
    script = "\n".join(typed).replace(_PORT, str(free_port()))
    (machine.tree / "root/typed.sh").write_text(f"set -e\ncd {ROOT}\n{script}")
    machine.run("systemd-tmpfiles", "--create")

    printed = machine.run("timeout", "240", "bash", "/root/typed.sh", check=True)

    assert "the tokens hold the keys that signer.toml pins" in printed
    assert re.search(r"#1 +SETTLED +hot-a +6 ETH +2 of 2", printed)
    assert re.search(r"hot-a .* ACTIVE .* 10 ETH", printed)
    assert "the journal is whole" in printed
    assert "active" == machine.show("treasuryd.service", "ActiveState")
