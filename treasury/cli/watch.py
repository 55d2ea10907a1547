"""`watch`: the status, live: a bar for every hot wallet and asset, the queue, the troubles.

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
_NAME = 14
_FEWEST_S = 0.2
_CLEAR = "\x1b[H\x1b[2J"
_RED, _YELLOW, _RESET = "\x1b[31m", "\x1b[33m", "\x1b[0m"
_OPEN = "PROPOSED,APPROVED,RELEASED"


def show(call: Call) -> None:
    """Draw pictures until interrupted, or one."""
    is_live = sys.stdout.isatty() and not call.arguments.once
    has_colours = sys.stdout.isatty() and not call.environment.is_plain
    while True:
        seen = _look(call)
        lines = list(picture(seen, has_colours=has_colours))
        if is_live:
            print(_CLEAR, end="")
        call.show(seen, lines)
        sys.stdout.flush()
        if call.arguments.once:
            return
        time.sleep(max(_FEWEST_S, call.arguments.interval))


def _look(call: Call) -> Json:
    try:
        return {
            "status": call.api.get("/v1/status"),
            "wallets": call.api.get("/v1/wallets")["wallets"],
            "refills": call.api.get("/v1/refills", {"state": _OPEN})["refills"],
        }
    except CommandError as error:
        if call.arguments.once or error.code != UNAVAILABLE:
            raise
        # A daemon that restarts is worth waiting for; the picture says what is the matter.
        return {"error": str(error)}


def picture(seen: Json, *, has_colours: bool) -> Iterator[str]:
    """Yield the lines of one picture."""
    if "error" in seen:
        yield f"treasury: {plain(seen['error'])}"
        return
    status = seen["status"]
    now = int(status["now"])
    exposure = status["exposure"]
    yield f"Treasury at {clock(now)}, exposure {plain(exposure['state'])}"
    yield ""
    for pool in status["pools"]:
        yield from _pool(pool, seen["wallets"], has_colours=has_colours)
    yield "QUEUE"
    yield from _queue(seen["refills"], now)
    yield "TROUBLE"
    yield from _trouble(status)


def _pool(pool: Json, wallets: list[Json], *, has_colours: bool) -> Iterator[str]:
    yield f"{plain(pool['name'])} on {plain(pool['chain'])}"
    for wallet in wallets:
        if wallet["pool"] == pool["name"] and wallet["state"] != "RETIRED":
            yield from _wallet(wallet, has_colours=has_colours)
    yield ""


def _wallet(wallet: Json, *, has_colours: bool) -> Iterator[str]:
    """Yield a bar for every asset that has a band; a wallet that does not pay is not coloured."""
    is_active = wallet["state"] == "ACTIVE"
    mark = wallet["name"] if is_active else f"{wallet['name']} {str(wallet['state']).lower()}"
    banded = [asset for asset in wallet["assets"] if "floor" in asset]
    for number, asset in enumerate(banded):
        line = cut(_bar_line("" if number else plain(mark), asset))
        yield _coloured(line, asset["standing"]) if has_colours and is_active else line


def bar(balance: int | None, *, floor: int, target: int, cap: int) -> str:
    """Draw a balance up to the cap: filled so far, with marks at floor and target."""
    if balance is None or cap <= 0:
        return "?" * _BAR + "]"

    def place(amount: int) -> int:
        return max(0, min(_BAR, amount * _BAR // cap))

    filled = place(balance)
    cells = ["=" if i < filled else " " for i in range(_BAR)]
    for amount in (floor, target):
        cells[min(_BAR - 1, place(amount))] = "|"
    return "".join(cells) + (">" if balance > cap else "]")


def _bar_line(name: str, asset: Json) -> str:
    balance = None if asset["balance"] is None else int(asset["balance"])
    drawn = bar(
        balance, floor=int(asset["floor"]), target=int(asset["target"]), cap=int(asset["cap"])
    )
    shown = brief(asset["balance_text"])
    runway = plain(asset.get("runway_text", "-"))
    lasts = f", {runway} left" if runway[:1].isdigit() else ""
    return (
        f"{name[:_NAME].ljust(_NAME)} [{drawn} {shown.rjust(16)} {plain(asset['standing'])}{lasts}"
    )


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
