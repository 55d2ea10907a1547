"""The door of `treasuryd backtest`: arguments in, JSON or a report out, one line when wrong.

Exit codes: 0 done, 65 a malformed history, 78 a wrong argument, configuration or file.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from treasury.backtest.config import BacktestConfig, load_config
from treasury.backtest.errors import EX_CONFIG, BacktestError
from treasury.backtest.history import read_histories
from treasury.backtest.replay import Outcome, choose_wallets, replay
from treasury.backtest.symbols import read_symbols

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 (no public name)

_ABOUT = "Judge a wallet's past as the daemon would have judged it, and suggest limits and bands."
_WARM_UP = 0.3


class _Parser(argparse.ArgumentParser):
    """A parser whose usage errors leave with the same code as a wrong configuration."""

    def error(self, message: str) -> NoReturn:
        """Print one line and leave."""
        self.exit(EX_CONFIG, f"backtest: {message}\n")


def parser() -> argparse.ArgumentParser:
    """Return the command's own parser."""
    own = _Parser(prog="treasuryd backtest", description=_ABOUT)
    add_arguments(own)
    return own


def add_parser(commands: Commands) -> None:
    """Add the subcommand to a program's parser."""
    one = commands.add_parser("backtest", help=_ABOUT, description=_ABOUT)
    add_arguments(one)
    one.set_defaults(run=run)


def add_arguments(one: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    one.add_argument(
        "--history", type=Path, action="append", required=True, metavar="FILE",
        help="CSV or CSV.gz in our columns, or an Etherscan export; may be given more than once",
    )  # fmt: skip
    one.add_argument(
        "--wallet", action="append", default=[], metavar="0xADDR",
        help="judge this sender only; may be given more than once",
    )  # fmt: skip
    one.add_argument(
        "--warmup", type=_share, default=_WARM_UP, metavar="SHARE",
        help="the first share of each wallet's time that is learned in silence (default 0.3)",
    )  # fmt: skip
    one.add_argument("--config", type=Path, help="TOML with [sensitivity] and [planning]")
    one.add_argument("--json", action="store_true", help="print verdicts as JSON and nothing else")
    one.add_argument(
        "--png", type=Path, metavar="FILE", help="where the plot goes (default: beside the report)"
    )
    one.add_argument("--no-png", action="store_true", help="draw in the terminal only")


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share < 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share; give 0 up to below 1")
    return share


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    begin = time.perf_counter()
    # Rows and histograms hold no cycles, and walking a hundred thousand of them costs a fifth.
    gc.disable()
    try:
        config = load_config(options.config)
        rows = read_histories(options.history)
        wallets = choose_wallets(rows, options.wallet)
        outcome = replay(rows, wallets, options.warmup, config.sensitivity)
        took_s = time.perf_counter() - begin
        if options.json:
            sys.stdout.write(json.dumps(as_json(outcome, took_s)) + "\n")
            return 0
        return _report(options, outcome, config, took_s)
    except BacktestError as error:
        sys.stderr.write(f"backtest: {error}\n")
        return error.status
    finally:
        gc.enable()


def _report(
    options: argparse.Namespace, outcome: Outcome, config: BacktestConfig, took_s: float
) -> int:
    # Plotting libraries are slow to import, so they are loaded only when something is drawn.
    from treasury.backtest.report import write_report  # noqa: PLC0415

    png = None if options.no_png else options.png or Path("backtest.png")
    symbols = read_symbols(options.history)
    write_report(outcome, config, took_s=took_s, symbols=symbols, png=png, out=sys.stdout)
    return 0


def as_json(outcome: Outcome, took_s: float) -> dict[str, object]:
    """Return the machine-readable result; speed counts from opening the file on."""
    return {
        "wallets": {
            wallet: {"events": span.events, "first": span.first, "last": span.last}
            for wallet, span in outcome.spans.items()
        },
        "verdicts": [
            {
                "time": one.row.time,
                "tx_hash": one.row.tx_hash,
                "wallet": one.row.sender,
                "verdict": one.judgement.verdict.word,
                "score": one.judgement.score,
                "reasons": [finding._asdict() for finding in one.judgement.findings],
            }
            for one in outcome.spoken
        ],
        "events_per_second": round(len(outcome.rows) / max(took_s, 1e-9)),
    }
