"""One robbery of a running treasury: real node, token, signer and daemon; all of it measured.

The clock is this machine's. The thief's first block is the moment when the node shows a block after
it took the thief's first transaction; the answer is the moment when the node shows a transaction of
the wallet that goes home, in its pool or in a block. An answer before that block has minus seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from policies.terms import Address
from tests.drills.crook import MANNERS, Crook, fund_lair
from treasury.cli.api import Api
from treasury.dev.coins import USDT, Coin, addresses_of
from treasury.dev.deployment import Plan
from treasury.dev.node_client import DevelopmentNode, DevelopmentNodeError
from treasury.dev.stage import Stage, raised

_COINS = (Coin(symbol="USDC", contract="PermitToken", decimals=6), USDT)
_LOOK_S, _PATIENCE_S, _QUIET_S = 0.01, 90.0, 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Robbery:
    """What came of one robbery; seconds after the thief's first block, shares of the value.

    Amounts are base units by symbol. `warned_s` is how long the thief's first transaction lay in
    the pool before its block: a daemon that had time to read it there is quicker than the block.
    `helped_s` is when the sponsor's gas was on its way, None when none was needed: without coins
    no node takes an evacuation before that gas is in a block.
    """

    manner: str
    warned_s: float
    helped_s: float | None
    answered_s: float
    contained_s: float
    held: dict[str, int]
    saved: dict[str, int]
    residual: dict[str, int]

    @property
    def saved_share(self) -> float:
        """Return the mean over the assets of the share that was saved."""
        shares = [self.saved[symbol] / held for symbol, held in self.held.items() if held]
        return sum(shares) / len(shares)

    def line(self) -> str:
        """Return one row of the table."""
        each = "  ".join(f"{s} {self.saved[s] / h:6.1%}" for s, h in self.held.items() if h)
        gas = "" if self.helped_s is None else f"gas sent {self.helped_s:5.2f} s  "
        return (
            f"{self.manner:14} in the pool {self.warned_s:4.2f} s  {gas}"
            f"answered {self.answered_s:5.2f} s  contained"
            f" {self.contained_s:5.1f} s  saved {self.saved_share:6.1%}  ({each})"
        )


def rob(directory: Path, manner: str) -> Robbery:
    """Raise a treasury, let a crook of that manner rob its hot wallet, and measure."""
    plan = Plan(coins=_COINS, imported=("hot-a",))
    with raised(directory, plan) as stage:
        fund_lair(stage.chain.url)
        key = stage.deployment.stolen_key("hot-a")
        crook = Crook(stage.chain.url, key, addresses_of(_COINS))
        try:
            _settle(stage, crook)
            return _rob(stage, crook, manner)
        finally:
            crook.leave()


def _rob(stage: Stage, crook: Crook, manner: str) -> Robbery:
    addresses = stage.deployment.addresses
    vault = addresses["vault"]
    symbols = ("ETH", *crook.tokens)
    held = {s: crook.held(s, crook.victim) for s in symbols}
    before = {s: crook.held(s, vault) for s in symbols}
    watcher = _Watcher(stage.chain.url, crook.victim, vault, addresses["gas"])
    watcher.start()
    steps = MANNERS[manner](crook)
    before_it = crook.node.number("eth_blockNumber")
    next(steps)
    sent = time.monotonic()
    began = _wait_for_block(crook, before_it + 1)
    _go_on(crook, steps)
    answered = watcher.wait(_PATIENCE_S)
    contained = _wait_contained(stage)
    return Robbery(
        manner=manner,
        warned_s=began - sent,
        helped_s=None if watcher.helped_at is None else watcher.helped_at - began,
        answered_s=answered - began,
        contained_s=contained - began,
        held=held,
        saved={s: max(crook.held(s, vault) - before[s], 0) for s in symbols},
        residual={s: crook.held(s, crook.victim) for s in symbols},
    )


def _wait_for_block(crook: Crook, number: int) -> float:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        if crook.node.number("eth_blockNumber") >= number:
            return time.monotonic()
        time.sleep(_LOOK_S)
    raise AssertionError(f"no block {number} within {_PATIENCE_S:.0f} s")


def _go_on(crook: Crook, steps: Iterator[None]) -> None:
    """Take one thing after the other, each as soon as the former is mined."""
    while True:
        sent = len(crook.hashes)
        try:
            next(steps)
        except StopIteration:
            return
        except DevelopmentNodeError:
            return  # somebody was quicker, or nothing is left to pay with
        if len(crook.hashes) > sent:
            with suppress(DevelopmentNodeError):
                crook.node.receipt(crook.hashes[-1], deadline_s=4.0)


class _Watcher:
    """Looks for the first transaction that goes home, in the pool or in a block, and for gas."""

    def __init__(self, url: str, victim: Address, vault: Address, sponsor: Address) -> None:
        self.helped_at: float | None = None
        self._url, self._sponsor = url, sponsor.lower()
        self._victim, self._vault = victim.lower(), vault[2:].lower()
        self._seen = Event()
        self._at = 0.0
        self._thread = Thread(target=self._look, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait(self, timeout_s: float) -> float:
        """Return when it was seen; raises when it was not in time."""
        if not self._seen.wait(timeout_s):
            raise AssertionError(f"no evacuation within {timeout_s:.0f} s")
        return self._at

    def _look(self) -> None:
        with closing(DevelopmentNode(self._url)) as node:
            while not self._seen.is_set():
                for tag in ("pending", "latest"):
                    block = node.call("eth_getBlockByNumber", tag, True)
                    sent = block["transactions"] if block else ()
                    if self.helped_at is None and any(map(self._helps, sent)):
                        self.helped_at = time.monotonic()
                    if any(map(self._goes_home, sent)):
                        self._at = time.monotonic()
                        self._seen.set()
                time.sleep(_LOOK_S)

    def _helps(self, transaction: dict[str, Any]) -> bool:
        ends = (transaction["from"], transaction.get("to") or "")
        return (self._sponsor, self._victim) == tuple(end.lower() for end in ends)

    def _goes_home(self, transaction: dict[str, Any]) -> bool:
        if transaction["from"].lower() != self._victim:
            return False
        return self._vault in f"{transaction.get('to')}{transaction.get('input')}".lower()


def _settle(stage: Stage, crook: Crook) -> None:
    """Wait until the daemon has seen the wallet as it is and proposes nothing new."""
    api = Api(str(stage.deployment.sockets / "api"))
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        shown = api.get("/v1/wallets/hot-a")
        seen = {asset["asset"]: int(asset["balance"] or 0) for asset in shown["assets"]}
        if all(seen.get(s) == crook.held(s, crook.victim) for s in ("ETH", *crook.tokens)):
            time.sleep(_QUIET_S)
            return
        time.sleep(0.2)
    raise AssertionError("the daemon did not see its wallet in time")


def _wait_contained(stage: Stage) -> float:
    api = Api(str(stage.deployment.sockets / "api"))
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        if any(i["state"] == "CONTAINED" for i in api.get("/v1/incidents")["incidents"]):
            return time.monotonic()
        time.sleep(0.2)
    raise AssertionError(f"not contained within {_PATIENCE_S:.0f} s")
