"""The chapters with the thief: who sees it, how fast, and what is left; all of it measured."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from policies.amounts import format_amount
from treasury.cli.api import PAY, Api
from treasury.dev.coins import addresses_of
from treasury.dev.desk import Desk, Row, StoryError
from treasury.dev.thief import Thief

_WALLET, _SPARE = "hot-a", "hot-b"
_DECIMALS = {"ETH": 18, "USDC": 6}
_LOOK_S = 0.05
_PATIENCE_S = 60.0


def steal(desk: Desk) -> None:
    """Let a thief with a copy of hot-a's key begin to empty it; no person does anything."""
    desk.say("hot-a's key was imported into its token, so a copy can be stolen: status says so")
    stage = desk.stage
    tokens = {"USDC": addresses_of(stage.coins)["USDC"]}
    desk.wait_for("the live wallet", lambda: _follow(desk, _WALLET))
    thief = Thief(stage.chain.url, stage.deployment.stolen_key(_WALLET), tokens)
    desk.thief = thief
    for symbol in _DECIMALS:
        desk.say(f"hot-a holds {_show(symbol, _held(desk, symbol))}")
    before = thief.block()
    if not thief.strike():
        raise StoryError("the node did not take the thief's first transaction")
    began = _wait_block(thief, before)
    desk.say(f"the thief sends {_show('ETH', thief.grabs[0].amount)} to {thief.lair}")
    for what, seconds in _race(desk, thief, began).items():
        desk.say(f"{seconds:5.1f} s after the thief's first block: {what}")


def contain(desk: Desk) -> None:
    """See what is left come home while the thief goes on; count the loss, and who pays now."""
    number = desk.wait_for("the new live wallet", lambda: _follow(desk, _SPARE))
    incident = desk.wait_for("a contained incident", lambda: _while_stealing(desk, _contained))
    evacuated = desk.wait_for("the end of the evacuation", lambda: _evacuated(desk))
    for row in evacuated:
        desk.say(f"evacuated {row['amount_text']} to the vault; transaction {desk.hash_of(row)}")
    assert desk.thief is not None, "the chapter before has the thief"
    for symbol in _DECIMALS:
        saved = sum(int(row["amount"]) for row in evacuated if row["asset"] == symbol)
        lost = desk.thief.loot(symbol)
        desk.say(f"{symbol}: lost {_show(symbol, lost)}, saved {_show(symbol, saved)}")
    live = json.loads((desk.stage.deployment.directory / "live_wallets.json").read_text())
    if live["pools"]["payouts"]["wallet"] != _SPARE:
        raise StoryError(f"the published live wallet is {live['pools']}")
    desk.say(f"payout services read in live_wallets.json, number {live['sequence']}: {_SPARE}")
    desk.say(f"and acknowledged number {number}: before that the incident was not contained")
    desk.say(f"incident #{incident['id']} is {incident['state']}; a quorum will close it")
    folder = desk.stage.deployment.directory / "handed-out"
    made = desk.ctl("incident", "export", str(incident["id"]), "--out", str(folder))
    for path in made["files"]:
        desk.say(f"for police and insurers: {path}")
    desk.say(f"sealed in the journal by SHA-256 {made['sha256']}")


def refill_successor(desk: Desk) -> None:
    """Have two of three send the new wallet a small emergency refill; it waits for nothing else."""
    refill = desk.wait_for("the emergency refill", lambda: _towards(desk, _SPARE, "PROPOSED"))
    desk.number = str(refill["id"])
    desk.say(f"refill {desk.number}: {refill['amount_text']} to {_SPARE}, {refill['state']}")
    desk.say("less than a healthy wallet gets: who took one key may have the next")
    for person in desk.stage.deployment.people[:2]:
        desk.approve(person)
        desk.say(f"{person.name} signed")
    desk.wait_for("its end", lambda: _towards(desk, _SPARE, "SETTLED"))
    desk.say(f"{_SPARE} holds {desk.eth(desk.address(_SPARE))} and pays from now on")


def _towards(desk: Desk, wallet: str, state: str) -> Row | None:
    rows = desk.ctl("refill", "list")
    meant = (row for row in rows if (row["wallet"], row["asset"]) == (wallet, "ETH"))
    return next((row for row in meant if row["state"] == state), None)


def _race(desk: Desk, thief: Thief, began: float) -> dict[str, float]:
    """Let the thief go on while the daemon works; return when each step was seen, in seconds."""
    looks: dict[str, Callable[[], bool]] = {
        "hot-a is isolated": lambda: _state(desk, _WALLET) == "ISOLATED",
        "a node has the first evacuation": lambda: _is_sent(desk),
        "hot-b is active": lambda: _state(desk, _SPARE) == "ACTIVE",
    }
    seen: dict[str, float] = {}
    while len(seen) < len(looks):
        if time.monotonic() - began > _PATIENCE_S:
            raise StoryError(f"after {_PATIENCE_S:.0f} s only this happened: {list(seen)}")
        thief.strike()
        for what, look in looks.items():
            if what not in seen and look():
                seen[what] = time.monotonic() - began
        time.sleep(_LOOK_S)
    return seen


def _wait_block(thief: Thief, before: int) -> float:
    """Wait for the block that the thief aimed at; the nonce in it may be taken by us already."""
    end = time.monotonic() + _PATIENCE_S
    while thief.block() <= before:
        if time.monotonic() > end:
            raise StoryError(f"no block came within {_PATIENCE_S:.0f} s")
        time.sleep(_LOOK_S)
    return time.monotonic()


def _evacuated(desk: Desk) -> list[Row]:
    """Return the evacuations once all of them are over; raises when the thief won every one."""
    rows = [row for row in desk.ctl("transfer", "list") if row["purpose"] == "evacuation"]
    if any(row["state"] in ("QUEUED", "IN_FLIGHT", "MINED") for row in rows):
        return []
    safe = [row for row in rows if row["state"] == "CONFIRMED"]
    if not safe:
        raise StoryError(f"nothing was brought home: {[row['state'] for row in rows]}")
    return safe


def _follow(desk: Desk, wallet: str) -> int:
    """Read the live wallet and acknowledge it, as a payout service does; 0 while it is another."""
    service = Api(str(desk.stage.deployment.api_socket("service")))
    live = service.get("/v1/live")
    if live["pools"].get("payouts", {}).get("wallet") != wallet:
        return 0
    service.post("/v1/live/acknowledge", {"sequence": live["sequence"]}, PAY)
    return int(live["sequence"])


def _state(desk: Desk, wallet: str) -> str:
    return str(desk.ask(f"/v1/wallets/{wallet}")["state"])


def _is_sent(desk: Desk) -> bool:
    rows = desk.ask("/v1/transfers?purpose=evacuation")["transfers"]
    return any(row["state"] not in ("QUEUED", "CANCELLED") for row in rows)


def _while_stealing(desk: Desk, look: Callable[[Desk], Row | None]) -> Row | None:
    if desk.thief is not None:
        desk.thief.strike()
    return look(desk)


def _contained(desk: Desk) -> Row | None:
    found = desk.ask("/v1/incidents")["incidents"]
    return next((row for row in found if row["state"] == "CONTAINED"), None)


def _held(desk: Desk, symbol: str) -> int:
    assets = desk.ask(f"/v1/wallets/{_WALLET}")["assets"]
    return next(int(held["balance"] or 0) for held in assets if held["asset"] == symbol)


def _show(symbol: str, amount: int) -> str:
    return format_amount(amount, symbol, _DECIMALS[symbol])
