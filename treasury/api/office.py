"""What the API may ask of the daemon: nothing else of it is reachable from a socket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from config.settings import ApiSettings
from policies.law import Law, law_digest
from treasury.clock import Clock, unix
from treasury.evidence_file.files import EvidenceFiles
from treasury.incident_file.files import IncidentFiles
from treasury.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What the daemon last heard of the signer, and what `doctor` found at the start.

    `signer` is ready, locked, degraded or down; `waivers` names every rule that the signer's
    profile waives; `findings` are doctor's red lines.
    """

    signer: str
    signer_frozen: bool = False
    waivers: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The API's view of the daemon.

    `deployment` is the 32-byte id that all consent is bound to; `law` returns the adopted law,
    None while there is none; `wake` asks the money lanes for a tick now; `files` makes incident
    files, `evidence` the file with which strangers check everything.
    """

    ledger: Ledger
    deployment: bytes
    law: Callable[[], Law | None]
    clock: Clock
    wake: Callable[[], None]
    health: Callable[[], Health]
    limits: ApiSettings
    files: IncidentFiles | None = None
    evidence: EvidenceFiles | None = None

    def now(self) -> int:
        """Return the present time in unix seconds."""
        return unix(self.clock())

    def law_digest(self) -> bytes:
        """Return the digest of the law in force, 32 zero bytes while there is none."""
        law = self.law()
        return bytes(32) if law is None else law_digest(law)
