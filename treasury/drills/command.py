"""`treasuryd drill`: run one drill, tell its times, and have the daemon record it.

On a development chain of its own the drill is real; with `--dry-run` it walks through the
deployment that `--config` names and changes nothing. The record goes to the daemon of `--config`,
which writes it into its journal: that ends the alarm of an overdue drill. A failed drill is
recorded too, and ends nothing.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from config.errors import ConfigError
from config.load import load_settings
from config.settings import ApiRole
from treasury.drills.record import Drill, DrillError, DrillKind, DrillMode
from treasury.drills.rehearsal import opened, rehearse
from treasury.errors import TreasuryError

EXIT_FAILED, EXIT_MEND = 1, 78


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was typed; `config` None: nothing is recorded."""

    kind: DrillKind
    config: Path | None
    directory: Path
    is_dry_run: bool
    as_json: bool


def run(wanted: Wanted) -> int:
    """Run a drill; return 0, 1 when it failed, or 78 with one line that says what to mend."""
    mode = DrillMode.DRY_RUN if wanted.is_dry_run else DrillMode.DEVELOPMENT
    drill = Drill(kind=wanted.kind, mode=mode)
    try:
        if wanted.is_dry_run:
            _rehearse(wanted, drill)
        else:
            _play(wanted, drill)
        _tell(drill, as_json=wanted.as_json)
        if wanted.config is not None:
            _record(wanted.config, drill)
    except (ConfigError, TreasuryError) as error:
        sys.stderr.write(f"treasuryd drill: {error}\n")
        return EXIT_MEND
    return EXIT_FAILED if drill.failure else 0


def _rehearse(wanted: Wanted, drill: Drill) -> None:
    if wanted.config is None:
        raise DrillError("a dry run needs --config: it walks through that deployment")
    with opened(load_settings(wanted.config)) as place:
        try:
            rehearse(place, drill)
        except DrillError as error:
            drill.failure = str(error)


def _play(wanted: Wanted, drill: Drill) -> None:
    from treasury.dev.drills import play  # noqa: PLC0415 - the development room, only when asked

    try:
        play(drill, wanted.directory.absolute())
    except TreasuryError as error:
        drill.failure = str(error)


def _tell(drill: Drill, *, as_json: bool) -> None:
    write = sys.stdout.write
    if as_json:
        write(json.dumps(drill.document(), indent=1) + "\n")
        return
    write(f"Drill {drill.kind.value}, {drill.mode.value}\n")
    for step in drill.steps:
        write(f"{step.ms:>8} ms  {step.what}\n")
    write(f"FAILED: {drill.failure}\n" if drill.failure else "All of it happened.\n")


def _record(config: Path, drill: Drill) -> None:
    from treasury.cli.api import Api  # noqa: PLC0415 - only a recorded drill speaks to a daemon
    from treasury.cli.exits import CommandError  # noqa: PLC0415

    socket = load_settings(config).api.sockets[ApiRole.OPERATOR]
    try:
        Api(str(socket)).post("/v1/drills", drill.document(), ("operator",))
    except CommandError as error:
        raise DrillError(f"the drill was not recorded: {error}") from error
    sys.stdout.write("recorded in the journal\n")
