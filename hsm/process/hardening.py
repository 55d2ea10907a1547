"""Makes the process hard to look into: no core, not dumpable, memory locked, no children.

Done first thing at the start, before a PIN is read. What the kernel does not allow is told, not
hidden: the unit file grants all of it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

_PR_SET_DUMPABLE = 4
_MCL_CURRENT_AND_FUTURE = 3
_ENOUGH_LOCKED_BYTES = 128 * 1024 * 1024
_CHILDREN = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "pty.spawn",
        "subprocess.Popen",
    }
)


class ChildForbiddenError(RuntimeError):
    """The signer tried to start another process: a child would inherit the login."""


def harden() -> tuple[str, ...]:
    """Harden this process for good; return what the system did not allow, one line each."""
    libc = ctypes.CDLL(None, use_errno=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    missing = []
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        missing.append("the process stays dumpable")
    if not _may_lock() or libc.mlockall(_MCL_CURRENT_AND_FUTURE) != 0:
        missing.append("memory is not locked: raise LimitMEMLOCK to 256M")
    forbid_children()
    return tuple(missing)


def _may_lock() -> bool:
    # Locking all future memory under a small limit would make a later allocation fail.
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return os.geteuid() == 0 or soft == resource.RLIM_INFINITY or soft >= _ENOUGH_LOCKED_BYTES


def forbid_children() -> None:
    """Refuse every way to start a process; it cannot be undone."""
    sys.addaudithook(_refuse_children)


def _refuse_children(event: str, _arguments: tuple[object, ...]) -> None:
    if event in _CHILDREN:
        raise ChildForbiddenError(f"the signer starts no other process ({event})")
