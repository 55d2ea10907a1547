"""One chain behind several endpoints, as the port promises it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from policies.terms import Address, Stamp
from policies.tokens import Movement, Spending, TokenFacts
from treasury.chain.newheads import HeadListener
from treasury.chain.pool import outcomes, prices, readings
from treasury.chain.pool.breaker import Circuit
from treasury.chain.pool.broadcast import Broadcaster
from treasury.chain.pool.endpoint import EndpointHealth, Witness
from treasury.chain.pool.heads import Heads
from treasury.chain.pool.panel import Matter, Panel
from treasury.chain.pool.stalls import Stall, StallWatch
from treasury.chain.pool.votes import answers_in
from treasury.chain.port import (
    Dissent,
    FeeMarket,
    Readings,
    ReadRequest,
    Receipt,
    Rights,
    RightsRequest,
    SendAnswer,
    Sighting,
    Standstill,
    TokenTransfer,
    Topic,
    Waiting,
)

Ear = Callable[[Callable[[], object]], HeadListener]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolHealth:
    """How the endpoints of a chain have been, and whether its blocks move.

    `awake` counts the endpoints that are asked at every question.
    """

    chain_id: int
    quorum: int
    awake: int
    endpoints: tuple[EndpointHealth, ...]
    head: Stall
    finality: Stall

    @property
    def has_quorum(self) -> bool:
        """Say whether as many endpoints are awake as must agree."""
        return self.awake >= self.quorum


class ChainPool:
    """A chain as a quorum of its endpoints tells it; used by several threads."""

    def __init__(
        self,
        panel: Panel,
        *,
        broadcaster: Broadcaster,
        lag_blocks: int,
        has_l1_fee: bool = False,
        ears: Sequence[Ear] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read by way of `panel`; send by way of `broadcaster`.

        `ears` are the endpoints that tell of new blocks by themselves; `has_l1_fee` says that the
        chain is a rollup.
        """
        self._panel = panel
        self._heads = Heads(panel, lag_blocks=lag_blocks)
        self._broadcaster = broadcaster
        self._has_l1_fee = has_l1_fee
        self._ears = tuple(ears)
        self._listeners: list[HeadListener] = []
        self._head_watch = StallWatch(monotonic=monotonic)
        self._final_watch = StallWatch(monotonic=monotonic)

    @property
    def chain_id(self) -> int:
        """Return the chain id that every endpoint is checked against."""
        return self._panel.chain_id

    def head(self) -> Stamp:
        """Return the newest block that a quorum agrees on; raises `BelowQuorumError`."""
        found = self._heads.head()
        self._head_watch.note(found)
        return found

    def finalised(self, head: Stamp) -> Stamp:
        """Return the newest block that a quorum calls final."""
        found = self._heads.finalised(head)
        self._final_watch.note(found)
        return found

    def stamp_at(self, number: int) -> Stamp:
        """Return the block of this number as a quorum has it."""
        return self._heads.stamp_at(number)

    def stamps_at(self, numbers: Sequence[int]) -> Mapping[int, Stamp | None]:
        """Return the blocks of these numbers as a quorum has them; None where it has none."""
        return self._heads.stamps_at(numbers) if numbers else {}

    def read_balances(self, request: ReadRequest, at: Stamp) -> Readings:
        """Read all cells at the block of `at`; what no quorum agrees on is unknown."""
        return readings.read_balances(self._panel, request, at)

    def transaction_nonce(self, address: Address, at: Stamp) -> int:
        """Return the number of mined transactions of `address` at the block of `at`."""
        matter = Matter(topic=Topic.NONCE, subject=address, block_number=at.number)
        return self._panel.agree(lambda witness: witness.transaction_nonce(address, at), matter)

    def fee_market(self) -> FeeMarket:
        """Return the price of gas at the head of the group."""
        return prices.fee_market(self._panel, self.head())

    def l1_fee(self, size_bytes: int) -> int:
        """Return what a rollup takes now for a transaction of this size, in wei."""
        return prices.l1_fee(self._panel, size_bytes, self.head()) if self._has_l1_fee else 0

    def send(self, raw: bytes) -> SendAnswer:
        """Broadcast signed bytes to every endpoint."""
        (answer,) = self.send_all((raw,))
        return answer

    def send_all(self, raws: Sequence[bytes]) -> Sequence[SendAnswer]:
        """Broadcast signed transactions, in order, to every endpoint at once."""
        return self._broadcaster.send_all(raws) if raws else ()

    def receipts(self, hashes: Sequence[str]) -> Mapping[str, Receipt | None]:
        """Return the receipts that a quorum agrees on."""
        return outcomes.receipts(self._panel, hashes) if hashes else {}

    def token_facts(self, assets: Sequence[Address], at: Stamp) -> Sequence[TokenFacts]:
        """Return what a quorum agrees that these contracts say of themselves."""
        matter = Matter(topic=Topic.CONTRACT, subject=", ".join(assets), block_number=at.number)
        return self._panel.agree(lambda witness: witness.token_facts(assets, at), matter)

    def token_movement(self, transfer: TokenTransfer, receipt: Receipt) -> Movement:
        """Return what a quorum agrees that a mined transfer did."""
        matter = Matter(
            topic=Topic.CONTRACT,
            subject=receipt.transaction_hash,
            asset=transfer.asset,
            block_number=receipt.block_number,
        )
        return self._panel.agree(lambda w: w.token_movement(transfer, receipt), matter)

    def spending(
        self, payments: Sequence[tuple[Address, Receipt]], assets: Sequence[Address]
    ) -> Sequence[Spending]:
        """Return what a quorum agrees that these transactions took out of their wallets."""
        subject = ", ".join(receipt.transaction_hash for _, receipt in payments)
        number = max((receipt.block_number for _, receipt in payments), default=0)
        matter = Matter(topic=Topic.CONTRACT, subject=subject, block_number=number)
        return self._panel.agree(lambda witness: witness.spending(payments, assets), matter)

    def rights(self, request: RightsRequest, at: Stamp) -> Rights:
        """Return what a quorum agrees that wallets may do."""
        subject = ", ".join(request.wallets)
        matter = Matter(topic=Topic.CONTRACT, subject=subject, block_number=at.number)
        return self._panel.agree(lambda witness: witness.rights(request, at), matter)

    def authority(
        self, contracts: Sequence[Address], at: Stamp
    ) -> Mapping[Address, Mapping[str, str]]:
        """Return what a quorum agrees of who commands these contracts."""
        subject = ", ".join(contracts)
        matter = Matter(topic=Topic.CONTRACT, subject=subject, block_number=at.number)
        return self._panel.agree(lambda witness: witness.authority(contracts, at), matter)

    def sightings(self, request: ReadRequest) -> Sequence[Sighting]:
        """Return what every endpoint that answers reports at its own head."""

        def look(witness: Witness) -> Readings:
            return witness.read_balances(request, witness.head())

        voices = self._panel.poll(look, lambda _: False)
        return tuple(Sighting(endpoint=a.endpoint, readings=a.value) for a in answers_in(voices))

    def waiting(self, signed: Mapping[Address, int]) -> Sequence[Waiting]:
        """Return what any endpoint that answers in time has in its pool beyond `signed`."""
        voices = self._panel.poll(lambda witness: witness.waiting(signed)) if signed else []
        return tuple(one for answer in answers_in(voices) for one in answer.value)

    def stalls(self) -> Sequence[Standstill]:
        """Return what has stood still for more than twice its usual time."""
        watches = (("head", self._head_watch.look()), ("finality", self._final_watch.look()))
        return tuple(
            Standstill(what=what, unmoved_s=stall.unmoved_s)
            for what, stall in watches
            if stall.is_stalled
        )

    def take_dissents(self) -> Sequence[Dissent]:
        """Return what single endpoints said against the others since the last call."""
        return self._panel.take_dissents()

    def health(self) -> PoolHealth:
        """Return how the endpoints have been; asks nobody."""
        newest = self._heads.newest
        found = tuple(endpoint.health(newest) for endpoint in self._panel.endpoints)
        return PoolHealth(
            chain_id=self.chain_id,
            quorum=self._panel.quorum,
            awake=sum(health.circuit is Circuit.CLOSED for health in found),
            endpoints=found,
            head=self._head_watch.look(),
            finality=self._final_watch.look(),
        )

    def wake_on_heads(self, wake: Callable[[], object]) -> int:
        """Call `wake` whenever an endpoint tells of a new block; return how many can.

        Where none can, the caller has to look by itself, as it does in any case.
        """
        fresh = [ear(wake) for ear in self._ears]
        for listener in fresh:
            listener.start()
        self._listeners += fresh
        return len(fresh)

    def close(self) -> None:
        """End the threads and close every connection."""
        for listener in self._listeners:
            listener.stop()
        self._panel.close()
        self._broadcaster.close()
        for endpoint in self._panel.endpoints:
            endpoint.witness.close()
