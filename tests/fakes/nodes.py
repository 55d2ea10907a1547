"""Real nodes for tests: our own chain on py-evm and anvil, one process each, reset for every test.

`TREASURY_CHAIN` picks one of them; otherwise tests run on both. Where anvil is not installed its
half skips, unless `TREASURY_REQUIRE` names `npm`: then it fails.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from config.development import DEVELOPMENT_CHAINS, development_chain
from config.settings import Finality, FinalityKind
from treasury.chain.node import NodeChain, connect_node
from treasury.dev.chain.launch import ChainOptions, RunningChain, start_chain
from treasury.dev.node_client import DevelopmentNode, DevelopmentNodeError
from treasury.dev.npm import anvil_program

CHAIN_ID = 31337
DEPTH_2 = Finality(kind=FinalityKind.DEPTH, depth_blocks=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class RealNode:
    """A node that mines at every transaction, and ways to ask it."""

    name: str
    node: DevelopmentNode

    @property
    def url(self) -> str:
        return self.node.url

    def connect(self, *, deadline_s: float = 30) -> contextlib.closing[NodeChain]:
        """Return the daemon's own client of this node, for a `with` block."""
        return contextlib.closing(
            connect_node(self.url, chain_id=CHAIN_ID, finality=DEPTH_2, deadline_s=deadline_s)
        )


def chosen_nodes() -> tuple[str, ...]:
    """Return the names of the nodes that tests run on."""
    chosen = development_chain()
    return (chosen,) if chosen else DEVELOPMENT_CHAINS


class RealNodes:
    """One process of each node for a whole run, started when it is first asked for."""

    def __init__(self) -> None:
        self._running: dict[str, RunningChain] = {}

    @contextlib.contextmanager
    def lend(self, name: str) -> Iterator[RealNode]:
        """Lend a node that mines at once, and take it back to where it was."""
        if name not in self._running:
            self._running[name] = _start(name)
        with contextlib.closing(DevelopmentNode(self._running[name].url)) as node:
            before = node.call("evm_snapshot")
            try:
                yield RealNode(name=name, node=node)
            finally:
                with contextlib.suppress(DevelopmentNodeError):
                    node.call("evm_setAutomine", True)
                    node.call("anvil_dropAllTransactions")
                    node.call("evm_revert", before)

    def stop(self) -> None:
        """End what was started."""
        for running in self._running.values():
            running.stop()


def absent(reason: str) -> None:
    """Skip the test for want of a program of npm, or fail where those are required."""
    if "npm" in os.environ.get("TREASURY_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)


def require_node(name: str) -> None:
    """Skip the test when this node is not installed, or fail where it must be."""
    if name == "anvil" and not anvil_program():
        absent("anvil is not installed: install npm and type make")


def _start(name: str) -> RunningChain:
    require_node(name)
    anvil = anvil_program() if name == "anvil" else ""
    return start_chain(ChainOptions(chain_id=CHAIN_ID, anvil=anvil))
