"""A daemon's API without its lanes: real ledger, real sockets, a clock that stands still.

with office_at(tmp_path) as office:
    office.propose()                      # refill #1 of 40 ETH to hot-a, terms fixed
    office.see("hot-a", 4 * ETH)          # a balance at head
    office.sockets                        # folder with reader.sock, operator.sock, …
    office.woken                          # how often the API asked for a tick
    office.port                           # where it listens on TCP, if it does
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from config.settings import ApiRole, ApiSettings, TcpSettings
from policies.consent import describe_transfer, motion_to_json, terms_to_json, transfer_digest
from policies.law import Law, canonical_law, law_digest
from policies.lifecycles import ExposureState, Owner, RefillState, WalletState
from policies.terms import NATIVE, Address, MotionTerms, Stamp, TransferTerms
from tests.fakes.clock import FakeClock
from tests.fakes.ledgers import fresh_ledger
from tests.laws import DEPLOYMENT, make_law, make_terms
from treasury.api.app import build_app, build_tcp_app
from treasury.api.office import Health, Office
from treasury.api.server import ApiServer, Door, open_sockets
from treasury.api.tls import listen_on, tls_context
from treasury.book.enrolment import enrol
from treasury.evidence_file.files import EvidenceFiles
from treasury.incident_file.files import IncidentFiles
from treasury.ledger import Ledger, cell_marks, facts, marks, moves, queries
from treasury.ledger.queries.watch import Depth
from treasury.ledger.tables import ExposureRow, RefillRow

_CHAIN = 31337


@dataclass(slots=True, kw_only=True)
class OfficeForTests:
    """The ledger behind the sockets, and what a test may do to it."""

    ledger: Ledger
    law: Law
    clock: FakeClock
    sockets: Path
    limits: ApiSettings
    health: Health = field(default_factory=lambda: Health(signer="ready"))
    log: list[Any] = field(default_factory=list)
    woken: int = 0
    block: int = 100
    port: int = 0

    def office(self) -> Office:
        """Return what the API is given."""
        return Office(
            ledger=self.ledger,
            deployment=DEPLOYMENT,
            law=lambda: self.law,
            clock=self.clock,
            wake=self._wake,
            health=lambda: self.health,
            limits=self.limits,
            files=IncidentFiles(
                ledger=self.ledger,
                signer=None,
                directory=self.sockets / "incidents",
                deployment=DEPLOYMENT,
                clock=self.clock,
            ),
            evidence=EvidenceFiles(
                ledger=self.ledger, signer=None, deployment=DEPLOYMENT, clock=self.clock
            ),
        )

    def set_up(self) -> None:
        """Write law, wallets and exposure as a started daemon has them."""
        now = self.clock.unix()
        with self.ledger.write() as session:
            digest = "0x" + law_digest(self.law).hex()
            marks.keep_law(session, digest, canonical_law(self.law).decode(), now=now)
            row = ExposureRow(state=ExposureState.RUNNING.value, why="", who="", changed_at=now)
            moves.create(session, facts.Exposure, row, actor=Owner.DAEMON, why="start", now=now)
            enrol(session, self.law, now)
            for pool in self.law.pools:
                first = queries.standings.wallet(session, pool.active)
                assert first is not None
                active = WalletState.ACTIVE
                moves.move(session, first, active, actor=Owner.TALLY, why="first", now=now)

    def propose(self, **changes: object) -> int:
        """Write a refill as `assess` would; return its number."""
        terms = make_terms(self.law, **changes)
        if "what" not in changes:
            terms = replace(terms, what=describe_transfer(terms, self.law))
        return self.write_refill(terms)

    def write_refill(self, terms: TransferTerms) -> int:
        """Write a refill with exactly these terms, whatever they say."""
        wallet = self.law.wallet_at(_CHAIN, terms.destination)
        row = RefillRow(
            order_id="0x" + transfer_digest(terms, DEPLOYMENT).hex(),
            chain_id=terms.chain_id,
            pool="main",
            wallet=wallet.name if wallet else "unknown",
            asset=terms.asset,
            amount=terms.amount,
            max_fee=terms.max_fee,
            state=RefillState.PROPOSED.value,
            terms=terms_to_json(terms),
            maker=terms.maker,
            proposed_at=terms.proposed_at,
            expires_at=terms.expires_at,
            changed_at=self.clock.unix(),
            required=2,
            counted=[],
            reasons=[],
        )
        with self.ledger.write() as session:
            refill = moves.create(
                session, facts.Refill, row, actor=Owner.ASSESS, why="test", now=self.clock.unix()
            )
        return refill.id

    def move_refill(self, number: int, to: RefillState, actor: Owner = Owner.TALLY) -> None:
        """Take one edge of a refill as a station would."""
        with self.ledger.write() as session:
            found = queries.refills.refill(session, number)
            assert found is not None
            moves.move(session, found, to, actor=actor, why="test", now=self.clock.unix())

    def see(self, wallet: str, amount: int | None, asset: Address = NATIVE) -> None:
        """Write a balance at a new head, as `observe` would; None is unknown."""
        self.block += 1
        now = self.clock.unix()
        found = self.law.wallet(wallet)
        assert found is not None
        head = Stamp(number=self.block, hash="0x" + "ab" * 32, time=now - 5)
        final = Stamp(number=self.block - 2, hash="0x" + "cd" * 32, time=now - 29)
        cell = cell_marks.Cell(
            depth=Depth.HEAD,
            address=found.address,
            cell=asset,
            value=amount,
            block_number=self.block,
        )
        with self.ledger.write() as session:
            stamps = {"head": head, "final": final}
            tick = cell_marks.write_tick(session, _CHAIN, at=now, digest="0x", **stamps)
            cell_marks.write_cells(session, _CHAIN, tick.id, [cell])

    def _wake(self) -> None:
        self.woken += 1


@contextmanager
def office_at(
    folder: Path, *, tcp: TcpSettings | None = None, **limits: int
) -> Iterator[OfficeForTests]:
    """Open a fresh ledger and serve the API on sockets in a folder, and on TCP when asked to."""
    sockets = folder / "api"
    paths = {role: sockets / f"{role.value}.sock" for role in ApiRole}
    settings = ApiSettings(
        sockets=paths,
        body_limit_bytes=limits.get("body_limit_bytes", 65_536),
        requests_per_s=limits.get("requests_per_s", 10_000),
        request_burst=limits.get("request_burst", 10_000),
        stop_deadline_s=2,
    )
    found = OfficeForTests(
        ledger=fresh_ledger(folder),
        law=make_law().law,
        clock=FakeClock(),
        sockets=sockets,
        limits=settings,
    )
    found.set_up()
    apps = {role: build_app(found.office(), role) for role in ApiRole}
    door = None if tcp is None else _tcp_door(found, tcp)
    server = ApiServer(apps, open_sockets(paths, {}), stop_deadline_s=2, tcp=door)
    server.start()
    try:
        with capture_logs() as log:
            found.log = log
            yield found
    finally:
        server.stop()
        found.ledger.close()


def _tcp_door(found: OfficeForTests, tcp: TcpSettings) -> Door:
    door = Door(
        app=build_tcp_app(found.office(), tcp.clients),
        tls=tls_context(tcp),
        listener=listen_on(tcp),
    )
    found.port = door.listener.getsockname()[1]
    return door


def motion_json(terms: MotionTerms, payload: dict[str, str], signature: bytes) -> dict[str, object]:
    """Write a motion as its maker hands it in."""
    return {
        "terms": motion_to_json(terms),
        "payload": payload,
        "signature": "0x" + signature.hex(),
    }
