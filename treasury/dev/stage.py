"""Raise a whole treasury on this machine for the length of a block: chain, signer, daemon, coins.

Everything is real but the money: a node over JSON-RPC, keys in SoftHSM tokens, two processes,
treasurers with keystores of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from treasury.dev.chain.launch import ChainOptions, RunningChain, start_chain
from treasury.dev.children import Child, python, stop_all
from treasury.dev.coins import Coin, place_coins
from treasury.dev.customer import customer_address
from treasury.dev.deployment import (
    Deployment,
    Plan,
    lay_out,
    signer_environment,
    write_daemon_settings,
)
from treasury.dev.genesis import adopt_first_law
from treasury.dev.mirror import Mirror
from treasury.dev.npm import wanted_anvil

_READY_S = 30.0
_BLOCK_TIME_S = 1.0
_CUSTOMER_FUNDS = 1000
FUNDS = {"vault": 1000, "gas": 5}
"""What the development wallets hold at the start, in whole ETH; hot-a as the plan says."""
_VAULT_COINS = 1_000_000


@dataclass(slots=True, kw_only=True)
class Stage:
    """A running development treasury."""

    deployment: Deployment
    chain: RunningChain
    coins: tuple[Coin, ...]
    signer: Child
    daemon: Child
    mirrors: tuple[Mirror, ...] = ()
    others: list[Child] = field(default_factory=list)

    @property
    def children(self) -> list[Child]:
        """Return the programs in the order of their start."""
        return [self.signer, self.daemon, *self.others]


@contextmanager
def raised(directory: Path, plan: Plan) -> Iterator[Stage]:
    """Raise a treasury for the length of a `with` block."""
    deployment = lay_out(directory, plan)
    held = {**FUNDS, "hot-a": plan.hot_eth}
    funds: dict[str, int] = {deployment.addresses[name]: n for name, n in held.items()}
    funds[customer_address()] = _CUSTOMER_FUNDS
    options = ChainOptions(
        chain_id=plan.chain_id, block_time_s=_BLOCK_TIME_S, funds=funds, anvil=wanted_anvil()
    )
    chain = start_chain(options)
    stage = Stage(
        deployment=deployment,
        chain=chain,
        coins=plan.coins,
        signer=_signer(deployment),
        daemon=_daemon(deployment),
        mirrors=tuple(Mirror(chain.url) for _ in range(plan.mirrors)),
    )
    try:
        own = chain.url.replace("http:", "ws:") if options.anvil else chain.url
        write_daemon_settings(deployment, *([m.url for m in stage.mirrors] or [own]))
        holders = [
            (deployment.addresses["vault"], _VAULT_COINS),
            (deployment.addresses["hot-a"], plan.hot_coins),
        ]
        place_coins(chain.url, plan.coins, holders)
        stage.signer.start()
        stage.signer.wait_until(deployment.people_socket.exists, _READY_S)
        adopt_first_law(deployment)
        stage.daemon.start()
        stage.daemon.wait_until(deployment.api_socket("service").exists, _READY_S)
        yield stage
    finally:
        stop_all(stage.children)
        for mirror in stage.mirrors:
            mirror.close()
        chain.stop()


def customers(deployment: Deployment, *, amount: str, every_s: float) -> Child:
    """Return the program that asks for small payouts again and again."""
    arguments = ["--socket", str(deployment.api_socket("service"))]
    arguments += ["--amount", amount, "--every", f"{every_s:g}"]
    command = python("-m", "treasury.dev.payouts", *arguments)
    return Child(name="customers", command=command, log=deployment.log("customers"))


def _signer(deployment: Deployment) -> Child:
    return Child(
        name="signer",
        command=python("-m", "treasury.daemon", "signer", "--config", str(deployment.signer_toml)),
        log=deployment.log("signer"),
        environment=signer_environment(deployment),
    )


def _daemon(deployment: Deployment) -> Child:
    return Child(
        name="daemon",
        command=python("-m", "treasury.daemon", "run", "--config", str(deployment.daemon_toml)),
        log=deployment.log("daemon"),
    )
