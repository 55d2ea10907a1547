"""Make what writes files for strangers; each has a connection to the signer of its own.

A file of a large book must not keep anybody waiting.
"""

from __future__ import annotations

from config.settings import Settings
from hsm.client import SignerClient
from treasury.clock import utc_now
from treasury.evidence_file.files import EvidenceFiles
from treasury.incident_file.files import IncidentFiles
from treasury.ledger import Ledger


def connect_signer(settings: Settings, *, epoch: int | None = None) -> SignerClient:
    """Return a client of the signer; nothing is sent before the first question.

    `epoch` is the daemon's number: only who has one gets a signature.
    """
    signer = settings.signer
    return SignerClient(signer.socket, deadline_s=signer.deadline_s, epoch=epoch)


def incident_files(settings: Settings, ledger: Ledger, deployment: bytes) -> IncidentFiles:
    """Return what makes incident files, below the state folder."""
    return IncidentFiles(
        ledger=ledger,
        signer=connect_signer(settings),
        directory=settings.daemon.state_dir / "incidents",
        deployment=deployment,
        clock=utc_now,
    )


def evidence_files(settings: Settings, ledger: Ledger, deployment: bytes) -> EvidenceFiles:
    """Return what makes evidence files."""
    return EvidenceFiles(
        ledger=ledger,
        signer=connect_signer(settings),
        deployment=deployment,
        clock=utc_now,
    )
