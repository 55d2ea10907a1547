"""A harness that believes only the chain: it breaks everything around a real treasury and counts.

A real daemon and a real signer pay orders on anvil, each order to an address of its own, through a
proxy of this harness. Meanwhile it kills either process, takes blocks back with what was in them,
drops transactions from the mempool, lets the base fee jump, and makes the network slow, cut or
silent, all by a seed. Then the faults stop. `mined` reads every block from the first one on and
counts the payments of each order; nothing that the daemon says is looked at for that.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from policies.terms import Address
from tests.fakes.tcp_proxy import TcpProxy, tcp_proxy
from treasury.cli.api import Api
from treasury.dev.children import restart_fallen
from treasury.dev.deployment import Plan, write_daemon_settings
from treasury.dev.law_text import Bands
from treasury.dev.node_client import DevelopmentNode, DevelopmentNodeError
from treasury.dev.payouts import customers, pay
from treasury.dev.stage import Stage, raised

GWEI = 10**9
AMOUNT = 10**15
_PAGE = 500
WIDE = Bands(floor="20 ETH", target="50 ETH", cap="200 ETH")
_QUICK = {"resend_after_s = 5": "resend_after_s = 2", "bump_after_s = 20": "bump_after_s = 6"}
_HONEST_ENDS = frozenset({"PAID", "REFUSED", "CANCELLED"})
_FAULTS = (
    "kill_daemon",
    "kill_signer",
    "kill_both",
    "reorg",
    "drop",
    "fee_jump",
    "slow",
    "cut",
    "silent",
    "rest",
)


@dataclass(slots=True, kw_only=True)
class Outside:
    """The stage, the proxy before its node, the orders so far, and how often each fault struck."""

    stage: Stage
    node: DevelopmentNode
    proxy: TcpProxy
    lots: random.Random
    orders: dict[str, Address] = field(default_factory=dict)
    struck: Counter[str] = field(default_factory=Counter)

    def ask(self, count: int) -> None:
        """Ask for payments, each to an address that nobody else is paid at."""
        api = Api(str(self.stage.deployment.api_socket("service")))
        for _ in range(count):
            key, to = f"order-{len(self.orders)}", customers()[0]
            self.orders[key] = to
            pay(api, key, to, AMOUNT)

    def strike(self) -> None:
        """Let one fault happen, then a moment pass; fallen processes start again."""
        fault = self.lots.choice(_FAULTS)
        self.struck[fault] += 1
        getattr(self, f"_{fault}")()
        time.sleep(self.lots.uniform(0.1, 1.5))
        restart_fallen([self.stage.signer, self.stage.daemon])

    def calm(self) -> None:
        """End every fault for good."""
        self._rest()
        restart_fallen([self.stage.signer, self.stage.daemon])

    def mined(self) -> Counter[str]:
        """Count the payments of each order in the blocks of the present chain."""
        paid: Counter[str] = Counter()
        names = {address.lower(): key for key, address in self.orders.items()}
        for number in range(self.node.number("eth_blockNumber") + 1):
            block = self.node.call("eth_getBlockByNumber", hex(number), True)
            for transaction in block["transactions"]:
                if key := names.get((transaction["to"] or "").lower()):
                    paid[key] += 1
        return paid

    def states(self) -> dict[str, str]:
        """Return what the daemon says has become of each order."""
        api = Api(str(self.stage.deployment.api_socket("reader")))
        rows = api.get("/v1/withdrawals", {"limit": _PAGE})["withdrawals"]
        return {row["idempotency_key"]: row["state"] for row in rows}

    def is_over(self) -> bool:
        """Say whether every order has ended by the daemon's own words."""
        states = self.states()
        return all(states.get(key) in _HONEST_ENDS for key in self.orders)

    # --- the faults ---

    def _kill_daemon(self) -> None:
        self.stage.daemon.kill()

    def _kill_signer(self) -> None:
        self.stage.signer.kill()

    def _kill_both(self) -> None:
        self.stage.daemon.kill()
        self.stage.signer.kill()

    def _reorg(self) -> None:
        """Take back one block or two: what was in them is gone, from the mempool as well."""
        self._ask_node("anvil_reorg", self.lots.randint(1, 2), [])

    def _drop(self) -> None:
        pool = self._ask_node("txpool_content") or {}
        for by_nonce in pool.get("pending", {}).values():
            for transaction in by_nonce.values():
                self._ask_node("anvil_dropTransaction", transaction["hash"])

    def _fee_jump(self) -> None:
        price = self.lots.choice((5, 50, 200)) * GWEI
        self._ask_node("anvil_setNextBlockBaseFeePerGas", hex(price))

    def _slow(self) -> None:
        self.proxy.delay_s = 0.3

    def _cut(self) -> None:
        self.proxy.cut()
        self.proxy.cut_after = self.lots.randint(50, 5_000)

    def _silent(self) -> None:
        self.proxy.is_stuck = True

    def _rest(self) -> None:
        self.proxy.delay_s, self.proxy.cut_after = 0.0, None
        self.proxy.is_stuck = False
        self.proxy.cut()

    def _ask_node(self, method: str, *params: object) -> Any:  # noqa: ANN401 - JSON
        try:
            return self.node.call(method, *params)
        except DevelopmentNodeError:
            return None  # a chain that is too short for the fault


@contextmanager
def outside(directory: Path, seed: int) -> Iterator[Outside]:
    """Raise a treasury on anvil behind a proxy; `TREASURY_CHAIN` must ask for anvil."""
    plan = Plan(bands=WIDE, hot_eth=100, time_lock_s=1)
    with ExitStack() as stack:
        stage = stack.enter_context(raised(directory, plan))
        proxy = stack.enter_context(tcp_proxy(stage.chain.url))
        node = DevelopmentNode(stage.chain.url)
        stack.callback(node.close)
        stage.daemon.stop()
        write_daemon_settings(stage.deployment, proxy.url())
        path = stage.deployment.daemon_toml
        text = path.read_text()
        for old, new in _QUICK.items():
            text = text.replace(old, new)
        path.write_text(text + "hot_in_flight = 4\n")
        stage.daemon.start()
        stage.daemon.wait_until(stage.deployment.api_socket("service").exists, 30)
        yield Outside(stage=stage, node=node, proxy=proxy, lots=random.Random(seed))
