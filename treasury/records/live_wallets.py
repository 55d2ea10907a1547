"""The live wallets: which address each pool pays from now, told outside, and heard back.

They go into a file that is replaced atomically and carries a growing number, so that a payout
service that reads it never sees half of it and knows old from new; the API tells the same. A
service that has followed acknowledges the number. From its first acknowledgement on, an incident
is not contained before the newest number is acknowledged: a payout engine that still pays from the
stolen wallet would feed the thief.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from treasury.clock import Clock, unix
from treasury.ledger import Ledger, Session, marks
from treasury.ledger.queries import standings

_LIVE, _HEARD = "live_wallets", "live_wallets_acknowledged"
_SUBJECT = "live:wallets"
Pools = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What was published: its number, and wallet, address and chain id of each pool."""

    sequence: int
    pools: Pools
    acknowledged: int | None

    @property
    def is_followed(self) -> bool:
        """Say whether nobody outside is behind; where nobody ever answered, nobody listens."""
        return self.acknowledged is None or self.acknowledged >= self.sequence


def published(session: Session) -> Live:
    """Return what was published last; number 0 before the first time."""
    number, text = _recalled(standings.remembered(session, _LIVE))
    heard = standings.remembered(session, _HEARD)
    return Live(
        sequence=number,
        pools=json.loads(text) if text else {},
        acknowledged=None if heard is None else int(heard),
    )


def is_followed(session: Session) -> bool:
    """Say whether what is live now was published, and followed by whoever listens."""
    live = published(session)
    return live.acknowledged is None or (live.pools == _now(session) and live.is_followed)


def acknowledge(session: Session, sequence: int, *, who: str, now: int) -> bool:
    """Note that an outside spender follows this number; say no to one that is not the newest."""
    live = published(session)
    if sequence != live.sequence:
        return False
    if live.acknowledged != sequence:
        marks.remember(session, _HEARD, str(sequence))
        body = {"sequence": str(sequence), "by": who}
        marks.tell(session, "live_wallets_acknowledged", _SUBJECT, body, now=now, actor=who)
    return True


def announce(session: Session, *, now: int) -> Live:
    """Publish what is live in the caller's transaction, if it is not what was published last.

    So a swap and its telling are one commit; the file follows.
    """
    pools, before = _now(session), published(session)
    if before.pools == pools and before.sequence:
        return before
    number = before.sequence + 1
    marks.remember(session, _LIVE, f"{number} {json.dumps(pools, sort_keys=True)}")
    live = [f"{name}: {pool['wallet']} {pool['address']}" for name, pool in pools.items()]
    why = f"live wallets, number {number}: {', '.join(live) or 'none'}"
    body = {"why": why, "pools": pools}
    marks.tell(session, "live_wallets_published", _SUBJECT, body, now=now, actor="daemon")
    return Live(sequence=number, pools=pools, acknowledged=before.acknowledged)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveWallets:
    """Publishes the active wallet of every pool into `path` whenever it changes."""

    ledger: Ledger
    path: Path
    clock: Clock

    def publish(self) -> None:
        """Write the file when it is missing or no longer true."""
        with self.ledger.read() as session:
            live, is_told = published(session), _is_told(session)
        if not is_told:
            with self.ledger.write() as session:
                live = announce(session, now=unix(self.clock()))
        document = {"sequence": live.sequence, "pools": live.pools}
        text = json.dumps(document, indent=1, sort_keys=True) + "\n"
        if not self.path.exists() or self.path.read_text() != text:
            _replace(self.path, text)


def _is_told(session: Session) -> bool:
    live = published(session)
    return live.sequence > 0 and live.pools == _now(session)


def _now(session: Session) -> dict[str, dict[str, str]]:
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


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
