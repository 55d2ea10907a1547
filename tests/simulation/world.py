"""The whole treasury in one process and one thread: real books, real stations, weather outside.

    world = SimulatedWorld(seed, directory)     # the law is adopted, the wallets are funded
    world.watch(); world.money()                # a tick of each lane; a crash restarts the daemon
    world.advance(12)

The ledger and the signer's book are SQLite files, opened with the pragmas of production; in
memory where there is such a place, because a crash here is an exception and not a power failure.
Both files begin as copies of one template that was migrated once per process.
"""

from __future__ import annotations

import atexit
import itertools
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from unittest import mock

from sqlalchemy import URL, Engine
from sqlmodel import create_engine

from config.settings import ApiSettings, ChainSettings, Finality, FinalityKind
from hsm import crashpoints
from policies.law import Law
from policies.lifecycles import Owner
from policies.terms import NATIVE, Address
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom
from tests.laws import ETH, GONE, TOKEN, USDC, address_of, make_law
from tests.simulation import vault
from tests.simulation.books import FrailLedger
from tests.simulation.dice import Crash, Dice
from tests.simulation.endpoints import has_liar, lied_to
from tests.simulation.quick import quick
from tests.simulation.recall import recalled, watch
from tests.simulation.sea import Sea
from tests.simulation.vault import FrailClient, SteadyTokens
from treasury.api.office import Health, Office
from treasury.ledger import Ledger, engine, journal, moves, open_ledger
from treasury.ledger.facts import Exposure
from treasury.ledger.queries import standings
from treasury.ledger.tables import ExposureRow
from treasury.records import restore
from treasury.stations.adopt import adopt
from treasury.ticks import money_tick, watch_tick
from treasury.world import Outcome, World

CHAIN_ID = 31337
USD_COIN = Address(TOKEN)
WALLETS = ("vault", "hot-a", "hot-b", "sponsor")
FUNDS = {
    ("vault", NATIVE): 1_000 * ETH,
    ("vault", USD_COIN): 1_000_000 * USDC,
    ("hot-a", NATIVE): 24 * ETH,
    ("hot-a", USD_COIN): 15_000 * USDC,
    ("hot-b", NATIVE): ETH // 200,  # little enough to retire it
    ("sponsor", NATIVE): 5 * ETH,
    ("outside", NATIVE): 10_000 * ETH,
    ("outside", USD_COIN): 10_000_000 * USDC,
}
_LIMITS = ApiSettings(
    sockets={}, body_limit_bytes=65_536, requests_per_s=100, request_burst=100, stop_deadline_s=1
)
_SETTINGS = ChainSettings(
    name="devnet",
    endpoints=("http://127.0.0.1:8545",),
    finality=Finality(kind=FinalityKind.DEPTH, depth_blocks=2),
    poll_s=1,
    deadline_s=5,
    stale_after_s=60,
    resend_after_s=30,
    bump_after_s=90,
    vault_in_flight=1,
    hot_in_flight=2,
)


_MOST_RESTORES = 100


def simulated_law() -> Law:
    """Return the law of every run: short windows' worth of everything that the stations know."""
    return make_law(
        **{
            "pools.main.assets.USDC.refill.schedule": GONE,
            "pools.main.assets.ETH.withdrawal.hold_approvals": 2,
        }
    ).law


class SimulatedWorld:
    """Everything wired; see the module's text."""

    def __init__(self, dice: Dice, directory: Path) -> None:
        """Copy the template into `directory` and start both processes."""
        self.dice = dice
        self.directory = directory
        self.clock = FakeClock()
        self.law = simulated_law()
        self.steps = 0
        self.restarts = 0
        self.has_caught_up = True
        self._file = directory / "ledger.sqlite3"
        self._copy = directory / "copy.sqlite3"
        self._salts = itertools.count(1)
        shutil.copytree(template(), directory, dirs_exist_ok=True)
        self.room = VaultRoom(directory, self.clock, law=self.law, adopt=False)
        self.room.tokens = SteadyTokens(dice)
        self.room.reopen()
        self.sea = Sea(dice)
        self.has_liar = has_liar(dice.seed)
        fund(self.sea)
        self.signer = FrailClient(self.room, dice)
        self.ledger = self._open_ledger()
        self.world = self._world()
        vault.arm(dice)

    @property
    def office(self) -> Office:
        """Return what the daemon's API is given."""
        return Office(
            ledger=self.ledger,
            deployment=self.world.deployment,
            law=lambda: self.law,
            clock=self.clock,
            wake=lambda: None,
            health=lambda: Health(signer="ready"),
            limits=_LIMITS,
        )

    def watch(self) -> tuple[Outcome, ...]:
        """Run one tick of the watch lane."""
        return self.survive(lambda: watch_tick(self.world, self.clock()))

    def money(self) -> tuple[Outcome, ...]:
        """Run one tick of the money lane."""
        outcomes = self.survive(lambda: money_tick(self.world, self.clock()))
        adopted = [outcome for outcome in outcomes if outcome.station == "adopt"]
        self.has_caught_up |= any(not outcome.ends_lane for outcome in adopted)
        return outcomes

    def survive(self, step: Callable[[], tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
        """Do something in the daemon; when it dies, start it again over its file."""
        try:
            outcomes = step()
        except Crash:
            self.restart()
            return ()
        for outcome in outcomes:
            for deed in outcome.deeds:
                self.dice.note(f"{outcome.station}: {deed}")
            if outcome.unavailable:
                self.dice.note(f"{outcome.station} waits: {outcome.unavailable}")
        return outcomes

    def restart(self) -> None:
        """Start the daemon again, as its composition root does."""
        self.restarts += 1
        self.signer.succeed()
        self.dice.note("daemon restarts")
        self.ledger.close()
        self.ledger = self._open_ledger()
        self.world = self._world()

    def back_up(self) -> None:
        """Keep a copy of the ledger, as an operator does; an older one is replaced."""
        self._copy.unlink(missing_ok=True)
        self.ledger.backup_to(self._copy)

    def restore(self, *, by_hand: bool) -> int | None:
        """Start the daemon over the older copy of its ledger, which `treasuryd restore` put back.

        By hand means that somebody only copied the file. Returns how many journal lines came
        back; None when there is no copy, or no signer to catch up with.
        """
        if not self._copy.exists() or (self.signer.is_away and not by_hand):
            return None
        self.dice.note("ledger restored by hand" if by_hand else "ledger restored")
        self.ledger.close()
        lines = self._copy_back() if by_hand else self._put_back()
        self.ledger = self._open_ledger()
        self.world = self._world()
        self.has_caught_up = not by_hand
        self.signer.succeed()
        return lines

    def _copy_back(self) -> int:
        for left in self.directory.glob("ledger.sqlite3-*"):
            left.unlink()
        shutil.copy(self._copy, self._file)
        with closing(self._open_ledger()) as ledger, ledger.read() as session:
            last = journal.head(session)
        return last.seq if last else 0

    def _put_back(self) -> int:
        """Restore as often as it takes: the machine may die over it, or the signer hang up."""
        for _ in range(_MOST_RESTORES):
            try:
                with mock.patch.object(restore, "open_ledger", self._open_file):
                    return restore.put_back(
                        self._copy,
                        self._file,
                        signer=self.signer,
                        checkpoints=self.directory / "checkpoints.jsonl",
                        now=self.clock.unix(),
                    ).entries
            except Crash:
                self.dice.seen["crash_over_restore"] += 1
            except restore.SignerAwayError as error:
                self.dice.note(f"restore waits: {error}")
        raise AssertionError("a restore never came to its end")

    def restart_signer(self) -> None:
        """Start the signer again over its book."""
        self.dice.note("signer restarts")
        self.room.reopen()

    def advance(self, seconds: int) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    def is_halted(self) -> bool:
        """Say whether exposure is halted."""
        with self.ledger.read() as session:
            return standings.is_halted(session)

    def frozen(self) -> tuple[str, ...]:
        """Return the names of frozen wallets."""
        with self.ledger.read() as session:
            return tuple(w.name for w in standings.wallets(session) if w.frozen)

    def close(self) -> None:
        """Close both files."""
        crashpoints.disarm()
        self.ledger.close()
        self.room.close()

    def _open_ledger(self) -> Ledger:
        return self._open_file(f"sqlite:///{self._file}")

    def _open_file(self, url: str, *, lease: bool = True) -> Ledger:
        # The template is migrated already; asking again at each restart would cost more than all.
        # And an engine that opened the file before knows every statement already.
        with (
            mock.patch.object(engine, "_migrate"),
            mock.patch.object(engine, "create_engine", _engine_for),
        ):
            opened = open_ledger(url, lease=lease)
        return FrailLedger(opened, self.dice)

    def _world(self) -> World:
        return World(
            ledger=self.ledger,
            chain=lied_to(self.sea, self.dice, self.clock) if self.has_liar else self.sea,
            signer=self.signer,
            settings=_SETTINGS,
            deployment=self.room.book.deployment,
            draw_salt=lambda: next(self._salts).to_bytes(15, "big") + b"\0",
        )


def fund(sea: Sea) -> None:
    """Give every wallet what it has at the start."""
    for (name, asset), amount in FUNDS.items():
        sea.fund(address_of(name), amount, asset)
    sea.mine(3)


@cache
def template() -> Path:
    """Make a ledger and a book that know the law, once per process; return their directory."""
    directory = _make_place("template")
    clock = FakeClock()
    source = random.Random(0)
    with mock.patch("hsm.book.book.os.urandom", source.randbytes):
        room = VaultRoom(directory, clock, law=simulated_law(), adopt=False)
    _adopt_genesis(room)
    ledger = open_ledger(f"sqlite:///{directory}/ledger.sqlite3")
    with ledger.write() as session:
        row = ExposureRow(state="RUNNING", why="first start", who="daemon", changed_at=0)
        moves.create(session, Exposure, row, actor=Owner.DAEMON, why="start", now=clock.unix())
    dice = Dice(0)
    dice.calm = True
    sea = Sea(dice)
    adopt(
        World(
            ledger=ledger,
            chain=sea,
            signer=FrailClient(room, dice),
            settings=_SETTINGS,
            deployment=room.book.deployment,
            draw_salt=lambda: bytes(16),
        ),
        clock(),
    )
    ledger.close()
    room.close()
    return directory


def _adopt_genesis(room: VaultRoom) -> None:
    answer = room.adopt(room.law, salt=bytes(16))
    assert answer.result.value == "ok", answer


def quick_place() -> Path | None:
    """Return a directory in memory, where there is one."""
    shared = Path("/dev/shm")
    return shared if shared.is_dir() else None


@cache
def _engine_for(url: URL) -> Engine:
    return watch(create_engine(url))


_make_run = cache(lambda: _make_place("run"))


def _make_place(name: str) -> Path:
    directory = Path(tempfile.mkdtemp(prefix=f"simulation-{name}-", dir=quick_place()))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


@contextmanager
def world_of(dice: Dice) -> Iterator[SimulatedWorld]:
    """Lend a world whose files are gone afterwards; one at a time in a process."""
    directory = _make_run()
    with quick(), recalled():
        world = SimulatedWorld(dice, directory)
        try:
            yield world
        finally:
            world.close()
            for file in directory.iterdir():
                file.unlink()
