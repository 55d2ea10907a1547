"""Tell the world outside what it must know: the live wallets, and signed heads of the journal.

Live wallets go into a file that is replaced atomically and carries a growing sequence number, so
that a payout service that reads it never sees half of it and knows old from new. Checkpoints are
the journal's head signed by the signer's checkpoint key; they are appended to a file of their own,
which belongs on another machine: whoever rewrites the journal cannot rewrite those.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.settings import JournalSettings
from hsm.answers import Proof
from hsm.client import SignerClient
from treasury.clock import Clock, unix
from treasury.ledger import Ledger, Session, journal, marks
from treasury.ledger.queries import standings

_LIVE = "live_wallets"
_CHECKPOINT = "checkpoint"
_Pools = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveWallets:
    """Publishes the active wallet of every pool into `path` whenever it changes."""

    ledger: Ledger
    path: Path
    clock: Clock

    def publish(self) -> None:
        """Write the file when it is missing or no longer true."""
        with self.ledger.read() as session:
            pools = _live(session)
            number, known = _recalled(standings.remembered(session, _LIVE))
        text = json.dumps(pools, sort_keys=True)
        if text == known and self.path.exists():
            return
        if text != known:
            number += 1
            with self.ledger.write() as session:
                marks.remember(session, _LIVE, f"{number} {text}")
                self._tell(session, number, pools)
        document = {"sequence": number, "pools": pools}
        _replace(self.path, json.dumps(document, indent=1, sort_keys=True) + "\n")

    def _tell(self, session: Session, number: int, pools: _Pools) -> None:
        live = [f"{name}: {pool['wallet']} {pool['address']}" for name, pool in pools.items()]
        why = f"live wallets, number {number}: {', '.join(live) or 'none'}"
        body = {"why": why, "pools": pools}
        now = unix(self.clock())
        marks.tell(session, "live_wallets_published", "live:wallets", body, now=now, actor="daemon")


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


def _live(session: Session) -> dict[str, dict[str, str]]:
    return {
        wallet.pool: {
            "wallet": wallet.name,
            "address": wallet.address,
            "chain_id": str(wallet.chain_id),
        }
        for wallet in standings.wallets(session)
        if wallet.pool is not None and wallet.state == "ACTIVE"
    }


def _recalled(remembered: str | None) -> tuple[int, str]:
    number, _, text = (remembered or "0 ").partition(" ")
    return int(number), text


def _last(remembered: str | None) -> tuple[int, int]:
    seq, _, at = (remembered or "0 0").partition(" ")
    return int(seq), int(at)


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
