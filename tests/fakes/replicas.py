"""Several anvils that are nodes of one chain: the same blocks with the same hashes, in step.

with replicas(3, folder) as nodes:
    nodes.mine()                  # one block on each of them
    nodes.mine(only=(0, 1))       # the third one falls behind
    nodes.urls[0], nodes.ipc[0]
    nodes.nodes[0].call("evm_mine")

anvil is deterministic: blocks with the same parent, time and transactions have the same hash.
A transaction has to reach every replica, as a broadcast of ours does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.nodes import CHAIN_ID, absent
from treasury.dev.chain.launch import ChainOptions, running_chain
from treasury.dev.node_client import DevelopmentNode
from treasury.dev.npm import anvil_program

_START = 1_700_000_000
_BLOCK_S = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replica(ChainOptions):
    ipc: str

    def command(self) -> list[str]:
        # super() without arguments does not work in a class that was made anew for its slots.
        shared = ChainOptions.command(self)
        return [*shared, "--timestamp", str(_START), "--no-mining", "--ipc", self.ipc]


class Replicas:
    """The nodes, each with what it has mined; see the module's text."""

    def __init__(self, urls: list[str], ipc: list[str]) -> None:
        self.urls = urls
        self.ipc = ipc
        self.nodes = [DevelopmentNode(url) for url in urls]
        self._heights = [0] * len(urls)

    def mine(self, count: int = 1, only: tuple[int, ...] | None = None) -> None:
        """Mine blocks at set times, so that every replica gets the same ones."""
        for place in range(len(self.nodes)) if only is None else only:
            for _ in range(count):
                self._heights[place] += 1
                time = _START + _BLOCK_S * self._heights[place]
                self.nodes[place].call("evm_setNextBlockTimestamp", time)
                self.nodes[place].call("evm_mine")

    def set_balance(self, address: str, wei: int) -> None:
        """Give an account a balance on every replica."""
        for node in self.nodes:
            node.set_balance(address, wei)


@contextlib.contextmanager
def replicas(count: int, folder: Path, *, chain_id: int = CHAIN_ID) -> Iterator[Replicas]:
    """Run replicas for a `with` block; skips the test where anvil is not installed."""
    program = anvil_program()
    if not program:
        absent("anvil is not installed: install npm and type make")
    with contextlib.ExitStack() as stack:
        ipc = [str(folder / f"{chain_id}-{place}.ipc") for place in range(count)]
        urls = [
            stack.enter_context(
                running_chain(_Replica(chain_id=chain_id, anvil=program, ipc=path))
            ).url
            for path in ipc
        ]
        found = Replicas(urls, ipc)
        for node in found.nodes:
            stack.enter_context(contextlib.closing(node))
        yield found
