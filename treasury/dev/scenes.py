"""Raise a whole treasury on this machine: chain, signer, daemon, customers; and take it down.

`play` is what `make run` and `make demo` call. Everything is real but the money: a node over
JSON-RPC, keys in SoftHSM tokens, two processes, treasurers with keystores of their own.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from config.errors import ConfigError
from hsm.errors import HsmError
from treasury.dev.chain.launch import ChainOptions, LaunchError, RunningChain, start_chain
from treasury.dev.children import Child, ChildError, python, restart_fallen, stop_all
from treasury.dev.coins import USDC, Coin, place_coins
from treasury.dev.customer import customer_address
from treasury.dev.demo import tell_story
from treasury.dev.deployment import (
    Deployment,
    Plan,
    lay_out,
    signer_environment,
    write_daemon_settings,
)
from treasury.dev.genesis import adopt_first_law
from treasury.dev.guide import print_guide
from treasury.dev.mirror import Mirror
from treasury.dev.npm import wanted_anvil
from treasury.errors import TreasuryError

_READY_S = 30.0
_WATCH_S = 0.3
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


def play(scene: str, directory: Path) -> int:
    """Play one scene and return the exit code; whatever happens, nothing is left running."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        # The story needs a thief, who needs a copy of a key; for people to play with there is none.
        imported = ("hot-a",) if scene == "demo" else ()
        with raised(directory.absolute(), Plan(coins=(USDC,), imported=imported)) as stage:
            if scene == "demo":
                return tell_story(stage)
            return _keep_running(stage)
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.")
        return 0 if scene == "run" else 130
    except (TreasuryError, LaunchError, HsmError, ConfigError) as error:
        print(f"treasuryd dev: {error}", file=sys.stderr)
        return 70


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


def _keep_running(stage: Stage) -> int:
    payouts = customers(stage.deployment, amount="0.05", every_s=2.5)
    stage.others.append(payouts)
    payouts.start()
    print_guide(stage.deployment)
    while True:
        for child in restart_fallen(stage.children):
            print(f"{child.name} stopped and was started again (see {child.log}).")
        for child in stage.children:
            if child.exit_code is not None:
                raise ChildError(f"{child.name} ended for good:\n{child.last_words()}")
        if stage.chain.process.poll() is not None:
            raise ChildError("the development chain ended: everything else stops too")
        time.sleep(_WATCH_S)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
