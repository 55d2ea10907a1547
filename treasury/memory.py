"""Give memory that nobody uses any more back to the system.

A daemon that runs for months reads, decodes and writes in pieces of every size. What is freed
between pieces that live on stays with the C library, which keeps the heap of its busiest moment and
lets it creep. Over ten thousand ticks everything that lives stood still, and the free part of the
heap alone grew. malloc_trim(3) returns its whole pages, and of holes smaller than a page nothing.
"""

from __future__ import annotations

import ctypes

_KEEP_NOTHING = 0


def give_back() -> bool:
    """Return every free page of the C heap; say whether this C library knows how.

    Takes about a millisecond in a daemon, and stops no thread that does not ask for memory.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return False
    trim(ctypes.c_size_t(_KEEP_NOTHING))
    return True
