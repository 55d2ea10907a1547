"""Start our own programs as child processes, watch them, and leave nothing behind.

Children run in sessions of their own, so that Ctrl-C reaches only the parent, which then ends
them in order; the kernel ends them too when the parent is killed (prctl PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from treasury.errors import TreasuryError

_PR_SET_PDEATHSIG = 1
_STOP_DEADLINE_S = 10.0
_POLL_S = 0.02
_NEVER_RESTART = (0, 78)


class ChildError(TreasuryError):
    """A program of the development set-up did not start or stopped by itself."""


@dataclass(slots=True, kw_only=True)
class Child:
    """One program: how to start it, where its output goes, and the running process."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0

    def start(self) -> None:
        """Start the program, appending its output to its log file."""
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **self.environment}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one prctl call, nothing else
            )

    @property
    def exit_code(self) -> int | None:
        """Return the exit code of a program that stopped, None while it runs."""
        return None if self.process is None else self.process.poll()

    def stop(self) -> None:
        """End the program: SIGTERM, then SIGKILL after the deadline."""
        process = self.process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """Kill the program at once, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def wait_until(self, ready: Callable[[], bool], deadline_s: float) -> None:
        """Wait until `ready` says yes.

        Raises `ChildError` with the end of the log when the program stops or the time is over.
        """
        end = time.monotonic() + deadline_s
        while not ready():
            if self.exit_code is not None or time.monotonic() > end:
                raise ChildError(f"{self.name} did not become ready:\n{self.last_words()}")
            time.sleep(_POLL_S)

    def last_words(self, lines: int = 15) -> str:
        """Return the last lines of the log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def restart_fallen(children: Sequence[Child]) -> list[Child]:
    """Start every child again that stopped without reason, as systemd would; return those."""
    fallen = [c for c in children if c.exit_code is not None and c.exit_code not in _NEVER_RESTART]
    for child in fallen:
        child.restarts += 1
        child.start()
    return fallen


def stop_all(children: Sequence[Child]) -> None:
    """End the children in reverse order of their start."""
    for child in reversed(children):
        child.stop()


def python(*arguments: str) -> list[str]:
    """Return a command that runs this interpreter with our packages."""
    return [sys.executable, *arguments]


def die_with_parent() -> None:
    """Ask the kernel, in a new child, to end it when the thread that started it ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
