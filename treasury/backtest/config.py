"""The optional file of `--config`: how sensitive the judgement is, and what to suggest for."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from policies.outflow.sensitivity import DEFAULT, Sensitivity
from treasury.backtest.errors import BacktestError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_T = TypeVar("_T", bound="DataclassInstance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """What suggested bands have to stand.

    A refill arrives `approval_lead_s` after it is asked for (measured from the approval queue's
    own history); a wallet may run dry in `dry_share_max` of its refills; treasurers are asked
    about `refills_per_day_max` times a day.
    """

    approval_lead_s: int = 4 * 3_600
    dry_share_max: float = 0.01
    refills_per_day_max: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestConfig:
    """Everything that `--config` may say."""

    sensitivity: Sensitivity = DEFAULT
    planning: Planning = Planning()


def load_config(path: Path | None) -> BacktestConfig:
    """Read a TOML file with the tables `sensitivity` and `planning`; None gives the defaults.

    Raises `BacktestError` for an unknown key, a wrong type or a ladder out of order.
    """
    if path is None:
        return BacktestConfig()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BacktestError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BacktestError(f"{path}: is not TOML: {error}") from error
    for table in document:
        if table not in {"sensitivity", "planning"}:
            raise BacktestError(f"{path}: {table}: unknown; give [sensitivity] or [planning]")
    config = BacktestConfig(
        sensitivity=_filled(DEFAULT, document.get("sensitivity", {}), f"{path}: sensitivity"),
        planning=_filled(Planning(), document.get("planning", {}), f"{path}: planning"),
    )
    _check(config, path)
    return config


def _filled(default: _T, table: object, place: str) -> _T:
    """Return the defaults with what the table says; every value must be a positive number."""
    if not isinstance(table, dict):
        raise BacktestError(f"{place}: must be a table")
    known = {field.name: field.type for field in fields(default)}
    for key, value in table.items():
        if key not in known:
            raise BacktestError(f"{place}.{key}: unknown; known are {', '.join(sorted(known))}")
        wanted = (int,) if known[key] == "int" else (int, float)
        if isinstance(value, bool) or not isinstance(value, wanted) or not value > 0:
            kind = "a whole number" if wanted == (int,) else "a number"
            raise BacktestError(f"{place}.{key} = {value!r}: must be {kind} above zero")
    return replace(default, **table)


def _check(config: BacktestConfig, path: Path) -> None:
    rungs = config.sensitivity
    ladder = (rungs.alert, rungs.throttle, rungs.hold, rungs.freeze, rungs.isolate)
    if list(ladder) != sorted(set(ladder)):
        raise BacktestError(f"{path}: sensitivity: alert < throttle < hold < freeze < isolate")
    if config.planning.dry_share_max >= 1.0:
        raise BacktestError(f"{path}: planning.dry_share_max: must be below 1")
