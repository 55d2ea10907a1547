"""The real drills: a treasury of play money, something terrible, and a stop-watch.

    isolate      one person cuts a wallet off at the signer; the daemon does the rest
    stolen-key   a thief with a copy of the key robs it until it is isolated and evacuated
    rpc-lies     one of three nodes lies, then another is silent: nothing may move; then all goes on
    hsm-loss     the tokens vanish under the signer, and come back
    restore      the ledger is lost and put back from a copy older than a payout

Everything runs as in real life: a node, SoftHSM, two processes, the commands that people type.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from policies.amounts import format_amount
from treasury.cli.api import Api
from treasury.dev.children import python
from treasury.dev.coins import USDC, addresses_of
from treasury.dev.deployment import Plan
from treasury.dev.desk import Desk
from treasury.dev.node_client import DevelopmentNode
from treasury.dev.payouts import customers, pay
from treasury.dev.stage import raised
from treasury.dev.thief import Thief
from treasury.drills.record import Drill, DrillError, DrillKind

_PATIENCE_S = 60.0
_QUIET_S = 4.0
_AMOUNT = 10**17
_COMMAND_S = 60
_DECIMALS = {"ETH": 18, "USDC": 6}


def play(drill: Drill, directory: Path) -> None:
    """Raise a treasury, play one drill in it and take it down. Raises `TreasuryError`."""
    liars = 3 if drill.kind is DrillKind.RPC_LIES else 0
    plan = Plan(coins=(USDC,), imported=("hot-a",), mirrors=liars)
    began = time.monotonic()
    with raised(directory, plan) as stage:
        drill.note("a treasury of play money is up", began)
        desk = Desk(stage)
        try:
            _settled(desk)
            _DRILLS[drill.kind](drill, desk)
        finally:
            desk.leave()


def _isolate(drill: Drill, desk: Desk) -> None:
    signer = str(desk.stage.deployment.people_socket)
    began = time.monotonic()
    desk.ctl("isolate", "hot-a", "--why", "a drill", "--signer", signer)
    drill.note("one person told the signer", began)
    drill.await_all(_isolated(desk), began=began, patience_s=_PATIENCE_S)


def _stolen_key(drill: Drill, desk: Desk) -> None:
    stage = desk.stage
    tokens = {"USDC": addresses_of(stage.coins)["USDC"]}
    desk.thief = thief = Thief(stage.chain.url, stage.deployment.stolen_key("hot-a"), tokens)
    if not thief.strike():
        raise DrillError("the node did not take the thief's first transaction")
    with closing(DevelopmentNode(stage.chain.url)) as node:
        node.receipt(thief.grabs[0].hash)
    looks = _isolated(desk)
    first = next(iter(looks))
    # The thief goes on for as long as anything is looked at.
    looks[first] = _both(thief.strike, looks[first])
    began = time.monotonic()
    drill.await_all(looks, began=began, patience_s=_PATIENCE_S)
    sums = {symbol: (_saved(desk, symbol), thief.loot(symbol)) for symbol in ("ETH", "USDC")}
    if not any(saved for saved, _ in sums.values()):
        raise DrillError(f"nothing was saved; the thief has {_told(sums, 1)}")
    drill.note(f"saved {_told(sums, 0)}; the thief has {_told(sums, 1)}", began)


def _told(sums: Mapping[str, tuple[int, int]], side: int) -> str:
    return " and ".join(
        format_amount(pair[side], symbol, _DECIMALS[symbol]) for symbol, pair in sums.items()
    )


def _rpc_lies(drill: Drill, desk: Desk) -> None:
    first, second, _honest = desk.stage.mirrors
    first.is_lying = True
    drill.await_all(
        {"one of three nodes lies: hot-a is frozen on its word": lambda: _is_frozen(desk)},
        began=time.monotonic(),
        patience_s=_PATIENCE_S,
    )
    second.is_silent = True
    began = time.monotonic()
    _pay(desk, "drill-lies")
    time.sleep(_QUIET_S)
    if _is_paid(desk, "drill-lies"):
        raise DrillError("a payout was settled without a quorum of nodes that agree")
    _require_not_isolated(desk)
    drill.note("one lies, one is silent: nothing moved, nothing was isolated", began)
    first.is_lying = second.is_silent = False
    time.sleep(_QUIET_S)
    began = time.monotonic()
    desk.ctl("wallet", "unfreeze", "hot-a", "--why", "the node that lied was found")
    drill.await_all(
        {"the nodes agree, a person lifts it, it pays": lambda: _is_paid(desk, "drill-lies")},
        began=began,
        patience_s=_PATIENCE_S,
    )


def _hsm_loss(drill: Drill, desk: Desk) -> None:
    tokens = desk.stage.deployment.directory / "tokens"
    away = tokens.with_name("tokens-away")
    began = time.monotonic()
    tokens.rename(away)
    desk.stage.signer.kill()
    desk.stage.signer.start()
    drill.await_all(
        {"the status says that the signer is not ready": lambda: _health(desk) != "ready"},
        began=began,
        patience_s=_PATIENCE_S,
    )
    _pay(desk, "drill-hsm")
    time.sleep(_QUIET_S)
    if _is_paid(desk, "drill-hsm"):
        raise DrillError("a payout was signed without a token")
    if tokens.exists():
        tokens.rmdir()
    away.rename(tokens)
    began = time.monotonic()
    desk.stage.signer.kill()
    desk.stage.signer.start()
    drill.await_all(
        {
            "the tokens are back: the signer is ready": lambda: _health(desk) == "ready",
            "the payout that waited is settled": lambda: _is_paid(desk, "drill-hsm"),
        },
        began=began,
        patience_s=_PATIENCE_S,
    )


def _restore(drill: Drill, desk: Desk) -> None:
    deployment = desk.stage.deployment
    copy = deployment.directory / "copy.sqlite3"
    config = ("--config", str(deployment.daemon_toml))
    with drill.step("a copy is written while the daemon runs"):
        _treasuryd("backup", *config, str(copy))
    _pay(desk, "drill-late")
    desk.wait_for("the late payout", lambda: _is_paid(desk, "drill-late"))
    nonce = desk.nonce("hot-a")
    began = time.monotonic()
    desk.stage.daemon.kill()
    for lost in deployment.directory.glob("ledger.sqlite3*"):
        lost.unlink()
    with drill.step("the copy is verified, caught up with the signer's book, and in place"):
        _treasuryd("restore", *config, str(copy))
    desk.stage.daemon.start()
    drill.await_all({"the daemon answers": desk.is_up}, began=began, patience_s=_PATIENCE_S)
    _pay(desk, "drill-late")
    time.sleep(_QUIET_S)
    if desk.ask("/v1/status")["exposure"]["state"] != "HALTED":
        raise DrillError("a restored ledger must begin HALTED")
    if desk.nonce("hot-a") != nonce:
        raise DrillError("the restored daemon paid again what was paid already")
    drill.note("halted; the late payout was asked for again, and not paid twice", began)


def _isolated(desk: Desk) -> dict[str, Callable[[], bool]]:
    return {
        "hot-a is isolated": lambda: _state(desk, "hot-a") == "ISOLATED",
        "hot-b is active": lambda: _state(desk, "hot-b") == "ACTIVE",
        "a node has the first evacuation": lambda: bool(_evacuations(desk)),
        "the live wallet is published": lambda: "hot-b" in _live(desk),
        "the incident is contained": lambda: _is_contained(desk),
    }


def _settled(desk: Desk) -> None:
    """Wait until the daemon has seen the wallets as they are."""

    def is_seen() -> bool:
        found = desk.ask("/v1/wallets/hot-a")["assets"]
        return bool(found) and all(int(held["balance"] or 0) > 0 for held in found)

    desk.wait_for("the first look at hot-a", lambda: desk.is_up() and is_seen())


def _require_not_isolated(desk: Desk) -> None:
    for name in ("hot-a", "hot-b"):
        if _state(desk, name) == "ISOLATED":
            raise DrillError(f"{name} was isolated on the word of lying nodes")


def _pay(desk: Desk, key: str) -> None:
    api = Api(str(desk.stage.deployment.api_socket("service")))
    pay(api, key, customers()[0], _AMOUNT)


def _is_paid(desk: Desk, key: str) -> bool:
    found = desk.ask(f"/v1/withdrawals?key={key}")["withdrawals"]
    return any(row["state"] == "PAID" for row in found)


def _evacuations(desk: Desk) -> list[dict[str, object]]:
    rows = desk.ask("/v1/transfers?purpose=evacuation")["transfers"]
    return [row for row in rows if row["state"] not in ("QUEUED", "CANCELLED")]


def _saved(desk: Desk, symbol: str) -> int:
    rows = desk.ask("/v1/transfers?purpose=evacuation&state=CONFIRMED")["transfers"]
    return sum(int(row["amount"]) for row in rows if row["asset"] == symbol)


def _state(desk: Desk, wallet: str) -> str:
    return str(desk.ask(f"/v1/wallets/{wallet}")["state"])


def _is_frozen(desk: Desk) -> bool:
    return bool(desk.ask("/v1/wallets/hot-a")["frozen"])


def _is_contained(desk: Desk) -> bool:
    found = desk.ask("/v1/incidents")["incidents"]
    return any(incident["state"] != "OPEN" for incident in found)


def _live(desk: Desk) -> str:
    path = desk.stage.deployment.directory / "live_wallets.json"
    return path.read_text() if path.exists() else ""


def _health(desk: Desk) -> str:
    return str(desk.ask("/v1/status")["signer"]["health"])


def _both(first: Callable[[], bool], then: Callable[[], bool]) -> Callable[[], bool]:
    def look() -> bool:
        first()
        return then()

    return look


def _treasuryd(*words: str) -> None:
    done = subprocess.run(
        python("-m", "treasury.daemon", *words),
        capture_output=True,
        text=True,
        timeout=_COMMAND_S,
        check=False,
    )
    if done.returncode:
        raise DrillError(f"treasuryd {words[0]}: {done.stderr.strip() or done.stdout.strip()}")


_DRILLS: Mapping[DrillKind, Callable[[Drill, Desk], None]] = {
    DrillKind.ISOLATE: _isolate,
    DrillKind.STOLEN_KEY: _stolen_key,
    DrillKind.RPC_LIES: _rpc_lies,
    DrillKind.HSM_LOSS: _hsm_loss,
    DrillKind.RESTORE: _restore,
}
