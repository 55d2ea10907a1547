"""A watch as JSON values and back: the restored one goes on exactly as the stored one would.

Histograms are written sparsely; return periods that were worked out at some earlier moment are
kept as packed doubles, so that a restart changes no verdict.
"""

from __future__ import annotations

import json
from array import array
from base64 import b64decode, b64encode
from typing import Any

from policies.outflow.case import Case
from policies.outflow.known import KnownRecipients
from policies.outflow.pairs import Pairs
from policies.outflow.rhythm import Rhythm
from policies.outflow.scale import Scale
from policies.outflow.sensitivity import DEFAULT, Sensitivity
from policies.outflow.tail import Tail
from policies.outflow.watch import WalletWatch
from policies.outflow.windows import Flow, Window

VERSION = 6
_PLAIN = (
    "apart", "days", "day_end", "drains", "entries", "events", "first", "firsts", "founded",
    "holds", "is_stale", "is_unpaired", "last", "next_roll", "offset", "salt", "unread",
    "usual", "usual_bucket",
)  # fmt: skip
_TAILS = ("every", "entry", "total", "score", "heat", "times", "drained", "jump", "pair", "again")
_RHYTHM = ("count", "hour", "hours_seen", "usual", "weight")
_FOLLOW = ("changes", "costs", "gaps", "payments", "turn")
_PAIRS = Pairs.__slots__
_SCALE = Scale.__slots__
_WINDOW = tuple(name for name in Window.__slots__ if name != "tail")


class StateError(ValueError):
    """Stored state is of another version or damaged: learn anew, or restore an older copy."""


def to_bytes(watch: WalletWatch) -> bytes:
    """Return all that the watch has learned, as canonical JSON."""
    return json.dumps(to_state(watch), sort_keys=True, separators=(",", ":")).encode()


def from_bytes(data: bytes, sensitivity: Sensitivity = DEFAULT) -> WalletWatch:
    """Return the watch that was stored.  Raises `StateError`."""
    try:
        return from_state(json.loads(data), sensitivity)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise StateError(
            f"the stored outflow state cannot be used ({error}): learn anew"
        ) from error


def to_state(watch: WalletWatch) -> dict[str, Any]:
    """Return all that the watch has learned, as JSON values."""
    return {
        "version": VERSION,
        "plain": {name: getattr(watch, name) for name in _PLAIN},
        "assets": [[name, *_values(scale, _SCALE)] for name, scale in watch.assets.items()],
        "young": [case.state() for case in watch.young.values()],
        "known": watch.known.state(),
        "rhythm": _values(watch.rhythm, _RHYTHM),
        "follow": _values(watch.follow, _FOLLOW),
        "pairs": _values(watch.pairs, _PAIRS),
        "tails": {name: _tail(getattr(watch, name)) for name in _TAILS},
        "flows": {flow.name: _flow(flow) for flow in watch.flows},
    }


def from_state(state: dict[str, Any], sensitivity: Sensitivity = DEFAULT) -> WalletWatch:
    """Return the watch that was stored.  Raises `StateError` for another version."""
    if state["version"] != VERSION:
        raise StateError(f"version {state['version']}, this program writes {VERSION}")
    watch = WalletWatch(sensitivity)
    for name in _PLAIN:
        setattr(watch, name, state["plain"][name])
    for name, *values in state["assets"]:
        watch.assets[name] = _filled(Scale(), _SCALE, values)
    for values in state["young"]:
        case = Case.restored(values)
        watch.young[case.key] = case
    watch.known = KnownRecipients()
    watch.known.restore(state["known"])
    watch.rhythm = _filled(Rhythm(), _RHYTHM, state["rhythm"])
    _filled(watch.follow, _FOLLOW, state["follow"])
    watch.pairs.restore(state["pairs"])
    for name in _TAILS:
        _fill_tail(getattr(watch, name), state["tails"][name])
    for flow in watch.flows:
        _fill_flow(flow, state["flows"][flow.name])
    return watch


def _values(one: object, names: tuple[str, ...]) -> list[Any]:
    """Return the named attributes; infinity, which JSON lacks, is written as None."""
    values = [getattr(one, name) for name in names]
    return [None if value == float("inf") else value for value in values]


def _filled(one: Any, names: tuple[str, ...], values: list[Any]) -> Any:  # noqa: ANN401 (any of ours)
    for name, value in zip(names, values, strict=True):
        setattr(one, name, float("inf") if value is None else value)
    return one


def _tail(tail: Tail) -> dict[str, Any]:
    return {
        "counts": _sparse(tail),
        "decades": b64encode(array("d", tail.decades).tobytes()).decode(),
        "excess_prior": tail.excess_prior,
    }


def _sparse(tail: Tail) -> dict[str, float]:
    return {str(bucket): count for bucket, count in enumerate(tail.counts) if count}


def _fill_counts(tail: Tail, counts: dict[str, float]) -> None:
    for bucket, count in counts.items():
        tail.counts[int(bucket)] = count


def _fill_tail(tail: Tail, state: dict[str, Any]) -> None:
    _fill_counts(tail, state["counts"])
    decades = array("d")
    decades.frombytes(b64decode(state["decades"], validate=True))
    if len(decades) != len(tail.decades):
        raise StateError("a histogram has another size")
    tail.decades = list(decades)
    tail.excess_prior = state["excess_prior"]


def _flow(flow: Flow) -> dict[str, Any]:
    windows = [
        {"plain": _values(window, _WINDOW), "counts": _sparse(window.tail)}
        for window in flow.windows
    ]
    return {"total": flow.total, "windows": windows}


def _fill_flow(flow: Flow, state: dict[str, Any]) -> None:
    flow.total = state["total"]
    for window, stored in zip(flow.windows, state["windows"], strict=True):
        _filled(window, _WINDOW, stored["plain"])
        _fill_counts(window.tail, stored["counts"])
        if window.past_days:
            window.tail.refresh(window.past_days)
    flow.set_bar()
