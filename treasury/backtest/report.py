"""The report for people: what the judgement said, why, and what limits the past suggests."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from policies.outflow.sensitivity import DEFAULT
from policies.outflow.verdict import Verdict
from treasury.backtest.config import BacktestConfig
from treasury.backtest.history import Row
from treasury.backtest.picture import write_png
from treasury.backtest.replay import Outcome, Spoken
from treasury.backtest.series import Series, series_of
from treasury.backtest.suggestion import Suggestion, suggest
from treasury.backtest.symbols import said
from treasury.backtest.terminal import draw_text

_DAY_S = 86_400
_VERDICTS_SHOWN = 12
_PER_RECIPIENT = 3
_SHORT_DAYS = 14.0
_ASSETS_SHOWN = 6
_PLOTS_MAX = 24


def write_report(
    outcome: Outcome,
    config: BacktestConfig,
    *,
    took_s: float,
    symbols: dict[str, str],
    png: Path | None,
    out: TextIO,
) -> None:
    """Write the report of every wallet, busiest first, and the PNG when a path is given."""
    wallets = sorted(outcome.spans, key=lambda wallet: -outcome.spans[wallet].events)
    drawn: list[Series] = []
    for wallet in wallets:
        out.write(_heading(outcome, wallet))
        if len(drawn) < _PLOTS_MAX:
            drawn.append(series_of(outcome, wallet))
            out.write(said(draw_text(drawn[-1]), symbols) + "\n")
        out.write(said(_verdicts(outcome, wallet), symbols))
        measured = suggest(_unheld(outcome, wallet), config.planning)
        out.write(said(_suggestions(measured, config), symbols))
        out.write(_caution(outcome, wallet) + "\n")
    speed = len(outcome.rows) / max(took_s, 1e-9)
    out.write(f"{len(outcome.rows)} transfers in {took_s:.2f} s: {speed:,.0f} a second\n")
    if png is not None:
        write_png(drawn, png, symbols)
        out.write(f"plot written to {png}\n")


def _unheld(outcome: Outcome, wallet: str) -> list[Row]:
    """Return what the wallet paid without a person: what was held must not set its own limit.

    Nor must what the same recipient got in the days around it: a thief's first transfer may pass,
    and about his later ones nobody is asked again.
    """
    held = {
        one.row.recipient: one.row.time
        for one in reversed(outcome.spoken)
        if one.row.sender == wallet and one.judgement.verdict >= Verdict.HOLD
    }
    rows = (row for row in outcome.rows if row.sender == wallet)
    return [
        row
        for row in rows
        if row.recipient not in held or abs(row.time - held[row.recipient]) >= DEFAULT.young_s
    ]


def _heading(outcome: Outcome, wallet: str) -> str:
    span = outcome.spans[wallet]
    counts = Counter(one.judgement.verdict for one in outcome.spoken if one.row.sender == wallet)
    words = ", ".join(f"{counts[v]} {v.word}" for v in reversed(Verdict) if counts[v])
    days = (span.last - span.first) / _DAY_S
    return (
        f"Wallet {wallet}\n"
        f"  {span.events} transfers in {days:.1f} days,"
        f" {moment(span.first)} to {moment(span.last)};"
        f" learned in silence until {moment(span.warm_until)}\n"
        f"  verdicts: {words or 'none, all calm'}\n"
    )


def _verdicts(outcome: Outcome, wallet: str) -> str:
    spoken = [one for one in outcome.spoken if one.row.sender == wallet]
    if not spoken:
        return ""
    shown = _telling(spoken)
    lines = [_verdict(one) for one in shown]
    if len(spoken) > len(shown):
        lines.append(f"  ... and {len(spoken) - len(shown)} milder ones (--json has all)\n")
    return "".join(lines)


def _telling(spoken: list[Spoken]) -> list[Spoken]:
    """Return the worst verdicts by time, few of each recipient: a drain has one story to tell."""
    counts: Counter[str] = Counter()
    shown = []
    for one in sorted(spoken, key=lambda one: (-one.judgement.verdict, -one.judgement.score)):
        counts[one.row.recipient] += 1
        if counts[one.row.recipient] <= _PER_RECIPIENT:
            shown.append(one)
    return sorted(shown[:_VERDICTS_SHOWN], key=lambda one: one.row.time)


def _verdict(one: Spoken) -> str:
    row, judgement = one.row, one.judgement
    head = (
        f"  {moment(row.time)}  {judgement.verdict.word.upper()} (score {judgement.score})"
        f"  {row.amount:,.6g} {row.asset} to {row.recipient}\n    transaction {row.tx_hash}\n"
    )
    return head + "".join(
        f"    - {finding.observed}; expected: {finding.expected}\n"
        for finding in judgement.findings
    )


def _suggestions(suggestions: list[Suggestion], config: BacktestConfig) -> str:
    if not suggestions:
        return "  suggested limits: too few payments of any asset to measure\n"
    plan = config.planning
    head = (
        f"  suggested limits and bands, from all payments that were not held"
        f" (a refill takes {plan.approval_lead_s / 3600:.1f} h,"
        f" dry in at most {plan.dry_share_max:.1%} of refills,"
        f" at most {plan.refills_per_day_max:g} refills a day), in token units:\n"
    )
    lines = [head, *(_suggestion(one) for one in suggestions[:_ASSETS_SHOWN])]
    if len(suggestions) > _ASSETS_SHOWN:
        lines.append(f"    ... and {len(suggestions) - _ASSETS_SHOWN} assets more\n")
    return "".join(lines)


def _suggestion(one: Suggestion) -> str:
    return (
        f"    {one.asset}\n"
        f"      per transfer {one.per_transfer:,.6g}; per 24 h {one.day_amount:,.6g}"
        f" in {one.day_count} payments; to first-use recipients per 24 h"
        f" {one.first_use_day_amount:,.6g}\n"
        f"      floor {one.floor:,.6g}, target {one.target:,.6g}, cap {one.cap:,.6g}:"
        f" on this past {one.refills_per_day:.2f} refills a day,"
        f" {one.dry_share:.1%} too late, mean balance {one.mean_balance:,.4g}\n"
    )


def _caution(outcome: Outcome, wallet: str) -> str:
    """Say so when the past is too short for what a day or a pay day needs."""
    span = outcome.spans[wallet]
    days = (span.last - span.first) / _DAY_S
    if days >= _SHORT_DAYS:
        return ""
    return (
        f"    measured on {days:.1f} days only: too low for rare and busy days;"
        f" give {_SHORT_DAYS:.0f} days or more before these figures become law\n"
    )


def moment(time: int) -> str:
    """Return a time as people read it, in UTC."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S")
