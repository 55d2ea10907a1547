"""Have the journal's head signed by the signer's checkpoint key, now and then.

Checkpoints are appended to a file of their own, which belongs on another machine: whoever rewrites
the journal cannot rewrite those.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from config.settings import JournalSettings
from hsm.client import SignerClient
from hsm.wire.answers import Proof
from treasury.clock import Clock, unix
from treasury.ledger import Ledger, Session, journal, marks
from treasury.ledger.queries import standings

_CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """Has the journal's head signed now and then; see `JournalSettings` for when."""

    ledger: Ledger
    signer: SignerClient
    settings: JournalSettings
    path: Path
    clock: Clock

    def sign(self) -> bool:
        """Sign the head when enough entries or enough time have passed; say whether it was.

        Raises a leaf of `hsm.errors.HsmError` when the signer does not answer.
        """
        now = unix(self.clock())
        with self.ledger.read() as session:
            head = journal.head(session)
            last_seq, last_at = _last(standings.remembered(session, _CHECKPOINT))
        # The line that tells of a checkpoint is no reason for the next one.
        fresh = 0 if head is None else head.seq - last_seq - 1
        is_due = fresh >= self.settings.checkpoint_every
        is_old = fresh > 0 and now - last_at >= self.settings.checkpoint_after_s
        if head is None or not (is_due or is_old):
            return False
        answer = self.signer.checkpoint(head.seq, bytes.fromhex(head.hash[2:]))
        if not isinstance(answer, Proof):
            return False
        body = {
            "seq": str(head.seq),
            "head": head.hash,
            "at": str(now),
            "signature": "0x" + answer.signature.hex(),
            "public_key": "0x" + answer.public_key.hex(),
        }
        _append(self.path, json.dumps(body, sort_keys=True) + "\n")
        with self.ledger.write() as session:
            subject = f"journal:{head.seq}"
            marks.tell(session, "checkpoint_signed", subject, body, now=now, actor="daemon")
            marks.remember(session, _CHECKPOINT, f"{head.seq} {now}")
        return True


def unsigned_since(session: Session) -> int | None:
    """Return since when (unix seconds) a line waits for a signed head; None: none waits."""
    last_seq, last_at = _last(standings.remembered(session, _CHECKPOINT))
    # The line that tells of a checkpoint is no reason for the next one.
    waiting = journal.tail(session, after=last_seq + 1, limit=1)
    return max(last_at, waiting[0].at) if waiting else None


def _last(remembered: str | None) -> tuple[int, int]:
    seq, _, at = (remembered or "0 0").partition(" ")
    return int(seq), int(at)


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
