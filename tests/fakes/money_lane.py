"""A real money lane on anvil: a signer process with soft tokens, a ledger file, no daemon.

    with money_lane(directory, depth=32) as lane:
        lane.queue(200)          # that many withdrawals, accepted and queued
        lane.settle()            # tick until all of them are paid

The chain mines at every transaction, and its finality is a depth of two.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from config.load import load_settings
from hsm.client import SignerClient
from policies.crypto import checksum_address
from policies.lifecycles import Owner, TransferState, WithdrawalState
from policies.terms import NATIVE
from treasury.book.introduction import introduce
from treasury.chain.connect import connect_chain
from treasury.clock import unix, utc_now
from treasury.dev.chain.launch import ChainOptions, running_chain
from treasury.dev.children import Child, python, stop_all
from treasury.dev.deployment import (
    Deployment,
    Plan,
    lay_out,
    signer_environment,
    write_daemon_settings,
)
from treasury.dev.genesis import adopt_first_law
from treasury.dev.law_text import Bands
from treasury.dev.node_client import DevelopmentNode
from treasury.dev.npm import anvil_program
from treasury.ledger import moves, open_ledger
from treasury.ledger.facts import Withdrawal
from treasury.ledger.queries import requests
from treasury.ledger.tables import WithdrawalRow
from treasury.stations.pay import pay
from treasury.ticks import money_tick, watch_tick
from treasury.world import World

READY_S = 30.0
AMOUNT = 10**12
WIDE = Bands(floor="50 ETH", target="100 ETH", cap="500 ETH")
_MOST_TICKS = 2_000


@dataclass(slots=True, kw_only=True)
class MoneyLane:
    """The lane's world, and the node behind it."""

    world: World
    node: DevelopmentNode
    deployment: Deployment

    def queue(self, count: int) -> None:
        """Accept that many withdrawals and give each its transfer; look at the chain first."""
        watch_tick(self.world, utc_now())
        for _ in range(count):
            self._accept()
        pay(self.world, utc_now())
        assert count == self._count(TransferState.QUEUED), "every withdrawal has a transfer"

    def settle(self) -> int:
        """Tick until nothing is under way; return how many ticks it took."""
        for tick in range(1, _MOST_TICKS):
            for outcome in money_tick(self.world, utc_now()):
                assert not outcome.unavailable, outcome
            if not self._is_busy():
                return tick
            if not self._count(TransferState.QUEUED):
                self.node.mine()
        raise AssertionError(f"not settled within {_MOST_TICKS} ticks")

    def paid(self) -> int:
        """Return how many withdrawals were paid since the beginning."""
        with self.world.ledger.read() as session:
            return len(requests.withdrawals_in(session, self.world.chain_id, WithdrawalState.PAID))

    def _accept(self) -> None:
        now = unix(utc_now())
        row = WithdrawalRow(
            idempotency_key=secrets.token_hex(8),
            body_digest="0x00",
            chain_id=self.world.chain_id,
            pool="payouts",
            destination=checksum_address(secrets.token_bytes(20)),
            asset=NATIVE,
            amount=AMOUNT,
            state="ACCEPTED",
            created_at=now,
            changed_at=now,
            reasons=[],
        )
        with self.world.ledger.write() as session:
            moves.create(session, Withdrawal, row, actor=Owner.API, why="asked", now=now)

    def _is_busy(self) -> bool:
        states = (TransferState.QUEUED, TransferState.IN_FLIGHT, TransferState.MINED)
        return any(self._count(state) for state in states)

    def _count(self, state: TransferState) -> int:
        query = text("SELECT count(*) FROM transfer WHERE state = :state")
        with self.world.ledger.read() as session:
            found = session.connection().execute(query, {"state": state.value})
            return int(found.scalar_one())


@contextlib.contextmanager
def money_lane(directory: Path, *, depth: int) -> Iterator[MoneyLane]:
    """Raise node, signer and ledger in a folder; `depth` is the most unmined transfers."""
    deployment = lay_out(directory / "deployment", Plan(bands=WIDE))
    held = {"hot-a": 200, "vault": 1_000, "gas": 5}
    funds: dict[str, int] = {deployment.addresses[name]: coins for name, coins in held.items()}
    with ExitStack() as stack:
        chain = stack.enter_context(running_chain(ChainOptions(funds=funds, anvil=anvil_program())))
        write_daemon_settings(deployment, chain.url)
        signer = _signer(deployment)
        stack.callback(stop_all, [signer])
        signer.start()
        signer.wait_until(deployment.people_socket.exists, READY_S)
        adopt_first_law(deployment)
        settings = load_settings(deployment.daemon_toml)
        ledger = stack.enter_context(contextlib.closing(open_ledger(settings.daemon.database)))
        client = stack.enter_context(SignerClient(settings.signer.socket))
        of_chain = dataclasses.replace(settings.chains["devnet"], hot_in_flight=depth)
        pool = stack.enter_context(
            contextlib.closing(connect_chain("devnet", of_chain, deployment.chain_id))
        )
        node = stack.enter_context(contextlib.closing(DevelopmentNode(chain.url)))
        node.mine(3)
        world = World(
            ledger=ledger,
            chain=pool,
            signer=client,
            settings=of_chain,
            deployment=introduce(ledger, client, now=unix(utc_now())),
            draw_salt=lambda: secrets.token_bytes(16),
        )
        yield MoneyLane(world=world, node=node, deployment=deployment)


def _signer(deployment: Deployment) -> Child:
    return Child(
        name="signer",
        command=python("-m", "treasury.daemon", "signer", "--config", str(deployment.signer_toml)),
        log=deployment.log("signer"),
        environment=signer_environment(deployment),
    )
