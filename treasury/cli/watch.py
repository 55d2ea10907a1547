"""`watch`: the status, live: a bar for every pool and asset, the queue, the troubles.

On a terminal each picture replaces the last one, with colours unless NO_COLOR is set; into a file
or pipe plain pictures follow one another. Ctrl-C ends it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from treasury.cli.exits import UNAVAILABLE, CommandError
from treasury.cli.screen import ago, brief, clock, cut, fields, plain

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_BAR = 40
_FEWEST_S = 0.2
_CLEAR = "\x1b[H\x1b[2J"
_RED, _YELLOW, _RESET = "\x1b[31m", "\x1b[33m", "\x1b[0m"
_OPEN = "PROPOSED,APPROVED,RELEASED"


def show(call: Call) -> None:
    """Draw pictures until interrupted, or one."""
    is_live = sys.stdout.isatty() and not call.arguments.once
    has_colours = sys.stdout.isatty() and not call.environment.is_plain
    while True:
        status, refills = _look(call)
        lines = list(picture(status, refills, has_colours=has_colours))
        if is_live:
            print(_CLEAR, end="")
        call.show({"status": status, "refills": refills}, lines)
        sys.stdout.flush()
        if call.arguments.once:
            return
        time.sleep(max(_FEWEST_S, call.arguments.interval))


def _look(call: Call) -> tuple[Json, list[Json]]:
    try:
        status = call.api.get("/v1/status")
        return status, call.api.get("/v1/refills", {"state": _OPEN})["refills"]
    except CommandError as error:
        if call.arguments.once or error.code != UNAVAILABLE:
            raise
        # A daemon that restarts is worth waiting for; the picture says what is the matter.
        return {"error": str(error)}, []


def picture(status: Json, refills: list[Json], *, has_colours: bool) -> Iterator[str]:
    """Yield the lines of one picture."""
    if "error" in status:
        yield f"treasury: {plain(status['error'])}"
        return
    now = int(status["now"])
    exposure = status["exposure"]
    yield f"Treasury at {clock(now)}, exposure {plain(exposure['state'])}"
    yield ""
    for pool in status["pools"]:
        for asset in pool["assets"]:
            yield from _bar_lines(pool, asset, has_colours=has_colours)
    yield ""
    yield "QUEUE"
    yield from _queue(refills, now)
    yield "TROUBLE"
    yield from _trouble(status)


def bar(balance: int | None, *, floor: int, target: int, cap: int) -> str:
    """Draw a balance up to the cap: filled so far, with marks at floor and target."""
    if balance is None or cap <= 0:
        return "?" * _BAR

    def place(amount: int) -> int:
        return max(0, min(_BAR, amount * _BAR // cap))

    filled = place(balance)
    cells = ["=" if i < filled else " " for i in range(_BAR)]
    for amount in (floor, target):
        cells[min(_BAR - 1, place(amount))] = "|"
    return "".join(cells) + (">" if balance > cap else "]")


def _bar_lines(pool: Json, asset: Json, *, has_colours: bool) -> Iterator[str]:
    balance = None if asset["balance"] is None else int(asset["balance"])
    drawn = bar(
        balance, floor=int(asset["floor"]), target=int(asset["target"]), cap=int(asset["cap"])
    )
    standing = plain(asset["standing"])
    name = plain(f"{pool['name']}/{pool['active'] or 'none'}")
    shown = brief(asset["balance_text"])
    line = f"{name[:20].ljust(20)} [{drawn} {shown[:22].rjust(22)}  {standing}"
    yield _coloured(cut(line), standing) if has_colours else cut(line)


def _coloured(line: str, standing: str) -> str:
    colour = {"below floor": _RED, "unknown": _RED, "above cap": _YELLOW}.get(standing)
    return f"{colour}{line}{_RESET}" if colour else line


def _queue(refills: list[Json], now: int) -> Iterator[str]:
    for refill in refills:
        required = refill["required"]
        count = f"{len(refill['approved_by'])} of {'?' if required is None else required}"
        expires = ago(refill["expires_at"], now)
        text = f"#{refill['id']} {refill['state']}: {refill['amount_text']} to {refill['wallet']}"
        yield cut(f"  {plain(text)}, {count} approvals, expires {expires}")
    if not refills:
        yield "  nothing"


def _trouble(status: Json) -> Iterator[str]:
    found = [(trouble["subject"], trouble["text"]) for trouble in status["trouble"]]
    if status["exposure"]["state"] != "RUNNING":
        found.append(("exposure", f"{status['exposure']['state']}: {status['exposure']['why']}"))
    if status["signer"]["health"] != "ready":
        found.append(("signer", status["signer"]["health"]))
    found += [(chain["name"], chain["error"]) for chain in status["chains"] if not chain["ok"]]
    yield from (f"  {line}" for line in fields(found))
    if not found:
        yield "  none"
