"""A bare Debian machine in systemd-nspawn, for tests that need a real PID 1.

The base tree is made once by debootstrap below build/machine and copied for every machine. The
machine shares the host's network, so a development chain on the host's loopback can be reached.
Commands run inside by nsenter, because neither machined nor a system bus is needed that way.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
BASE = ROOT / "build/machine/base"
MIRROR = os.environ.get("TREASURY_DEBIAN_MIRROR", "")
_BOOT_S = 60.0
_TOOLS = ("debootstrap", "systemd-nspawn", "nsenter")
_SUITES = {(3, 11): "bookworm", (3, 13): "trixie"}
_PACKAGES = "systemd,systemd-sysv,dbus,python3,softhsm2"


def why_not() -> str:
    """Return why no machine can be booted here, or nothing."""
    if os.geteuid() != 0:
        return "booting a machine needs root"
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        return f"{', '.join(missing)} missing: apt-get install debootstrap systemd-container"
    if sys.version_info[:2] not in _SUITES:
        return "no Debian release has this Python; build .venv with 3.11 or 3.13"
    return ""


def base_tree() -> Path:
    """Return a bare Debian tree whose Python is ours, made when it is missing."""
    suite = _SUITES[sys.version_info[:2]]
    tree = BASE.with_name(f"base-{suite}")
    if not tree.exists():
        unfinished = tree.with_name("unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}"]
        command += [suite, str(unfinished), *([MIRROR] if MIRROR else [])]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        unfinished.rename(tree)
    return tree


class Machine:
    """One booted machine; leaving the `with` block powers it off and removes its tree."""

    def __init__(self, folder: Path, *, sees: Sequence[Path] = ()) -> None:
        """Copy the base tree; `sees` are folders of the host that it sees too, read-only."""
        self.tree = folder / "tree"
        self._sees = sees
        self._log = folder / "console.log"
        self._nspawn: subprocess.Popen[bytes] | None = None
        self.leader = 0
        subprocess.run(["cp", "-a", "--reflink=auto", base_tree(), self.tree], check=True)

    def __enter__(self) -> Self:
        """Boot, and wait until the machine says that it runs."""
        command = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit"]
        command += ["--machine=treasury-test", "--console=pipe", f"--directory={self.tree}"]
        command += [f"--bind-ro={folder}" for folder in self._sees]
        with self._log.open("wb") as log:
            self._nspawn = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.wait_for(self._find_leader, "PID 1")
        self.wait_for(self._is_up, "multi-user.target")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Power off; a machine that hangs is killed."""
        if self._nspawn is None:
            return
        if self.leader:
            # SIGRTMIN+4 is systemd's own word for power off.
            os.kill(self.leader, signal.SIGRTMIN + 4)
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        shutil.rmtree(self.tree, ignore_errors=True)

    def run(self, *command: str, user: str = "root", check: bool = False) -> str:
        """Run a command inside and return what it printed, both streams together."""
        inside = ["nsenter", f"--target={self.leader}", "--all", "env", "--chdir=/"]
        if user != "root":
            inside += ["runuser", "-u", user, "--"]
        done = subprocess.run(
            [*inside, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} -> {done.returncode}: {done.stdout}")
        return done.stdout

    def show(self, unit: str, name: str) -> str:
        """Return one property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).strip()

    def journal(self, unit: str) -> str:
        """Return what a unit has logged since the boot."""
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}")

    def wait_for(self, happens: Callable[[], object], what: str, seconds: float = _BOOT_S) -> None:
        """Wait until something happens, looking five times a second."""
        until = time.monotonic() + seconds
        while not happens():
            assert time.monotonic() < until, f"{what} did not come within {seconds} s"
            time.sleep(0.2)

    def _is_up(self) -> bool:
        return self.run("systemctl", "is-system-running").strip() in {"running", "degraded"}

    def _find_leader(self) -> int:
        """Remember the first child of nspawn: it is PID 1 inside."""
        assert self._nspawn is not None
        assert self._nspawn.poll() is None, self._log.read_text(errors="replace")[-2000:]
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text()
        for child in children.split():
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                self.leader = int(child)
        return self.leader


def install_into(tree: Path, make_arguments: Sequence[str] = ()) -> None:
    """Run `make install` for a tree, as an operator would, and create its users."""
    subprocess.run(
        ["make", "--silent", "install", f"DESTDIR={tree}", *make_arguments],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    subprocess.run(["systemd-sysusers", f"--root={tree}"], check=True)
