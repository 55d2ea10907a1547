"""The signer process: puts the parts together, serves, and ends with a telling exit code.

0 stopped as asked · 70 our own fault · 75 the world's (token away: start again later) · 78 the
operator's (settings, PIN, keys, book: do not start again before a person looked).
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import cast

from hsm.book import law as book_law
from hsm.book.audit import check
from hsm.book.bias import warnings_of
from hsm.book.book import Book
from hsm.errors import Blame, BookError, HsmError, SettingsError
from hsm.process.desk import Desk, Door
from hsm.process.hardening import harden
from hsm.process.loop import Loop
from hsm.process.steady import system_clock
from hsm.process.supervisor import Supervisor, inherited_sockets, supervisor_from
from hsm.process.surroundings import require_safe
from hsm.settings import Settings, load_settings
from hsm.token.bench import Bench
from hsm.token.direct import OpenKey, road_of
from hsm.token.pins import CredentialFiles, PinGuardFiles
from hsm.token.session import Hsm, load_module
from policies.law import Profile

log = logging.getLogger("hsm")

EXIT_CODES = {Blame.US: 70, Blame.WORLD: 75, Blame.OPERATOR: 78}
TEND_S = 2.0
BIAS_S = 7 * 86_400.0
_SOCKET_MODE = 0o660
_BACKLOG = 64


class Signer:
    """The whole process in one object: open, turn, close."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        environment: Mapping[str, str],
    ) -> None:
        """Open book, tokens and sockets, in this order. Raises `HsmError`."""
        self._monotonic = monotonic
        self._supervisor = supervisor_from(environment)
        self._next_tend = monotonic()
        self._next_bias = monotonic()
        with ExitStack() as stack:
            _check_folder(settings)
            self.book = Book(settings.book, clock)
            stack.callback(self.book.close)
            check(self.book)
            self.book.lay_out_log()
            _check_tokens(self.book, settings)
            self.hsm = Hsm(bench_of(settings, environment, monotonic))
            stack.callback(self.hsm.close)
            self.hsm.start()
            for waiver in self.hsm.waivers():
                log.warning("waived: %s", waiver)
            self.desk = Desk(book=self.book, tokens=self.hsm, settings=settings, clock=clock)
            listeners = _listeners(settings, environment, stack)
            self._loop = Loop(desk=self.desk, listeners=listeners, monotonic=monotonic)
            stack.callback(self._loop.close)
            self._stack = stack.pop_all()
        self._supervisor.ready()

    def turn(self, wait_s: float = 0.5) -> None:
        """Serve what came, tend book, tokens and watchdog. Raises `HsmError` when fatal."""
        if not self._loop.turn(wait_s):
            self.book.tidy()
        if self.desk.fatal is not None:
            raise self.desk.fatal
        if self._monotonic() >= self._next_tend:
            self.hsm.tend()
            self._supervisor.alive(f"entry {self.book.seq}")
            self._next_tend = self._monotonic() + _tend_every(self._supervisor)
        if self._monotonic() >= self._next_bias:
            self.desk.warnings = warnings_of(self.book)
            self._next_bias = self._monotonic() + BIAS_S

    def close(self) -> None:
        """Close everything, last opened first."""
        self._supervisor.stopping()
        self._stack.close()


def _tend_every(supervisor: Supervisor) -> float:
    return TEND_S if supervisor.watchdog_s is None else min(TEND_S, supervisor.watchdog_s / 3)


def bench_of(
    settings: Settings, environment: Mapping[str, str], monotonic: Callable[[], float]
) -> Bench:
    """Return the parts of an `Hsm` for these settings; PINs come from the credential directory."""
    directory = environment.get("CREDENTIALS_DIRECTORY", "")
    credentials = CredentialFiles(
        directory=Path(directory) if directory else None,
        base=settings.base,
        profile=settings.profile,
    )
    return Bench(
        module=lambda: load_module(settings.module),
        tokens=settings.tokens,
        keys=settings.keys,
        profile=settings.profile,
        pin_of=credentials.pin_of,
        pin_guard=PinGuardFiles(directory=settings.book.parent),
        monotonic=monotonic,
        road_to=lambda key: road_of(settings.module, cast("OpenKey", key)),
    )


def _check_folder(settings: Settings) -> None:
    """Refuse a folder that others can look into: the book tells every limit that is left."""
    if settings.profile is Profile.PRODUCTION and settings.book.parent.stat().st_mode & 0o077:
        raise BookError(f"{settings.book.parent} is open to others: set its mode to 0700")


def _check_tokens(book: Book, settings: Settings) -> None:
    """Refuse to start with other tokens than those written in at genesis."""
    for name, serial in book_law.pinned_tokens(book).items():
        plan = settings.tokens.get(name)
        if plan is None or plan.serial != serial:
            raise BookError(
                f"the book was begun with token {name} of serial {serial}, the settings name "
                f"{plan.serial if plan else 'none'}: mend signer.toml"
            )


def _listeners(
    settings: Settings, environment: Mapping[str, str], stack: ExitStack
) -> dict[Door, socket.socket]:
    given = inherited_sockets(environment)
    paths = {Door.SIGNER: settings.signer_socket, Door.PEOPLE: settings.people_socket}
    found = {}
    for door, path in paths.items():
        listener = given.get(door.value) or _listen(path)
        stack.callback(listener.close)
        found[door] = listener
    return found


def _listen(path: Path) -> socket.socket:
    """Open a socket that appears at its path only when it listens, with its mode already set."""
    listener, unready = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), path.with_name(".new")
    try:
        unready.unlink(missing_ok=True)
        listener.bind(str(unready))
        unready.chmod(_SOCKET_MODE)
        listener.listen(_BACKLOG)
        unready.replace(path)
    except OSError as error:
        listener.close()
        raise SettingsError(f"{path}: the socket cannot be opened: {error}") from error
    return listener


def run(
    settings_path: Path, environment: Mapping[str, str], unhardened: tuple[str, ...] = ()
) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code.

    `unhardened` is what the system did not allow this process to be hardened against.
    """
    asked_to_stop: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        asked_to_stop.append(number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        settings = load_settings(settings_path)
        require_safe(settings, settings_path, unhardened)
        signer = Signer(settings, clock=system_clock(), environment=environment)
    except HsmError as error:
        log.error("treasury-signer does not start: %s", error)  # noqa: TRY400
        return EXIT_CODES[error.blame]
    try:
        while not asked_to_stop:
            signer.turn()
    except HsmError as error:
        log.error("treasury-signer stops: %s", error)  # noqa: TRY400
        return EXIT_CODES[error.blame]
    finally:
        signer.close()
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `treasury-signer`."""
    parser = argparse.ArgumentParser(prog="treasury-signer", description="Serve the signer.")
    parser.add_argument("--config", type=Path, required=True, help="path of signer.toml")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        unhardened = harden()
        for line in unhardened:
            log.warning("%s", line)
        return run(chosen.config, os.environ, unhardened)
    except Exception:
        log.exception("treasury-signer stops: our own fault")
        return EXIT_CODES[Blame.US]
