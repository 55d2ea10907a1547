"""Looks around before the daemon works in production: user, folder, settings; and at its clock."""

from __future__ import annotations

import os
from pathlib import Path

from config.settings import Settings
from policies.law import Law, Profile
from policies.surroundings import MOST_AHEAD_S, Surroundings, judge_surroundings
from policies.terms import Stamp
from treasury.errors import Blame, TreasuryError

_OTHERS = 0o077


class UnsafeSurroundingsError(TreasuryError):
    """The daemon was started where somebody could get past it; the text says what to mend."""

    blame = Blame.OPERATOR


def require_safe(settings: Settings, config: Path, law: Law | None) -> None:
    """Raise `UnsafeSurroundingsError` with everything that stands against a start in production."""
    if law is None or law.profile is not Profile.PRODUCTION:
        return
    found = judge_surroundings(look_around(settings, config))
    if found:
        raise UnsafeSurroundingsError("; ".join(reason.text for reason in found))


def look_around(settings: Settings, config: Path) -> Surroundings:
    """Return what this process finds around it."""
    state = settings.daemon.state_dir
    is_loose = state.exists() and bool(state.stat().st_mode & _OTHERS)
    guarded = (config, config.resolve().parent)
    return Surroundings(
        is_root=os.geteuid() == 0,
        loose=(str(state),) if is_loose else (),
        writable=tuple(str(path) for path in guarded if os.access(path, os.W_OK)),
    )


def clock_lag(head: Stamp, now: float) -> str:
    """Say how far a new block is ahead of this clock (unix seconds); empty when it is not.

    Blocks are never stamped later than they are made, so the clock that sees one of the future is
    slow: expiries and delays would come late.
    """
    ahead_s = head.time - now
    if ahead_s <= MOST_AHEAD_S:
        return ""
    return f"block {head.number} was made {ahead_s:.0f} s after what this machine's clock shows"
