"""Named places where a test may kill the process: between every two steps of a signature.

In production nobody arms anything, and passing a point costs one look into an empty table.
"""

from __future__ import annotations

from collections.abc import Callable

POINTS = (
    "request_read",
    "checked",
    "recorded",
    "record_committed",
    "token_signed",
    "raw_stored",
    "raw_committed",
    "answered",
)
"""Every point in the order in which one `sign` passes them."""

_armed: dict[str, Callable[[], None]] = {}


def arm(point: str, action: Callable[[], None]) -> None:
    """Run `action` at each passing of a point, until `disarm`."""
    assert point in POINTS, f"no crash point {point}"
    _armed[point] = action


def disarm() -> None:
    """Forget every armed point."""
    _armed.clear()


def reach(point: str) -> None:
    """Pass a point."""
    action = _armed.get(point)
    if action is not None:
        action()
