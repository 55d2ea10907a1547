"""The composition root of the daemon: everything is made and wired here, and nowhere else.

Start: settings, log, ledger (lease and migrations), signer and law, examination, API, lanes,
calendar, READY. Stop: the API first, then every lane finishes its commit, then the ledger.
A red finding starts the daemon HALTED and watching; only unreadable settings or an unusable
ledger refuse to start, and a first start waits for a signer that has a law.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from types import FrameType

import structlog

from config.environment import inherited_sockets
from config.errors import ConfigError
from config.load import load_settings
from config.settings import LogStyle, Settings
from policies.law import Law
from policies.lifecycles import Owner
from treasury import log as logs
from treasury.alerts.postman import posting_lane
from treasury.api.app import build_app, build_tcp_app
from treasury.api.office import Office
from treasury.api.server import ApiServer, Door, open_sockets
from treasury.api.tls import listen_on, tls_context
from treasury.book.epoch import begin_epoch
from treasury.book.introduction import SignerWatch, introduce
from treasury.calendar import Calendar
from treasury.chain.connect import connect_chain
from treasury.chain.pool.pool import ChainPool
from treasury.clock import unix, utc_now
from treasury.doctor import Colour, Finding, examine
from treasury.errors import Blame, TreasuryError
from treasury.filing import connect_signer, evidence_files, incident_files
from treasury.heartbeat import Heartbeat
from treasury.jobs import Clerks, jobs, postmen
from treasury.lanes import Lane
from treasury.ledger import Ledger, open_ledger
from treasury.ledger.queries import standings
from treasury.payouts.watches import Watches
from treasury.safety import halting
from treasury.surroundings import require_safe
from treasury.ticks import Enduring, money_tick, watch_tick
from treasury.world import Outcome, World

EXIT_OK = 0
EXIT_BUG = 70
EXIT_WORLD = 75
EXIT_MEND = 78
_EXITS = {Blame.US: EXIT_BUG, Blame.WORLD: EXIT_WORLD, Blame.OPERATOR: EXIT_MEND}
_BEAT_S = 1.0
_LANE_STOP_S = 30.0
_POST_STOP_S = 2.0
log = structlog.get_logger()


def run(config: Path) -> int:
    """Run the daemon until SIGTERM and return its exit code; an error is one line on stderr."""
    try:
        settings = load_settings(config)
        logs.configure(sys.stderr, environ=_log_environment(settings, os.environ))
        with closing(open_ledger(settings.daemon.database)) as ledger:
            require_safe(settings, config, _law_now(ledger))
            return _run_with(settings, ledger, config)
    except ConfigError as error:
        return _end(EXIT_MEND, str(error))
    except TreasuryError as error:
        return _end(_EXITS[error.blame], str(error))


def _run_with(settings: Settings, ledger: Ledger, config: Path) -> int:
    signer = connect_signer(settings)
    deployment = introduce(ledger, signer, now=unix(utc_now()))
    require_safe(settings, config, _law_now(ledger))
    findings = examine(settings, ledger, signer)
    _halt_on_red(ledger, findings)
    watch = SignerWatch(signer, findings)
    epoch = begin_epoch(ledger, signer)
    running = _lanes(settings, ledger, deployment, epoch)
    lanes = tuple(one.lane for one in running)
    clerks = Clerks(
        settings=settings,
        ledger=ledger,
        signer=signer,
        watch=watch,
        lanes=lanes,
        files=incident_files(settings, ledger, deployment),
    )
    api = _api(clerks, deployment)
    calendar = Calendar(jobs(clerks))
    posts = tuple(posting_lane(postman) for postman in postmen(clerks))
    stop = _stop_on_signals()
    heartbeat = Heartbeat.of(os.environ, os.getpid())
    api.start()
    calendar.start()
    for one in running:
        one.start()
    for post in posts:
        post.start()
    heartbeat.ready(f"watching {len(settings.chains)} chains")
    log.info("daemon_ready", chains=list(settings.chains), deployment=deployment.hex())
    try:
        return _beat_until(stop, heartbeat, lanes, api)
    finally:
        heartbeat.stopping("finishing the current commits")
        api.stop()
        calendar.stop()
        for one in running:
            one.stop()
        for post in posts:
            post.stop(_POST_STOP_S)
        log.info("daemon_stopped")


def _lanes(
    settings: Settings, ledger: Ledger, deployment: bytes, epoch: int
) -> tuple[_Running, ...]:
    """Make two lanes for every chain that is both in the settings and in the law."""
    with ledger.read() as session:
        law = standings.law(session)
    running = []
    watches = Watches(settings.judgement)
    for name, chain_settings in settings.chains.items():
        chain = law.chain(name) if law else None
        if chain is None:
            log.warning("chain_not_in_law", chain=name)
            continue
        hurry = _do_nothing
        for kind, tick, limits in (
            ("money", money_tick, settings.money),
            ("watch", watch_tick, settings.watch),
        ):
            # Each lane has connections of its own: a slow one never delays the other.
            pool = connect_chain(name, chain_settings, chain.chain_id)
            world = World(
                ledger=ledger,
                chain=pool,
                signer=connect_signer(settings, epoch=epoch),
                settings=chain_settings,
                deployment=deployment,
                draw_salt=lambda: secrets.token_bytes(16),
                watches=watches,
                hurry=hurry,
            )
            belt = Enduring(f"{kind}:{name}", partial(_tick_now, tick, world))
            interval_s, deadline_s = chain_settings.poll_s, limits.deadline_s
            lane = Lane(belt.name, belt, interval_s=interval_s, deadline_s=deadline_s)
            running.append(_Running(lane=lane, pool=pool))
            # What the watch lane queues for a wallet in trouble must not wait for the next tick.
            hurry = lane.wake
    return tuple(running)


def _do_nothing() -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """A lane and the endpoints that it alone speaks to."""

    lane: Lane
    pool: ChainPool

    def start(self) -> None:
        """Begin to tick; a watch lane is also woken by endpoints that tell of new blocks."""
        if self.lane.name.startswith("watch:"):
            self.pool.wake_on_heads(self.lane.wake)
        self.lane.start()

    def stop(self) -> None:
        """Let the current tick finish, then close the connections."""
        self.lane.stop(_LANE_STOP_S)
        self.pool.close()


def _tick_now(
    tick: Callable[[World, datetime], tuple[Outcome, ...]], world: World
) -> tuple[Outcome, ...]:
    return tick(world, utc_now())


def _api(clerks: Clerks, deployment: bytes) -> ApiServer:
    settings, ledger = clerks.settings, clerks.ledger

    def wake() -> None:
        for lane in clerks.lanes:
            if lane.name.startswith("money:"):
                lane.wake()

    office = Office(
        ledger=ledger,
        deployment=deployment,
        law=lambda: _law_now(ledger),
        clock=utc_now,
        wake=wake,
        health=clerks.watch.health,
        limits=settings.api,
        files=clerks.files,
        evidence=evidence_files(settings, ledger, deployment),
    )
    return ApiServer(
        {role: build_app(office, role) for role in settings.api.sockets},
        open_sockets(settings.api.sockets, inherited_sockets(os.getpid())),
        stop_deadline_s=settings.api.stop_deadline_s,
        tcp=_tcp_door(settings, office),
    )


def _tcp_door(settings: Settings, office: Office) -> Door | None:
    tcp = settings.api.tcp
    if tcp is None:
        return None
    app = build_tcp_app(office, tcp.clients)
    return Door(app=app, tls=tls_context(tcp), listener=listen_on(tcp))


def _halt_on_red(ledger: Ledger, findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        if finding.colour is not Colour.GREEN:
            log.warning(
                "doctor_found",
                colour=finding.colour.value,
                subject=finding.subject,
                text=finding.text,
                remedy=finding.remedy,
            )
    red = [f"{f.subject}: {f.text}" for f in findings if f.colour is Colour.RED]
    if red:
        with ledger.write() as session:
            halting.halt(session, actor=Owner.DAEMON, why="; ".join(red), now=unix(utc_now()))


def _beat_until(
    stop: threading.Event, heartbeat: Heartbeat, lanes: tuple[Lane, ...], api: ApiServer
) -> int:
    """Feed the watchdog while every lane finishes its ticks in time; end when one fell."""
    while not stop.wait(_BEAT_S):
        fallen = [lane.name for lane in lanes if lane.failure is not None]
        if fallen or not api.is_alive():
            log.error("daemon_fell", lanes=fallen, api=api.is_alive())
            return EXIT_BUG
        if all(lane.is_alive() for lane in lanes):
            heartbeat.beat()
    return EXIT_OK


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    return stop


def _law_now(ledger: Ledger) -> Law | None:
    with ledger.read() as session:
        return standings.law(session)


def _log_environment(settings: Settings, variables: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables that choose the log's style; the settings may overrule them."""
    if settings.daemon.log is LogStyle.JSON:
        return {**variables, "JOURNAL_STREAM": variables.get("JOURNAL_STREAM", "settings")}
    if settings.daemon.log is LogStyle.CONSOLE:
        return {name: text for name, text in variables.items() if name != "JOURNAL_STREAM"}
    return variables


def _end(code: int, message: str) -> int:
    """Tell the one line that an operator needs, and return the exit code."""
    sys.stderr.write(f"treasuryd: {message}\n")
    return code
