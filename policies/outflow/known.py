"""Which recipients are known, in bounded memory.

A few hundred are kept exactly.  Beyond that a fixed table of fingerprints takes over
(64 KiB, about 16,000 recipients, one wrong "known" in four million questions), in which a
recipient of large payments outlives one of small ones.  With each recipient stands the size of
the largest payment it is trusted with, so an address that got a crumb long ago is no alibi for
a fortune today.
"""

from __future__ import annotations

from array import array
from zlib import crc32

EXACT_MAX = 1_024
_WAYS = 4
_BUCKETS = 4_096
_TAG_MASK = 0xFFFFFF
_KEY_MASK = 0xFFFFFFFFFFFFFFFF
UNKNOWN = -1


def key_of(recipient: str, salt: int) -> int:
    """Return 64 bits for an address; the salt keeps anyone from grinding a collision."""
    try:
        low = int(recipient[-16:], 16)
    except ValueError:
        text = recipient.encode()
        low = crc32(text) << 32 | crc32(text, 0x5EED)
    return (low * salt + salt) & _KEY_MASK


class KnownRecipients:
    """Recipient key to the largest size bucket that it is trusted with."""

    __slots__ = ("exact", "table")

    def __init__(self) -> None:
        """Start with nobody known."""
        self.exact: dict[int, int] | None = {}
        self.table: array[int] = array("I")

    def level(self, key: int) -> int:
        """Return the trusted size bucket, or `UNKNOWN`."""
        if self.exact is not None:
            return self.exact.get(key, UNKNOWN)
        tag = (key >> 20 & _TAG_MASK) or 1
        start = (key >> 50 & _BUCKETS - 1) * _WAYS
        table = self.table
        for slot in (start, start + 1, start + 2, start + 3):
            entry = table[slot]
            if entry >> 8 == tag:
                return entry & 0xFF
        return UNKNOWN

    def most(self) -> int:
        """Return the largest trusted size bucket of all, 0 when nobody is known."""
        if self.exact is not None:
            return max(self.exact.values(), default=0)
        return max((entry & 0xFF for entry in self.table), default=0)

    def remember(self, key: int, level: int) -> None:
        """Know a recipient, or trust a known one with more."""
        if self.exact is not None:
            self.exact[key] = max(level, self.exact.get(key, 0))
            if len(self.exact) > EXACT_MAX:
                self._spill()
            return
        self._put(key, level)

    def _put(self, key: int, level: int) -> None:
        tag = (key >> 20 & _TAG_MASK) or 1
        start = (key >> 50 & _BUCKETS - 1) * _WAYS
        table = self.table
        weakest, least = start, 0x100
        for slot in (start, start + 1, start + 2, start + 3):
            entry = table[slot]
            if entry >> 8 == tag:
                weakest, level = slot, max(level, entry & 0xFF)
                break
            trusted = entry & 0xFF if entry else -1
            if trusted < least:
                weakest, least = slot, trusted
        table[weakest] = tag << 8 | min(level, 0xFF)

    def _spill(self) -> None:
        exact, self.exact = self.exact or {}, None
        self.table = array("I", bytes(4 * _BUCKETS * _WAYS))
        for key, level in exact.items():
            self._put(key, level)

    def state(self) -> dict[str, object]:
        """Return the memory as JSON values."""
        if self.exact is not None:
            return {"exact": {format(key, "x"): level for key, level in self.exact.items()}}
        return {"table": {str(i): entry for i, entry in enumerate(self.table) if entry}}

    def restore(self, state: dict[str, dict[str, int]]) -> None:
        """Take over the memory of a former run."""
        if "exact" in state:
            self.exact = {int(key, 16): level for key, level in state["exact"].items()}
            return
        self.exact = None
        self.table = array("I", bytes(4 * _BUCKETS * _WAYS))
        for slot, entry in state["table"].items():
            self.table[int(slot)] = entry
