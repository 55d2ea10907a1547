"""The daemon's first words with the signer: which deployment, which law, and how it is since.

At a first start the ledger knows neither, so the daemon waits for a signer with a law. Later it
starts without the signer too: the remembered law is enough to watch, and nothing can be signed.
"""

from __future__ import annotations

import threading

import structlog

from hsm.client import SignerClient
from hsm.errors import HsmError
from hsm.wire.answers import LawInForce, SignerStatus
from policies.law import law_from_canonical
from policies.lifecycles import ExposureState, Owner
from treasury.api.office import Health
from treasury.book.enrolment import enrol, follow_book
from treasury.doctor import Colour, Finding
from treasury.errors import Blame, TreasuryError
from treasury.ledger import Ledger, marks, moves
from treasury.ledger.facts import Exposure
from treasury.ledger.queries import standings
from treasury.ledger.tables import ExposureRow
from treasury.orders.signing import place_of

_DEPLOYMENT = "deployment"
log = structlog.get_logger()


class IntroductionError(TreasuryError):
    """There is nothing to work with yet: no signer, or a signer without a law."""

    blame = Blame.WORLD


def introduce(ledger: Ledger, signer: SignerClient, *, now: int) -> bytes:
    """Learn deployment and law from the signer, or recall them; return the deployment id.

    Raises `IntroductionError` at a first start without a signer that has a law.
    """
    with ledger.read() as session:
        recalled = standings.remembered(session, _DEPLOYMENT)
        has_law = standings.law(session) is not None
        exposure = standings.exposure(session)
    if exposure is None:
        _begin_exposure(ledger, now)
    if recalled is not None and has_law:
        return bytes.fromhex(recalled)
    try:
        status = signer.status()
        answer = signer.law()
    except HsmError as error:
        raise IntroductionError(f"first start: {error}; start the signer first") from error
    if not isinstance(answer, LawInForce):
        raise IntroductionError(
            "first start: the signer has no law yet; adopt one with treasuryctl law adopt"
        )
    _learn(ledger, status, answer, now)
    return status.deployment


def _begin_exposure(ledger: Ledger, now: int) -> None:
    row = ExposureRow(
        state=ExposureState.RUNNING.value, why="first start", who="daemon", changed_at=now
    )
    with ledger.write() as session:
        moves.create(session, Exposure, row, actor=Owner.DAEMON, why="first start", now=now)


def _learn(ledger: Ledger, status: SignerStatus, law: LawInForce, now: int) -> None:
    with ledger.write(place_of(status.book)) as session:
        marks.remember(session, _DEPLOYMENT, status.deployment.hex())
        marks.keep_law(session, "0x" + law.digest.hex(), law.text, now=now)
        enrol(session, law_from_canonical(law.text.encode("ascii")), now)
        follow_book(session, status, now)


class SignerWatch:
    """Keeps what the daemon last heard of the signer, for people to see."""

    def __init__(self, signer: SignerClient, findings: tuple[Finding, ...]) -> None:
        """Begin with the findings of the start; the first look follows at once."""
        self._signer = signer
        self._red = tuple(f"{f.subject}: {f.text}" for f in findings if f.colour is Colour.RED)
        self._lock = threading.Lock()
        self._health = Health(signer="down", findings=self._red)
        self.look()

    def look(self) -> None:
        """Ask the signer how it is; a change is logged once."""
        try:
            status = self._signer.status()
            health = Health(
                signer=status.health,
                signer_frozen=status.frozen,
                waivers=status.waivers,
                findings=self._red,
            )
        except HsmError:
            health = Health(signer="down", findings=self._red)
        with self._lock:
            changed = health.signer != self._health.signer
            self._health = health
        if changed:
            log.info("signer_health_changed", health=health.signer)

    def health(self) -> Health:
        """Return what was last heard."""
        with self._lock:
            return self._health
