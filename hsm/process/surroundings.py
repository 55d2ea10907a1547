"""Looks around before the signer serves in production: user, folder, settings, core, swap."""

from __future__ import annotations

import os
from pathlib import Path

from hsm.errors import SettingsError
from hsm.settings import Settings
from policies.law import Profile
from policies.surroundings import Surroundings, judge_surroundings

_OTHERS = 0o077
_SWAPS = Path("/proc/swaps")
_STATUS = Path("/proc/self/status")


def require_safe(settings: Settings, settings_path: Path, unhardened: tuple[str, ...]) -> None:
    """Raise `SettingsError` with everything that stands against a start in production.

    `unhardened` is what `harden` could not do to this process.
    """
    if settings.profile is not Profile.PRODUCTION:
        return
    found = judge_surroundings(look_around(settings, settings_path, unhardened))
    if found:
        raise SettingsError("; ".join(reason.text for reason in found))


def look_around(
    settings: Settings, settings_path: Path, unhardened: tuple[str, ...], *, swaps: Path = _SWAPS
) -> Surroundings:
    """Return what this process finds around it."""
    folder = settings.book.parent
    is_loose = folder.exists() and bool(folder.stat().st_mode & _OTHERS)
    guarded = (settings_path, settings_path.resolve().parent)
    return Surroundings(
        is_root=os.geteuid() == 0,
        loose=(str(folder),) if is_loose else (),
        writable=tuple(str(path) for path in guarded if os.access(path, os.W_OK)),
        leaves_core=any("dumpable" in line for line in unhardened),
        swaps=_has_swap(swaps) and not _is_locked(),
    )


def _has_swap(swaps: Path) -> bool:
    """Say whether a swap device is on; its list has one line for a header."""
    return not swaps.exists() or len(swaps.read_text().splitlines()) > 1


def _is_locked() -> bool:
    locked = [line for line in _STATUS.read_text().splitlines() if line.startswith("VmLck:")]
    return any(int(line.split()[1]) > 0 for line in locked)
