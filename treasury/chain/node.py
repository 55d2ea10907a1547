"""One chain behind one node: the plainest way to fulfil the port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from config.settings import Anchor, Finality, FinalityKind, Rollup
from policies.terms import Address, Stamp
from policies.tokens import Movement, Spending, TokenFacts
from treasury.chain import (
    answers,
    authority,
    fees,
    pending,
    reader,
    receipts,
    rights,
    rollup,
    sender,
    spending,
    tokens,
)
from treasury.chain.dial import transport_for
from treasury.chain.errors import BadAnswerError, ChainError, MissingBlockError, NodeError
from treasury.chain.multicall import CANONICAL, Multicall
from treasury.chain.packed_reader import PackedReader
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
    Waiting,
)
from treasury.chain.quick_reader import QuickReader
from treasury.chain.rpc import Call, RpcClient


class NodeChain:
    """A chain as one node tells it."""

    def __init__(
        self,
        rpc: RpcClient,
        finality: Finality,
        *,
        multicall: Address = CANONICAL,
        kind: Rollup = Rollup.NONE,
    ) -> None:
        """Speak through `rpc`; `finality` says which blocks count as final."""
        self._rpc = rpc
        self._finality = finality
        self._kind = kind
        self._reader = QuickReader(rpc, (PackedReader(), Multicall(multicall)))

    @property
    def chain_id(self) -> int:
        """Return the chain id that each connection is checked against."""
        return self._rpc.chain_id

    @property
    def name(self) -> str:
        """Return the node's host and port."""
        return self._rpc.name

    def head(self) -> Stamp:
        """Return the newest block, of the right chain even where a node was exchanged."""
        block, served = self._rpc.batch(
            [Call("eth_getBlockByNumber", ("latest", False)), Call("eth_chainId")]
        )
        self._rpc.require_chain(served)
        return self._stamp(block, "latest")

    def finalised(self, head: Stamp) -> Stamp:
        """Return the newest final block as seen from `head`; raises `MissingBlockError`."""
        if self._finality.kind is FinalityKind.DEPTH:
            return self.stamp_at(max(0, head.number - self._finality.depth_blocks))
        found = self._tagged(self._finality.kind.value)
        if found.number > head.number:
            raise BadAnswerError(
                f"{self.name} calls block {found.number} {self._finality}, "
                f"which is newer than its head {head.number}"
            )
        return found

    def stamp_at(self, number: int) -> Stamp:
        """Return the block of this number; raises `MissingBlockError`."""
        found = self._tagged(hex(number))
        if found.number != number:
            raise BadAnswerError(f"asked {self.name} for block {number}, got {found.number}")
        return found

    def stamps_at(self, numbers: Sequence[int]) -> Mapping[int, Stamp | None]:
        """Return the blocks of these numbers, in one batch; None where there is none."""
        calls = [Call("eth_getBlockByNumber", (hex(number), False)) for number in numbers]
        found: dict[int, Stamp | None] = {}
        for number, answer in zip(numbers, self._rpc.batch(calls), strict=True):
            if isinstance(answer, NodeError):
                raise answer
            found[number] = answers.stamp(answer)
            if (stamp := found[number]) is not None and stamp.number != number:
                raise BadAnswerError(f"asked {self.name} for block {number}, got {stamp.number}")
        return found

    def read_balances(self, request: ReadRequest, at: Stamp) -> Readings:
        """Read all cells at the block of `at`, in as few calls as the node takes."""
        return self._reader.read_balances(request, at)

    def transaction_nonce(self, address: Address, at: Stamp) -> int:
        """Return the number of mined transactions of `address` at the block of `at`."""
        return reader.transaction_nonce(self._rpc, address, at)

    def fee_market(self) -> FeeMarket:
        """Return base fee and tip after the newest block."""
        return self.fee_market_at(self.head())

    def fee_market_at(self, head: Stamp) -> FeeMarket:
        """Return base fee and tip after the block of `head`."""
        return fees.fee_market(self._rpc, head)

    def l1_fee(self, size_bytes: int) -> int:
        """Return what a rollup takes now for a transaction of this size, in wei."""
        return 0 if self._kind is Rollup.NONE else self.l1_fee_at(size_bytes, self.head())

    def l1_fee_at(self, size_bytes: int, at: Stamp) -> int:
        """Return what a rollup takes for it at the block of `at`, in wei."""
        return 0 if self._kind is Rollup.NONE else rollup.l1_fee(self._rpc, size_bytes, at)

    def send(self, raw: bytes) -> SendAnswer:
        """Broadcast signed bytes."""
        return sender.send(self._rpc, raw)

    def send_all(self, raws: Sequence[bytes]) -> Sequence[SendAnswer]:
        """Broadcast signed transactions, in one batch."""
        return sender.send_all(self._rpc, raws)

    def receipts(self, hashes: Sequence[str]) -> Mapping[str, Receipt | None]:
        """Return the receipts of these transactions, in one batch."""
        return receipts.receipts(self._rpc, hashes)

    def token_facts(self, assets: Sequence[Address], at: Stamp) -> Sequence[TokenFacts]:
        """Return what these token contracts say of themselves at the block of `at`."""
        return tokens.token_facts(self._rpc, assets, at)

    def token_movement(self, transfer: TokenTransfer, receipt: Receipt) -> Movement:
        """Return what a mined transfer of a token logged and did to both balances."""
        return tokens.movement(self._rpc, transfer, receipt)

    def spending(
        self, payments: Sequence[tuple[Address, Receipt]], assets: Sequence[Address]
    ) -> Sequence[Spending]:
        """Return what each transaction took out of the wallet beside it, in one batch."""
        return spending.read_spending(self._rpc, payments, assets)

    def rights(self, request: RightsRequest, at: Stamp) -> Rights:
        """Return allowances and rights at the block of `at`."""
        return rights.read_rights(self._rpc, request, at)

    def authority(
        self, contracts: Sequence[Address], at: Stamp
    ) -> Mapping[Address, Mapping[str, str]]:
        """Return who commands these contracts at the block of `at`."""
        return authority.read_authority(self._rpc, contracts, at)

    def sightings(self, request: ReadRequest) -> Sequence[Sighting]:
        """Return what this node reports at its head; nothing when it does not answer."""
        try:
            readings = self.read_balances(request, self.head())
        except ChainError:
            return ()
        return (Sighting(endpoint=self.name, readings=readings),)

    def waiting(self, signed: Mapping[Address, int]) -> Sequence[Waiting]:
        """Return what waits in this node's pool beyond `signed`; nothing without an answer."""
        try:
            return pending.waiting(self._rpc, signed)
        except ChainError:
            return ()

    def stalls(self) -> Sequence[Standstill]:
        """Return nothing: one node alone keeps no time."""
        return ()

    def take_dissents(self) -> Sequence[Dissent]:
        """Return nothing: one node contradicts nobody."""
        return ()

    def close(self) -> None:
        """Close the connection; the next question opens another one."""
        self._rpc.close()

    def _tagged(self, tag: str) -> Stamp:
        return self._stamp(self._rpc.call("eth_getBlockByNumber", tag, False), tag)

    def _stamp(self, answer: msgspec.Raw | NodeError, tag: str) -> Stamp:
        if isinstance(answer, NodeError):
            raise answer
        found = answers.stamp(answer)
        if found is None:
            raise MissingBlockError(f"{self.name} has no block {tag}")
        return found


def connect_node(
    url: str,
    *,
    chain_id: int,
    finality: Finality,
    deadline_s: float,
    anchor: Anchor | None = None,
) -> NodeChain:
    """Return a chain behind one URL; nothing is sent before the first question.

    Raises `EndpointError` when the URL cannot be used.
    """
    rpc = RpcClient(transport_for(url), chain_id=chain_id, deadline_s=deadline_s, anchor=anchor)
    return NodeChain(rpc, finality)
