"""What the stations need of a chain, and the facts that they get.

Every implementation keeps these rules, and the stations rely on nothing else:
- facts of one `Readings` come from the one block of its stamp, never from two;
- what could not be read is `None` (unknown), never zero and never an older value;
- a method that cannot keep its promise raises a `ChainError` leaf and returns nothing;
- amounts are base units, fees are wei per gas, hashes are lower-case 0x and 64 digits.

Not guaranteed: that the node tells the truth. One node is one witness. Behind several endpoints a
quorum must agree on each fact; what single ones say against it comes as `Dissent` and `Sighting`,
which are good for alarms and for freezing and never for moving money.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from policies.terms import Address, Stamp
from policies.tokens import Movement, Spending, TokenFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """Which cells to read: every asset of every wallet, and every wallet's nonce.

    `assets` are contract addresses, `NATIVE` for the native coin.
    """

    wallets: tuple[Address, ...]
    assets: tuple[Address, ...]
    with_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """Facts of one block. A cell that is `None` is unknown; `codes` is empty unless asked for."""

    stamp: Stamp
    balances: Mapping[tuple[Address, Address], int | None]
    nonces: Mapping[Address, int | None]
    codes: Mapping[Address, bytes | None]

    def balance(self, wallet: Address, asset: Address) -> int | None:
        """Return the balance of `asset` in base units, or `None` when unknown or not asked for."""
        return self.balances.get((wallet, asset))

    def is_complete(self) -> bool:
        """Say whether every cell that was asked for is known."""
        cells = (*self.balances.values(), *self.nonces.values(), *self.codes.values())
        return None not in cells


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeMarket:
    """The price of gas after the block of `stamp`, in wei per gas.

    `base_fee` is the next block's; `priority_fee` is what recent blocks paid in the median.
    """

    stamp: Stamp
    base_fee: int
    priority_fee: int


class SendKind(StrEnum):
    """What a node said to a broadcast. Only ACCEPTED and KNOWN are news; none means "failed"."""

    ACCEPTED = "accepted"
    KNOWN = "known"
    UNDERPRICED = "underpriced"
    NONCE_LOW = "nonce_low"
    NONCE_HIGH = "nonce_high"
    FUNDS = "funds"
    FEE_CAP = "fee_cap"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"

    @property
    def is_with_node(self) -> bool:
        """Say whether the node has the transaction."""
        return self in (SendKind.ACCEPTED, SendKind.KNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAnswer:
    """The classified answer to a broadcast, with the node's own text, escaped."""

    kind: SendKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The outcome of a mined transaction; prices are wei per gas.

    `l1_fee` is what a rollup took on top for layer-1 data, in wei.
    """

    transaction_hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_used: int
    effective_gas_price: int
    l1_fee: int = 0

    @property
    def fee_paid(self) -> int:
        """Return the whole fee in wei: gas used times the price paid, and the layer-1 fee."""
        return self.gas_used * self.effective_gas_price + self.l1_fee


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTransfer:
    """A transfer of a token that we placed; `asked` is in base units."""

    asset: Address
    source: Address
    destination: Address
    asked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsRequest:
    """What to ask about the power of wallets.

    How much of each asset (contract addresses) each spender may take, and what each wallet may do
    at each contract.
    """

    wallets: tuple[Address, ...]
    assets: tuple[Address, ...]
    spenders: tuple[Address, ...]
    contracts: tuple[Address, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What wallets may still do, or allow others; `None` is unknown and never "nothing".

    `allowances` by wallet, asset and spender, in base units; `powers` by wallet and contract, as
    words ("owner").
    """

    allowances: Mapping[tuple[Address, Address, Address], int | None]
    powers: Mapping[tuple[Address, Address], tuple[str, ...] | None]


class Topic(StrEnum):
    """What a dissent is about."""

    CHAIN = "chain"
    HEAD = "head"
    BLOCK = "block"
    FINALITY = "finality"
    BALANCE = "balance"
    NONCE = "nonce"
    CODE = "code"
    RECEIPT = "receipt"
    FEES = "fees"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dissent:
    """What one endpoint says against the others; `agreed` is empty when there is no quorum.

    `subject` is a wallet, a transaction hash or a block number; amounts and nonces are decimal.
    """

    endpoint: str
    topic: Topic
    subject: str
    said: str
    agreed: str
    asset: Address | None = None
    block_number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one endpoint alone reports at its own head, whatever the others say."""

    endpoint: str
    readings: Readings


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What one endpoint has in its pool beyond what we signed for an account.

    `nonces` counts mined and waiting transactions; `raws` are the bytes of some, as far as the
    endpoint hands them out.
    """

    endpoint: str
    wallet: Address
    nonces: int
    raws: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """What ought to move and does not (`head` or `finality`), and since how many seconds."""

    what: str
    unmoved_s: float


class Chain(Protocol):
    """One chain behind one endpoint, or behind a quorum of them."""

    @property
    def chain_id(self) -> int:
        """Return the chain id that every endpoint was checked against."""

    def head(self) -> Stamp:
        """Return the newest block."""

    def finalised(self, head: Stamp) -> Stamp:
        """Return the newest block that counts as final when `head` is the newest block."""

    def stamp_at(self, number: int) -> Stamp:
        """Return the block of this number; raises `MissingBlockError` when there is none."""

    def stamps_at(self, numbers: Sequence[int]) -> Mapping[int, Stamp | None]:
        """Return the blocks of these numbers in one question; None where there is none."""

    def read_balances(self, request: ReadRequest, at: Stamp) -> Readings:
        """Read balances, nonces and (when asked) code, all pinned at the block of `at`.

        Raises `MissingBlockError` when that block is not, or no longer, on the chain.
        """

    def transaction_nonce(self, address: Address, at: Stamp) -> int:
        """Return how many transactions of `address` are mined up to and including `at`."""

    def fee_market(self) -> FeeMarket:
        """Return the price of gas now."""

    def l1_fee(self, size_bytes: int) -> int:
        """Return what a rollup takes now for a transaction of this size, in wei; elsewhere zero.

        It is charged on top of gas and can change until the transaction is mined.
        """

    def send(self, raw: bytes) -> SendAnswer:
        """Broadcast a signed transaction; safe to repeat, never raises for an absent node."""

    def send_all(self, raws: Sequence[bytes]) -> Sequence[SendAnswer]:
        """Broadcast several signed transactions, in order; one answer for each."""

    def receipts(self, hashes: Sequence[str]) -> Mapping[str, Receipt | None]:
        """Return the receipt of each hash; `None` means the node says there is none.

        Raises when any of the answers is missing: unknown is never told as "none".
        """

    def token_facts(self, assets: Sequence[Address], at: Stamp) -> Sequence[TokenFacts]:
        """Return what each token's contract says of itself at the block of `at`, in order."""

    def token_movement(self, transfer: TokenTransfer, receipt: Receipt) -> Movement:
        """Return what a mined transfer of a token logged, and what it did to both balances.

        Raises `MissingBlockError` when its block is no longer on the chain.
        """

    def spending(
        self, payments: Sequence[tuple[Address, Receipt]], assets: Sequence[Address]
    ) -> Sequence[Spending]:
        """Return what each transaction took of these assets out of the wallet beside it."""

    def rights(self, request: RightsRequest, at: Stamp) -> Rights:
        """Return what wallets may do at contracts, and others with their tokens, at one block."""

    def authority(
        self, contracts: Sequence[Address], at: Stamp
    ) -> Mapping[Address, Mapping[str, str]]:
        """Return who commands each contract, by power (0x-hex); what is unknown is left out."""

    def sightings(self, request: ReadRequest) -> Sequence[Sighting]:
        """Return what every endpoint that answers reports by itself; never raises.

        For watching while there is no quorum: enough to freeze a wallet, never to move anything.
        """

    def waiting(self, signed: Mapping[Address, int]) -> Sequence[Waiting]:
        """Return the accounts for which some endpoint counts more transactions than `signed`.

        Single voices, good for freezing; the bytes are proof whoever has them. Never raises.
        """

    def stalls(self) -> Sequence[Standstill]:
        """Return what has stood still for more than twice its usual time; asks nobody."""

    def take_dissents(self) -> Sequence[Dissent]:
        """Return what single endpoints said against the others since the last call."""
