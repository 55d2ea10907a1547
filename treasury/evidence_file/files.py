"""Make an evidence file, seal it in the journal, and have the seal signed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from threading import Lock

from hsm.client import SignerClient
from hsm.errors import HsmError
from hsm.wire.answers import Proof
from treasury.clock import Clock, unix
from treasury.evidence_file.content import Json, gather, parsed, write_content, write_lines
from treasury.evidence_file.keys import prove_keys
from treasury.ledger import Ledger, journal, marks
from treasury.ledger.columns import canonical_json
from treasury.ledger.facts import Entry

SEALED = "evidence_sealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """One file: its text is canonical JSON; `sha256` (hex) is over the content alone.

    `unsigned` says why the checkpoint key did not sign, empty when it did.
    """

    name: str
    text: str
    sha256: str
    unsigned: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFiles:
    """Makes the files of one deployment, one at a time.

    `signer` None: neither keys are proved nor is the seal signed, and the file says so.
    """

    ledger: Ledger
    signer: SignerClient | None
    deployment: bytes
    clock: Clock
    lock: Lock = field(default_factory=Lock)

    def make(self) -> EvidenceFile | None:
        """Make and seal a file of everything known now; None before the first journal line."""
        with self.lock:
            now = unix(self.clock())
            with self.ledger.read() as session:
                found = gather(session)
            if found is None:
                return None
            keys = list(prove_keys(self.signer, parsed(found.laws), found.head.hash))
            content = write_content(found, keys, deployment=self.deployment, now=now)
            sha256 = hashlib.sha256(canonical_json(content).encode("ascii")).hexdigest()
            with self.ledger.write() as session:
                body = {"sha256": sha256, "as_of": str(found.head.seq)}
                subject = f"journal:{found.head.seq}"
                marks.tell(session, SEALED, subject, body, now=now, actor="daemon")
                seal = journal.head(session)
            assert seal is not None, "it was written a moment ago"
            return self._file(content, sha256, seal)

    def _file(self, content: Json, sha256: str, seal: Entry) -> EvidenceFile:
        checkpoint, why = self._signed(seal)
        with self.ledger.read() as session:
            lines = list(write_lines(session, seal.seq))
        document = {"content": content, "journal": lines, "checkpoint": checkpoint}
        return EvidenceFile(
            name=f"evidence-{seal.seq}",
            text=canonical_json(document) + "\n",
            sha256=sha256,
            unsigned=why,
        )

    def _signed(self, seal: Entry) -> tuple[Json | None, str]:
        if self.signer is None:
            return None, "the signer was not asked"
        try:
            answer = self.signer.checkpoint(seal.seq, bytes.fromhex(seal.hash[2:]))
        except HsmError as error:
            return None, str(error)
        if not isinstance(answer, Proof):
            return None, "; ".join(reason.text for reason in answer.reasons)
        return {
            "seq": str(seal.seq),
            "head": seal.hash,
            "signature": "0x" + answer.signature.hex(),
            "public_key": "0x" + answer.public_key.hex(),
        }, ""
