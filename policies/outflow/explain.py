"""Sentences for the learned signals: what was observed, and what this wallet's past expects."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from policies.outflow.signals import Signal
from policies.outflow.verdict import Finding

if TYPE_CHECKING:
    from policies.outflow.case import Case
    from policies.outflow.event import Outflow

_YEAR_DAYS = 365.25


class _Scene(NamedTuple):
    """What a sentence may speak of."""

    event: Outflow
    case: Case | None
    signal: Signal


def explain(event: Outflow, case: Case | None, signals: list[Signal]) -> tuple[Finding, ...]:
    """Return a finding for each signal, the strongest first."""
    ordered = sorted(signals, key=lambda signal: -signal.decades)
    return tuple(
        Finding(_name(one), _OBSERVED[one.rule](_Scene(event, case, one)), _expected(one))
        for one in ordered
    )


def _name(signal: Signal) -> str:
    """Return the rule's stable name, with its span where it has one."""
    return f"{signal.rule}_{_short_span(signal.span_s)}" if signal.span_s else signal.rule


def _short_span(span_s: int) -> str:
    return f"{span_s // 3_600}h" if span_s >= 3_600 else f"{span_s // 60}m"


def _expected(signal: Signal) -> str:
    said = _EXPECTED[signal.rule].format(often=how_often(signal.decades))
    return f"{said}, by this wallet's own past"


def how_often(decades: float) -> str:
    """Return a return period as people say it; what is rarer than a century is said so."""
    days = 10.0 ** min(decades, 9.0)
    if days >= 100 * _YEAR_DAYS:
        return "less than once in a hundred years"
    if days >= 2 * _YEAR_DAYS:
        return f"about once in {days / _YEAR_DAYS:.0f} years"
    if days >= 2.0:
        return f"about once in {days:.0f} days"
    return "every day or two"


def _odds(decades: float) -> str:
    """Return a chance as people say it, from its decades."""
    if decades >= 9.0:
        return "less than once in a billion times"
    return f"about once in {float(f'{10.0**decades:.1g}'):,.0f} times"


def _times_large(size: float) -> str:
    """Return a size in words: nine in ten payments are below size 1."""
    if size >= 10.0:
        return f"{size:,.0f} times a large payment"
    if size >= 1.0:
        return f"{size:.1f} times a large payment"
    return f"{size:.0%} of a large payment"


def _first_payment(scene: _Scene) -> str:
    event, case = scene.event, scene.case
    again = case is not None and case.count > 0
    when = "more than ever before" if again else "paid for the first time"
    return (
        f"{event.amount:,.6g} {event.asset} to {event.recipient}, {when}:"
        f" {_times_large(scene.signal.seen)} of this wallet (nine in ten are smaller)"
    )


def _recipient_total(scene: _Scene) -> str:
    return (
        f"{scene.event.recipient}, new in these days, would have got"
        f" {_times_large(scene.signal.seen)} in all"
    )


def _recipient_surprise(scene: _Scene) -> str:
    event, case = scene.event, scene.case
    count = case.count + 1 if case is not None else 1
    kinds = {*case.assets, event.asset} if case is not None else {event.asset}
    since = event.time - case.first if case is not None else 0
    assets = f" of {len(kinds)} assets" if len(kinds) > 1 else ""
    return (
        f"{count} payments{assets} to the new recipient {event.recipient} within {_span(since)}:"
        f" such sizes, pace and assets meet by chance {_odds(scene.signal.seen)}"
    )


def _recipient_pace(scene: _Scene) -> str:
    count = max(2, round(scene.signal.seen))
    return f"{scene.event.recipient}, new in these days, is paid {count} times within about an hour"


def _recipient_count(scene: _Scene) -> str:
    return f"payment number {scene.signal.seen:.0f} to {scene.event.recipient}, new in these days"


def _drain(scene: _Scene) -> str:
    event = scene.event
    share = event.amount / event.balance if event.balance else 1.0
    return f"{share:.1%} of the wallet's {event.asset} to {event.recipient}, new in these days"


def _jump(scene: _Scene) -> str:
    times = 2.0 ** (scene.signal.seen / 2.0)
    said = f"{times:,.0f}" if times >= 10.0 else f"{times:.1f}"
    return (
        f"{scene.event.recipient}, new in these days, is paid {said} times as much as ever before"
    )


def _pair(scene: _Scene) -> str:
    return (
        f"{scene.event.recipient}, never paid before, asks for a rare payment soon after another"
        f" newcomer got one: by chance {how_often(scene.signal.seen)}"
    )


def _again(scene: _Scene) -> str:
    event, case = scene.event, scene.case
    gap_s = event.time - case.last if case is not None else 0
    return (
        f"{event.recipient}, new in these days, is paid again after {_span(gap_s)}, which is rare"
        " for payments like these"
    )


def _window(text: str) -> Callable[[_Scene], str]:
    def say(scene: _Scene) -> str:
        seen = scene.signal.seen
        return text.format(seen=seen, span=_span(scene.signal.span_s), odds=_odds(seen))

    return say


def _span(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} seconds"
    if seconds < 3_600:
        return f"{seconds // 60} minutes"
    if seconds < 7_200:
        return "1 hour"
    return f"{seconds // 3_600} hours"


_OBSERVED: dict[str, Callable[[_Scene], str]] = {
    "first_payment": _first_payment,
    "recipient_total": _recipient_total,
    "recipient_surprise": _recipient_surprise,
    "recipient_pace": _recipient_pace,
    "recipient_count": _recipient_count,
    "drain": _drain,
    "jump": _jump,
    "pair": _pair,
    "again": _again,
    "fresh": _window(
        "in {span} new recipients got {seen:,.1f} times a large payment"
        " (no payment counted above 3)"
    ),
    "hours": _window(
        "in {span} new recipients got {seen:,.1f} times a large payment, weighed by how quiet"
        " these hours of the week usually are"
    ),
    "all": _window("in {span} {seen:,.1f} times a large payment left the wallet in all"),
    "rare": _window(
        "assets that are seldom sent went to new recipients within {span}: by chance {odds}"
    ),
    "large": _window(
        "unusually large payments to new recipients within {span}: their sizes meet by chance"
        " {odds}"
    ),
    "storm": _window(
        "payments to new recipients that usually come one by one, within {span}: they meet by"
        " chance {odds}"
    ),
    "crowd": _window("{seen:,.0f} recipients were paid for the first time within {span}"),
}
_EXPECTED = {
    "first_payment": "a first payment this large comes {often}",
    "recipient_total": "a new recipient gets this much in its first days {often}",
    "recipient_surprise": "a new recipient is paid so much, so fast and so oddly {often}",
    "recipient_pace": "a new recipient is paid in such quick succession {often}",
    "recipient_count": "a new recipient is paid so often in its first days {often}",
    "pair": "two newcomers are paid such amounts so close together {often}",
    "again": "a new recipient is paid the like again so soon {often}",
    "jump": "a new recipient is paid so much more than the last time {often}",
    "drain": "a new recipient gets so much of what is there {often}",
    "fresh": "new recipients get this much {often}",
    "hours": "new recipients get this much at such an hour {often}",
    "all": "this much leaves the wallet {often}",
    "rare": "so many seldom-sent assets leave together {often}",
    "large": "so many unusually large payments to new recipients come together {often}",
    "storm": "so much comes so close together {often}",
    "crowd": "so many new recipients come together {often}",
}
