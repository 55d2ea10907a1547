"""Endpoints that tell one truth, each in its own way: honest, behind, silent or lying.

truth = FakeChain()
honest, liar = Mouth(truth, "honest"), Mouth(truth, "liar")
liar.lag_blocks = 3                              # its head is so many blocks behind
liar.is_down = True                              # it answers nothing
liar.lies["transaction_nonce"] = lambda told: told + 1     # changes the answer of a method
liar.failures["head"] = WrongChainError("no")    # a method raises
liar.asked                                       # names of the methods that it was asked
pool = pool_of(honest, liar, quorum=2)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from policies.terms import Address, Stamp
from policies.tokens import Movement, Spending, TokenFacts
from tests.fakes.chain import FakeChain
from treasury.chain.errors import ChainError, MissingBlockError, UnavailableError
from treasury.chain.pool.broadcast import Broadcaster
from treasury.chain.pool.crew import Caller
from treasury.chain.pool.endpoint import Endpoint
from treasury.chain.pool.panel import Panel
from treasury.chain.pool.pool import ChainPool
from treasury.chain.port import (
    Dissent,
    FeeMarket,
    Readings,
    ReadRequest,
    Receipt,
    Rights,
    RightsRequest,
    SendAnswer,
    SendKind,
    Sighting,
    Standstill,
    TokenTransfer,
    Waiting,
)

T = TypeVar("T")


class Mouth:
    """One endpoint; see the module's text."""

    def __init__(self, truth: FakeChain, name: str) -> None:
        """Tell `truth` as it is."""
        self.name = name
        self.lag_blocks = 0
        self.is_down = False
        self.lies: dict[str, Callable[[Any], Any]] = {}
        self.failures: dict[str, ChainError] = {}
        self.asked: list[str] = []
        self._truth = truth

    @property
    def chain_id(self) -> int:
        return self._truth.chain_id

    def head(self) -> Stamp:
        return self._tell("head", self._own_head)

    def finalised(self, head: Stamp) -> Stamp:
        return self._tell("finalised", lambda: self._truth.finalised(head))

    def stamp_at(self, number: int) -> Stamp:
        return self._tell("stamp_at", lambda: self._seen(number))

    def stamps_at(self, numbers: Sequence[int]) -> Mapping[int, Stamp | None]:
        return {number: self.stamp_at(number) for number in numbers}

    def read_balances(self, request: ReadRequest, at: Stamp) -> Readings:
        self._seen(at.number)
        return self._tell("read_balances", lambda: self._truth.read_balances(request, at))

    def transaction_nonce(self, address: Address, at: Stamp) -> int:
        self._seen(at.number)
        return self._tell("transaction_nonce", lambda: self._truth.transaction_nonce(address, at))

    def fee_market(self) -> FeeMarket:
        return self.fee_market_at(self.head())

    def fee_market_at(self, head: Stamp) -> FeeMarket:
        return self._tell("fee_market", lambda: self._truth.fee_market_at(head))

    def l1_fee(self, size_bytes: int) -> int:
        return self.l1_fee_at(size_bytes, self.head())

    def l1_fee_at(self, size_bytes: int, at: Stamp) -> int:
        return self._tell("l1_fee", lambda: self._truth.l1_fee_at(size_bytes, at))

    def send(self, raw: bytes) -> SendAnswer:
        if self.is_down:
            return SendAnswer(kind=SendKind.TRANSIENT, text=f"{self.name} is down")
        return self._tell("send", lambda: self._truth.send(raw))

    def send_all(self, raws: Sequence[bytes]) -> Sequence[SendAnswer]:
        """Take one after the other."""
        return [self.send(raw) for raw in raws]

    def receipts(self, hashes: Sequence[str]) -> Mapping[str, Receipt | None]:
        head = self._own_head()

        def told() -> dict[str, Receipt | None]:
            found = self._truth.receipts(hashes)
            return {
                h: r if r is not None and r.block_number <= head.number else None
                for h, r in found.items()
            }

        return self._tell("receipts", told)

    def token_facts(self, assets: Sequence[Address], at: Stamp) -> Sequence[TokenFacts]:
        self._seen(at.number)
        return self._tell("token_facts", lambda: self._truth.token_facts(assets, at))

    def token_movement(self, transfer: TokenTransfer, receipt: Receipt) -> Movement:
        return self._tell("token_movement", lambda: self._truth.token_movement(transfer, receipt))

    def spending(
        self, payments: Sequence[tuple[Address, Receipt]], assets: Sequence[Address]
    ) -> Sequence[Spending]:
        return self._tell("spending", lambda: self._truth.spending(payments, assets))

    def rights(self, request: RightsRequest, at: Stamp) -> Rights:
        return self._tell("rights", lambda: self._truth.rights(request, at))

    def authority(
        self, contracts: Sequence[Address], at: Stamp
    ) -> Mapping[Address, Mapping[str, str]]:
        return self._tell("authority", lambda: self._truth.authority(contracts, at))

    def sightings(self, request: ReadRequest) -> Sequence[Sighting]:
        return self._truth.sightings(request)

    def waiting(self, signed: Mapping[Address, int]) -> Sequence[Waiting]:
        return self._tell("waiting", lambda: self._truth.waiting(signed))

    def stalls(self) -> Sequence[Standstill]:
        """Return nothing: one endpoint keeps no time."""
        return ()

    def take_dissents(self) -> Sequence[Dissent]:
        return ()

    def close(self) -> None:
        self.asked.append("close")

    def _own_head(self) -> Stamp:
        return self._truth.stamp_at(max(0, self._truth.head().number - self.lag_blocks))

    def _seen(self, number: int) -> Stamp:
        if number > self._own_head().number:
            msg = f"{self.name} has no block {number}"
            raise MissingBlockError(msg)
        return self._truth.stamp_at(number)

    def _tell(self, method: str, truth: Callable[[], T]) -> T:
        self.asked.append(method)
        if self.is_down:
            msg = f"{self.name} is down"
            raise UnavailableError(msg)
        if method in self.failures:
            raise self.failures[method]
        told: T = self.lies.get(method, lambda told: told)(truth())
        return told


def pool_of(
    *mouths: Mouth,
    quorum: int | None = None,
    lag_blocks: int = 5,
    monotonic: Callable[[], float] = lambda: 0.0,
) -> ChainPool:
    """Return a pool over these endpoints that asks them in the thread of the test."""
    endpoints = [Endpoint(mouth.name, mouth, monotonic=monotonic) for mouth in mouths]
    majority = len(mouths) // 2 + 1
    panel = Panel(mouths[0].chain_id, endpoints, quorum=quorum or majority, crew=Caller())
    senders = [Endpoint(mouth.name, mouth, monotonic=monotonic) for mouth in mouths]
    return ChainPool(
        panel,
        broadcaster=Broadcaster(Caller(), senders),
        lag_blocks=lag_blocks,
        has_l1_fee=True,
        monotonic=monotonic,
    )
