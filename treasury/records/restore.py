"""Put a copy of the ledger back: verified, halted, and caught up with the signer's book.

A copy is older than what it replaces. What the signer signed since then stands in its book, so the
copy learns it before it becomes the ledger: law, wallets, orders with their bytes, nonces. Payouts
whose requests are lost with the old file are known again by their salt (`treasury.payouts.orders`).
Exposure is HALTED in the copy, and only a quorum resumes it, after people have looked.

Nothing is in place before the last rename, so a restore that was interrupted is simply run again.
The ledger that was there is kept beside it, for evidence.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config.errors import ConfigError
from config.load import load_settings
from hsm.client import SignerClient
from hsm.errors import HsmError
from policies.lifecycles import Owner
from treasury.book.epoch import remember_epoch
from treasury.errors import Blame, TreasuryError
from treasury.ledger import Ledger, Session, journal, marks, open_ledger
from treasury.ledger.engine import file_of
from treasury.ledger.lease import Lease
from treasury.ledger.queries import standings
from treasury.safety.halting import halt
from treasury.stations.adopt import adopt
from treasury.world import Signer

EXIT_WORLD, EXIT_MEND = 75, 78
RESTORED = "ledger_restored"
_WHY = "the ledger was restored from a copy"
_SUFFIXES = ("", "-wal", "-shm")


class RestoreError(TreasuryError):
    """The copy cannot become the ledger."""

    blame = Blame.OPERATOR


class SignerAwayError(TreasuryError):
    """The signer's book could not be read to its end; run the restore again."""

    blame = Blame.WORLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was put in place: the copy's journal, what was adopted, and where the old file is."""

    entries: int
    deeds: tuple[str, ...]
    kept: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Books:
    ledger: Ledger
    signer: Signer
    deployment: bytes
    chain_id: int


def run(config: Path, copy: Path) -> int:
    """Restore from the command line; 0, or 78 (mend something) or 75 (the signer is away)."""
    try:
        settings = load_settings(config)
        database = file_of(settings.daemon.database)
        signer = SignerClient(settings.signer.socket, deadline_s=settings.signer.deadline_s)
        points = settings.daemon.state_dir / "checkpoints.jsonl"
        done = put_back(copy, database, signer=signer, checkpoints=points, now=int(time.time()))
    except (ConfigError, TreasuryError) as error:
        sys.stderr.write(f"treasuryd restore: {error}\n")
        is_away = isinstance(error, TreasuryError) and error.blame is Blame.WORLD
        return EXIT_WORLD if is_away else EXIT_MEND
    for deed in done.deeds:
        sys.stdout.write(f"{deed}\n")
    kept = f"; the former ledger is {done.kept}" if done.kept else ""
    sys.stdout.write(f"{database}: {done.entries} journal entries were restored{kept}\n")
    sys.stdout.write("exposure is HALTED: start the daemon, look, then carry a motion `resume`\n")
    return 0


def put_back(
    copy: Path, database: Path, *, signer: Signer, checkpoints: Path, now: int
) -> Restored:
    """Make `copy` the ledger at `database`; see the module's text for what happens to it before.

    `checkpoints` is the file of signed journal heads; `now` is in unix seconds. Raises
    `RestoreError`, `LedgerError` (another daemon holds the ledger), `SignerAwayError`.
    """
    if not copy.is_file():
        raise RestoreError(f"{copy} is no file: name a copy that treasuryd backup wrote")
    with _held(database), _work_place(database) as (fresh, ready):
        shutil.copyfile(copy, fresh)
        with closing(open_ledger(f"sqlite:///{fresh.absolute()}", lease=False)) as ledger:
            entries = _verify(ledger, _points(checkpoints))
            _halt(ledger, entries, _points(checkpoints), now)
            deeds = _catch_up(ledger, signer, now)
            ledger.backup_to(ready)
        kept = _keep_former(database, now)
        _flush(ready)
        ready.replace(database)
        _flush(database.parent)
    return Restored(entries=entries, deeds=deeds, kept=kept)


@contextmanager
def _held(database: Path) -> Iterator[None]:
    lease = Lease(Path(f"{database}.lease"))
    try:
        yield
    finally:
        lease.release()


@contextmanager
def _work_place(database: Path) -> Iterator[tuple[Path, Path]]:
    fresh, ready = Path(f"{database}.restoring"), Path(f"{database}.restored")
    _forget(fresh, ready)
    try:
        yield fresh, ready
    finally:
        _forget(fresh, ready)


def _forget(*files: Path) -> None:
    for file in files:
        for suffix in _SUFFIXES:
            Path(f"{file}{suffix}").unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """A journal head that the signer signed, at unix seconds `at`."""

    seq: int
    head: str
    at: int


def _points(path: Path) -> Sequence[_Point]:
    if not path.exists():
        return ()
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [_Point(seq=int(p["seq"]), head=p["head"], at=int(p["at"])) for p in lines]


def _verify(ledger: Ledger, points: Sequence[_Point]) -> int:
    """Require a whole journal that continues no other history than the signed one."""
    with ledger.read() as session:
        verified = journal.verify(session)
        if not verified.ok:
            raise RestoreError(f"its journal breaks at {verified.first_bad}: {verified.why}")
        if standings.exposure(session) is None or standings.law(session) is None:
            raise RestoreError("it is the ledger of a daemon that never ran: start without it")
        forks = [(line.seq, line.at) for line in journal.of_kind(session, RESTORED)]
        for point in points:
            # A checkpoint of lines that an earlier restore gave up says nothing about this copy.
            is_lost = any(seq <= point.seq and point.at <= at for seq, at in forks)
            if point.seq <= verified.entries and not is_lost:
                _compare(session, point)
    return verified.entries


def _compare(session: Session, point: _Point) -> None:
    line = journal.tail(session, after=point.seq - 1, limit=1)[0]
    if line.hash != point.head:
        raise RestoreError(
            f"line {point.seq} is not the one that was signed as a checkpoint: "
            "this is no former state of the ledger, keep it as evidence"
        )


def _halt(ledger: Ledger, entries: int, points: Sequence[_Point], now: int) -> None:
    newest = max(points, key=lambda point: point.seq, default=None)
    body = {"entries": str(entries)}
    if newest is not None and newest.seq > entries:
        body |= {"signed_seq": str(newest.seq), "signed_head": newest.head}
    with ledger.write() as session:
        halt(session, actor=Owner.DAEMON, why=_WHY, now=now)
        marks.tell(session, RESTORED, f"journal:{entries}", body, now=now, actor="daemon")


def _catch_up(ledger: Ledger, signer: Signer, now: int) -> tuple[str, ...]:
    """Adopt everything that the signer's book knows, for every chain of its law."""
    try:
        status = signer.status()
    except HsmError as error:
        raise SignerAwayError(f"{error}; start the signer, then restore again") from error
    deployment = status.deployment
    # The daemon that starts from this ledger fences off every one before it.
    remember_epoch(ledger, status.epoch)
    deeds: list[str] = []
    done: set[int] = set()
    while missing := _chains(ledger) - done:
        chain_id = min(missing)
        books = _Books(ledger=ledger, signer=signer, deployment=deployment, chain_id=chain_id)
        outcome = adopt(books, datetime.fromtimestamp(now, UTC))
        if outcome.unavailable:
            raise SignerAwayError(f"{outcome.unavailable}; restore again")
        deeds.extend(outcome.deeds)
        done.add(chain_id)
    return tuple(deeds)


def _chains(ledger: Ledger) -> set[int]:
    with ledger.read() as session:
        law = standings.law(session)
    return {chain.chain_id for chain in law.chains} if law else set()


def _keep_former(database: Path, now: int) -> Path | None:
    """Move the former ledger aside with its log, so that it can still be opened."""
    if not database.exists():
        return None
    kept = Path(f"{database}.before-{now}")
    for suffix in _SUFFIXES:
        former = Path(f"{database}{suffix}")
        if former.exists():
            former.rename(f"{kept}{suffix}")
    return kept


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
