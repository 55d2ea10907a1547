"""Write incident files and seal them: on demand, and once at containing and once at closing."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

from hsm.client import SignerClient
from policies.lifecycles import IncidentState
from treasury.clock import Clock, unix
from treasury.incident_file.document import Json, as_text, write_document
from treasury.incident_file.evidence import Evidence, ask_book, gather
from treasury.incident_file.markdown import write_markdown
from treasury.ledger import Ledger, marks
from treasury.ledger.facts import Incident
from treasury.ledger.queries import standings

_SEALED = "incident_file:"
_OVER = (IncidentState.CONTAINED, IncidentState.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFile:
    """Both forms of one file; `text` is what `sha256` (hex) is over; `name` has no ending."""

    name: str
    document: Json
    text: str
    markdown: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFiles:
    """Makes the files of one deployment; safe to call from several threads.

    `signer` None: the book is not asked, and the file says so.
    """

    ledger: Ledger
    signer: SignerClient | None
    directory: Path
    deployment: bytes
    clock: Clock
    lock: Lock = field(default_factory=Lock)

    def read(self, incident: Incident, *, with_book: bool = True) -> IncidentFile | None:
        """Make a file of what is known now, without writing or sealing it."""
        now = unix(self.clock())
        with self.ledger.read() as session:
            found = gather(session, incident)
        if found is None:
            return None
        with self.lock:
            signer = self.signer if with_book else None
            book, why = ask_book(signer, found.wallet.address, _book_seq(found))
        found = replace(found, book=book, book_why=why)
        document = write_document(found, deployment=self.deployment, now=now)
        text = as_text(document)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        seq = found.head.seq if found.head else 0
        return IncidentFile(
            name=f"incident-{incident.id}-{incident.state.value.lower()}-{seq}",
            document=document,
            text=text,
            markdown=write_markdown(document, sha256=sha256),
            sha256=sha256,
        )

    def seal(self, incident: Incident) -> IncidentFile | None:
        """Write a file and seal it in the journal; a crash between the two seals again."""
        made = self.read(incident)
        if made is None:
            return None
        _write(self.directory / f"{made.name}.json", made.text)
        _write(self.directory / f"{made.name}.md", made.markdown)
        figures = [
            {name: figure[name] for name in ("asset", "lost", "saved", "arriving", "left")}
            for figure in made.document["figures"]
        ]
        body = {"sha256": made.sha256, "file": f"{made.name}.json", "figures": figures}
        subject, now = f"incident:{incident.id}", unix(self.clock())
        with self.ledger.write() as session:
            marks.tell(session, "incident_file_sealed", subject, body, now=now, actor="daemon")
            marks.remember(session, f"{_SEALED}{incident.id}", incident.state.value)
        return made

    def tend(self) -> int:
        """Seal every incident that was contained or closed since its last file; say how many."""
        with self.ledger.read() as session:
            known = standings.incidents(session)
            due = [
                incident
                for incident in known
                if incident.state in _OVER
                and standings.remembered(session, f"{_SEALED}{incident.id}") != incident.state.value
            ]
        return sum(1 for incident in due if self.seal(incident) is not None)


def _book_seq(found: Evidence) -> int:
    """Return the newest place of the signer's book that the ledger knew before the file begins."""
    seqs = [entry.book_seq for entry in found.timeline if entry.book_seq is not None]
    return max(0, min(seqs, default=0) - 1)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
