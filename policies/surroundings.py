"""What a program must not be started in: judged by the signer and by the daemon in production.

Consent, limits and books protect money from whoever speaks to a program, and not from whoever may
write its settings, read its folder, its memory on a disk, or everything because it runs as root.
So production refuses to start there; development only plays, and is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policies.terms import Reason

MOST_AHEAD_S = 1
"""How far a new block or the other process may be ahead of a clock that is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where a program was started; every field is innocent by default.

    `loose`: folders of its own that others may look into. `writable`: settings, or their folder,
    that its own user could change. `leaves_core`: a crash would leave its memory to somebody.
    `swaps`: its memory may be written to a swap device; told of programs that hold secrets only.
    """

    is_root: bool = False
    loose: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    leaves_core: bool = False
    swaps: bool = False


def judge_surroundings(facts: Surroundings) -> tuple[Reason, ...]:
    """Return everything that stands against a start; empty when nothing does."""
    return tuple(_objections(facts))


def _objections(facts: Surroundings) -> Iterator[Reason]:
    if facts.is_root:
        text = "it runs as root: start it by its unit, as the user that the unit names"
        yield Reason(code="is_root", text=text)
    for path in facts.loose:
        text = f"{path} is open to others: set its mode to 0700"
        yield Reason(code="loose_folder", text=text)
    for path in facts.writable:
        text = f"{path} can be changed by the program itself: give it to root, mode 0644 at most"
        yield Reason(code="writable_settings", text=text)
    if facts.leaves_core:
        text = "a crash would leave its memory in a core: start it by its unit, which forbids that"
        yield Reason(code="leaves_core", text=text)
    if facts.swaps:
        text = "memory with secrets may be swapped: raise LimitMEMLOCK to 256M, or turn swap off"
        yield Reason(code="swaps", text=text)
