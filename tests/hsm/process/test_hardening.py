"""The process with the keys starts no child, leaves no core, and cannot be looked into."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_LOOK = """
import ctypes, resource
from hsm.process.hardening import harden
print(*harden(), sep="; ")
print(resource.getrlimit(resource.RLIMIT_CORE))
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
print(open("/proc/self/status").read().split("VmLck:")[1].split()[0])
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=False
    )


def test_nothing_of_it_reaches_a_disk_or_another_process() -> None:
    """R5.9: no core, not dumpable (so no tracer), and locked in memory or told that it is not."""
    done = run(_LOOK)
    missing, cores, dumpable, locked_kib = done.stdout.splitlines()

    assert ("(0, 0)", "0") == (cores, dumpable), done.stderr
    assert ("memory is not locked" in missing) == (locked_kib == "0")
    assert "dumpable" not in missing


@pytest.mark.parametrize(
    "child",
    [
        "import os; os.fork()",
        "import os; os.system('true')",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.posix_spawn('/bin/true', ['true'], {})",
        "import subprocess; subprocess.run(['true'])",
        "import multiprocessing as m; m.get_context('fork').Process(target=print).start()",
    ],
)
def test_no_child_is_started(child: str) -> None:
    """Every way to start a process raises: a child would inherit the login (R3.9)."""
    done = run(f"from hsm.process.hardening import forbid_children\nforbid_children()\n{child}")

    assert 0 != done.returncode
    assert "ChildForbiddenError" in done.stderr
