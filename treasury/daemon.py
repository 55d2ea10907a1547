"""`treasuryd`: the programs of a deployment, each in a process of its own.

Exit codes, for people and for the units: 0 ended as asked, 64 wrong command line, 70 our own bug,
75 the world was not ready (start again), 78 a setting or a file must be mended first.
Each subcommand imports its own world only when it runs: the signer never sees web libraries.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

EXIT_USAGE = 64
_DEFAULT_DAEMON_TOML = Path("/etc/treasury/treasuryd.toml")
_DEFAULT_SIGNER_TOML = Path("/etc/treasury/signer.toml")
_DEVELOPMENT = Path("var/dev")
_DRILLS = Path("var/drill")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # These two have parsers of their own, which must not be imported by the others.
    if given[:1] == ["backtest"]:
        from treasury.backtest.__main__ import main as backtest

        return backtest(given[1:])
    if given[:1] == ["key"]:
        from hsm.ceremony import main as key

        return key(given[1:])
    chosen = _parser().parse_args(given)
    code: int = chosen.run(chosen)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="treasuryd", description="The programs of a treasury.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="the daemon: watch, propose, send, confirm")
    _add_config(run, _DEFAULT_DAEMON_TOML)
    run.set_defaults(run=_run)
    signer = commands.add_parser("signer", help="the signer: the process with the keys")
    _add_config(signer, _DEFAULT_SIGNER_TOML)
    signer.set_defaults(run=_signer)
    doctor = commands.add_parser("doctor", help="say what is wrong and what to do")
    _add_config(doctor, _DEFAULT_DAEMON_TOML)
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    doctor.set_defaults(run=_doctor)
    backup = commands.add_parser("backup", help="write a consistent copy of the ledger")
    _add_config(backup, _DEFAULT_DAEMON_TOML)
    backup.add_argument("to", type=Path, help="the file to write; it must not exist")
    backup.set_defaults(run=_backup)
    restore = commands.add_parser("restore", help="put such a copy back, halted and caught up")
    _add_config(restore, _DEFAULT_DAEMON_TOML)
    restore.add_argument("copy", type=Path, help="a file that backup wrote")
    restore.set_defaults(run=_restore)
    _add_drill(commands.add_parser("drill", help="rehearse the worst hour, and measure it"))
    commands.add_parser("key", help="make, list and verify keys in a token")
    commands.add_parser("backtest", help="judge a wallet's past by today's rules")
    _add_dev(commands.add_parser("dev", help="a whole treasury on this machine, with play money"))
    return parser


def _add_config(parser: argparse.ArgumentParser, default: Path) -> None:
    parser.add_argument("--config", type=Path, default=default, help="settings file (%(default)s)")


def _add_drill(parser: argparse.ArgumentParser) -> None:
    kinds = ["isolate", "stolen-key", "rpc-lies", "hsm-loss", "restore"]
    parser.add_argument("kind", choices=kinds, help="what is rehearsed")
    parser.add_argument(
        "--config", type=Path, help="the deployment to walk through, whose daemon records the drill"
    )
    parser.add_argument("--dry-run", action="store_true", help="walk through it, change nothing")
    parser.add_argument(
        "--directory", type=Path, default=_DRILLS, help="where a real drill lives (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the record as JSON")
    parser.set_defaults(run=_drill)


def _add_dev(parser: argparse.ArgumentParser) -> None:
    scenes = parser.add_subparsers(required=True, metavar="SCENE")
    for name, text in (
        ("run", "start everything and keep it running until Ctrl-C"),
        ("demo", "tell the whole story once, without a person"),
    ):
        scene = scenes.add_parser(name, help=text)
        scene.add_argument("--directory", type=Path, default=_DEVELOPMENT, help="where it lives")
        scene.set_defaults(run=_dev, scene=name)


def _run(chosen: argparse.Namespace) -> int:
    from treasury.memory import keep_one_heap

    keep_one_heap()
    from treasury.app import run

    return run(chosen.config)


def _signer(chosen: argparse.Namespace) -> int:
    from hsm.server import main as signer

    return signer(["--config", str(chosen.config)])


def _doctor(chosen: argparse.Namespace) -> int:
    from treasury.doctor import run

    return run(chosen.config, as_json=chosen.json)


def _backup(chosen: argparse.Namespace) -> int:
    from treasury.records.backup import run

    return run(chosen.config, chosen.to)


def _restore(chosen: argparse.Namespace) -> int:
    from treasury.records.restore import run

    return run(chosen.config, chosen.copy)


def _drill(chosen: argparse.Namespace) -> int:
    from treasury.drills.command import Wanted, run
    from treasury.drills.record import DrillKind

    return run(
        Wanted(
            kind=DrillKind(chosen.kind),
            config=chosen.config,
            directory=chosen.directory,
            is_dry_run=chosen.dry_run,
            as_json=chosen.json,
        )
    )


def _dev(chosen: argparse.Namespace) -> int:
    from treasury.dev.scenes import play

    return play(chosen.scene, chosen.directory)


if __name__ == "__main__":
    raise SystemExit(main())
