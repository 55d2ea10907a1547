"""SIGKILL of the real processes in the middle of an evacuation of many tokens."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.drills.crook import Crook
from treasury.dev.children import restart_fallen
from treasury.dev.coins import Coin, addresses_of
from treasury.dev.deployment import Plan
from treasury.dev.desk import Desk, Row
from treasury.dev.stage import Stage, raised

pytestmark = [pytest.mark.sockets, pytest.mark.softhsm, pytest.mark.crash, pytest.mark.soak]
COINS = tuple(
    Coin(symbol=f"T{number}", contract="MintableToken", decimals=6) for number in range(6)
)
SYMBOLS = ("ETH", *(coin.symbol for coin in COINS))
DEATHS = 4
_DUST = 10**18 // 20
_LEAST_PAUSE_S, _MOST_PAUSE_S = 0.02, 0.5


def test_an_evacuation_that_is_killed_again_and_again_ends(tmp_path: Path) -> None:
    """R2.8: six tokens and the coins come home once each; what is left is measured, and is dust."""
    with raised(tmp_path / "d", Plan(coins=COINS, imported=("hot-a",))) as stage:
        desk = Desk(stage)
        crook = Crook(stage.chain.url, stage.deployment.stolen_key("hot-a"), addresses_of(COINS))
        try:
            _be_killed(desk, stage, crook)
        finally:
            desk.leave()
            crook.leave()


def _be_killed(desk: Desk, stage: Stage, crook: Crook) -> None:
    desk.wait_for("a look at every token", lambda: _is_seen(desk, crook))
    vault, held = desk.address("vault"), {s: crook.held(s, crook.victim) for s in SYMBOLS}
    before = {symbol: crook.held(symbol, vault) for symbol in SYMBOLS}
    signer = str(stage.deployment.sockets / "people.sock")
    desk.ctl("isolate", "hot-a", "--why", "a drill", "--signer", signer)
    lots = random.Random(9)
    for _ in range(DEATHS):
        time.sleep(lots.uniform(_LEAST_PAUSE_S, _MOST_PAUSE_S))
        for victim in lots.choice([[stage.daemon], [stage.signer], [stage.daemon, stage.signer]]):
            victim.kill()
        restart_fallen([stage.signer, stage.daemon])
        desk.wait_for("the daemon's answer", desk.is_up)
    incident = desk.wait_for("a contained incident", lambda: _contained(desk))
    left = {symbol: crook.held(symbol, crook.victim) for symbol in SYMBOLS}
    gained = {s: crook.held(s, vault) - before[s] for s in SYMBOLS[1:]}
    told = {f["asset"]: f["left"] for f in desk.ask(f"/v1/incidents/{incident['id']}")["figures"]}

    assert all(held[symbol] for symbol in SYMBOLS)
    assert gained == {symbol: held[symbol] for symbol in SYMBOLS[1:]}
    assert {0} == {left[symbol] for symbol in SYMBOLS[1:]}
    assert left["ETH"] <= _DUST
    assert told == {symbol: str(left[symbol]) for symbol in SYMBOLS}
    assert desk.ctl("journal", "verify")["ok"]


def _is_seen(desk: Desk, crook: Crook) -> bool:
    shown = desk.ask("/v1/wallets/hot-a")["assets"]
    seen = {asset["asset"]: int(asset["balance"] or 0) for asset in shown}
    return all(seen.get(symbol) == crook.held(symbol, crook.victim) for symbol in SYMBOLS)


def _contained(desk: Desk) -> Row | None:
    found = desk.ask("/v1/incidents")["incidents"]
    return next((row for row in found if row["state"] == "CONTAINED"), None)
