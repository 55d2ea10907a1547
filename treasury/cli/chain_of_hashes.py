"""Check the journal without believing the daemon: compute every hash, meet every checkpoint.

The daemon only hands out lines. What they must add up to is computed here, hash = sha256(previous
hash || canonical JSON of the line). A chain that is right in itself can still be a new one; a
checkpoint tells, because it was signed by a key that the daemon never held, and a copy of it lies
elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from treasury.cli.p256 import is_signed

_GENESIS = "0x" + "00" * 32
_HASHED = ("actor", "at", "body", "book_head", "book_seq", "kind", "seq", "subject")
_CHECKPOINT = "checkpoint_signed"
_DOMAIN = b"Treasury checkpoint\n"

Line = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Walk:
    """A walk along the journal; `bad` is the first line that does not fit, and `why`.

    `wanted` maps numbers of lines to the heads that checkpoints gave them; `met` are those that
    were passed and fit.
    """

    wanted: Mapping[int, str] = field(default_factory=dict)
    entries: int = 0
    head: str = _GENESIS
    bad: int | None = None
    why: str = ""
    met: int = 0
    checkpoints: list[Line] = field(default_factory=list)

    def take(self, lines: Iterable[Line]) -> None:
        """Take the next lines, oldest first; stop at the first one that does not fit."""
        for line in lines:
            if self.bad is not None:
                return
            self.why = self._why_bad(line)
            if self.why:
                self.bad = self.entries + 1
                return
            self.entries, self.head = self.entries + 1, line["hash"]
            self.met += self.entries in self.wanted
            if line["kind"] == _CHECKPOINT:
                self.checkpoints.append(json.loads(line["body"]))

    def _why_bad(self, line: Line) -> str:
        number = self.entries + 1
        if line["seq"] != number:
            return f"line {number} is missing"
        if line["prev"] != self.head:
            return f"line {number} does not follow line {number - 1}"
        if line["hash"] != hash_of(line):
            return f"line {number} was changed after it was written"
        if self.wanted.get(number, line["hash"]) != line["hash"]:
            return (
                f"line {number} is another one than the checkpoint says: the journal was rewritten"
            )
        return ""


def hash_of(line: Line) -> str:
    """Return the hash that a line must carry."""
    text = json.dumps(
        {name: line[name] for name in _HASHED},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
    )
    digest = hashlib.sha256(bytes.fromhex(line["prev"][2:]) + text.encode("ascii"))
    return "0x" + digest.hexdigest()


def is_genuine(checkpoint: Line, key: bytes, deployment: bytes) -> bool:
    """Say whether the key signed this head of this deployment's journal; malformed is no."""
    try:
        seq, head = int(checkpoint["seq"]), bytes.fromhex(checkpoint["head"][2:])
        signature = bytes.fromhex(checkpoint["signature"][2:])
        signed = _DOMAIN + deployment + seq.to_bytes(8, "big") + head
    except (KeyError, ValueError, TypeError, OverflowError):
        return False
    return is_signed(key, hashlib.sha256(signed).digest(), signature)
