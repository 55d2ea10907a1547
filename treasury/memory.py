"""Give memory that nobody uses any more back to the system.

A daemon that runs for months reads, decodes and writes in pieces of every size. What is freed
between pieces that live on stays with the C library, which keeps the heap of its busiest moment and
lets it creep. Over ten thousand ticks everything that lives stood still, and the free part of the
heap alone grew. malloc_trim(3) returns its whole pages, and of holes smaller than a page nothing.

The C library also gives threads heaps of their own, eight for each core, and each of them keeps its
free part. The daemon's threads take turns with the interpreter anyway, so they share one: twenty
minutes with a payout every second left one to three megabytes free in it, and eight to nineteen in
many.
"""

from __future__ import annotations

import ctypes

_KEEP_NOTHING = 0
_M_ARENA_MAX = -8
"""The name of glibc's mallopt(3) for how many heaps there may be."""


def give_back() -> bool:
    """Return every free page of the C heap; say whether this C library knows how.

    Takes about a millisecond in a daemon, and stops no thread that does not ask for memory.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return False
    trim(ctypes.c_size_t(_KEEP_NOTHING))
    return True


def keep_one_heap() -> bool:
    """Let all threads share the C library's first heap; say whether it knows how.

    To be called before the first thread begins: a heap that there is stays.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(ctypes.c_int(_M_ARENA_MAX), ctypes.c_int(1)))
