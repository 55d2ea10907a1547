"""A chain in memory that fulfils `treasury.chain.port.Chain` and keeps real state.

    chain = FakeChain()                      # chain id 31337, finality depth 2, base fee 1 gwei
    chain.fund(address, 10**18)              # native; fund(address, n, asset=token) for an ERC-20
    chain.send(raw)                          # into the mempool, with a real node's answers
    chain.mine()                             # everything that can be mined, one block; mine(3)
    chain.spend(thief_of, to, amount)        # a foreign transaction in the next block (its nonce!)
    chain.reorg(2)                           # the last 2 blocks become 3 others; their transactions
                                             # wait in the mempool again (keep=False: are forgotten;
                                             # grow=0: 2 blocks become 2, both as anvil does it)
    chain.balance(a), chain.nonce(a)         # truth at head, for assertions
    chain.mempool                            # waiting transactions, decoded (`DecodedTransaction`)
    chain.mined                              # hashes in mining order, of the canonical chain

Faults: `chain.is_down = True` makes every read raise `UnavailableError` and every send answer
TRANSIENT (nothing is taken); `chain.unknown.add((wallet, asset))` or `.add(wallet)` makes that
balance or that nonce and code unknown; `chain.next_answers.append(SendAnswer(...))` replaces the
next answer of `send` while the transaction is still taken (a lost or odd answer),
`chain.drops_sends = True` answers ACCEPTED and forgets; `chain.hides_bytes = True` counts what
waits and hands out no bytes, `chain.lone_waiting` are bytes that the node made up;
`chain.dissents` are handed out once, `chain.lone_voices` at every sighting;
`chain.base_fee` decides what is mined: a transaction whose max fee is below it waits. A transaction
that cannot pay at mining time reverts when it is a token transfer, and is dropped when it is
native, as on a real chain.

The pool keeps geth's rules. anvil is laxer in one thing, any higher max fee replaces, and stricter
in two: it refuses a max fee below the base fee, and its `anvil_reorg` forgets what it takes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from policies.crypto import keccak256
from policies.terms import NATIVE, Address, Stamp
from policies.tokens import Movement, Spending, TokenFacts
from tests.fakes.transaction import DecodedTransaction, decode_transaction
from tests.laws import TOKEN
from treasury.chain.errors import MissingBlockError, UnavailableError
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

GWEI = 10**9
_NATIVE_GAS = 21_000
_TOKEN_GAS = 52_000
_GENESIS_TIME = 1_700_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    balances: Mapping[tuple[Address, Address], int]
    nonces: Mapping[Address, int]
    codes: Mapping[Address, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    stamp: Stamp
    state: _State
    transactions: tuple[DecodedTransaction, ...] = ()
    receipts: Mapping[str, Receipt]


def token_as(address: str, symbol: str, decimals: int) -> TokenFacts:
    """Return the facts of an ordinary token."""
    return TokenFacts(
        asset=Address(address),
        decimals=decimals,
        symbol=symbol,
        code=keccak256(symbol.encode()),
        behind=(bytes(32), bytes(32), bytes(32)),
    )


class FakeChain:
    """A chain in memory; see the module's text for how to drive it."""

    def __init__(
        self, *, chain_id: int = 31337, finality_depth: int = 2, base_fee: int = GWEI
    ) -> None:
        """Begin with an empty genesis block."""
        self.chain_id = chain_id
        self.finality_depth = finality_depth
        self.base_fee = base_fee
        self.priority_fee = GWEI
        self.block_time_s = 12
        self.name = "fake"
        self.layer1_fee = 0
        self.dissents: list[Dissent] = []
        self.standstills: list[Standstill] = []
        self.lone_voices: list[Sighting] = []
        self.is_down = False
        self.drops_sends = False
        self.hides_bytes = False
        self.commanders: dict[Address, dict[str, str]] = {}
        self.lone_waiting: dict[Address, tuple[bytes, ...]] = {}
        self.tokens: dict[Address, TokenFacts] = {Address(TOKEN): token_as(TOKEN, "USDC", 6)}
        self.movements: dict[str, Movement] = {}
        self.allowances: dict[tuple[Address, Address, Address], int | None] = {}
        self.refuses: set[Address] = set()
        self.powers: dict[tuple[Address, Address], tuple[str, ...] | None] = {}
        self.unknown: set[Address | tuple[Address, Address]] = set()
        self.next_answers: list[SendAnswer] = []
        self._pool: dict[tuple[Address, int], DecodedTransaction] = {}
        self._foreign: list[tuple[Address, Address, int, Address]] = []
        self._salt = 0
        empty = _State(balances={}, nonces={}, codes={})
        self._blocks = [_Block(stamp=self._stamp(0, _GENESIS_TIME), state=empty, receipts={})]

    # --- what a test does ---

    def fund(self, address: Address, amount: int, asset: Address = NATIVE) -> None:
        """Add to a balance at head, in base units, as if it had always been there."""
        self._set_balance(address, self.balance(address, asset) + amount, asset)

    def set_code(self, address: Address, code: bytes) -> None:
        """Put code at an address, at head."""
        state = self._head.state
        self._write(replace(state, codes={**state.codes, address: code}))

    def spend(
        self, source: Address, destination: Address, amount: int, asset: Address = NATIVE
    ) -> None:
        """Let a foreign transaction move money in the next block, using up the source's nonce."""
        self._foreign.append((source, destination, amount, asset))

    def mine(self, count: int = 1) -> Stamp:
        """Mine `count` blocks, the first with everything that can be mined; return the head."""
        for _ in range(count):
            self._mine_one()
        return self._head.stamp

    def reorg(self, depth: int, *, keep: bool = True, grow: int = 1) -> Stamp:
        """Replace the last `depth` blocks by `depth + grow` empty ones; return the new head."""
        if not 0 < depth < len(self._blocks):
            msg = f"cannot take back {depth} of {len(self._blocks) - 1} blocks"
            raise ValueError(msg)
        dropped, waiting = self._blocks[-depth:], self._pool
        del self._blocks[-depth:]
        self._pool = {}
        head = self.mine(depth + grow)
        returned = [t for block in dropped for t in block.transactions] if keep else []
        self._pool = {(t.sender, t.nonce): t for t in returned} | waiting
        return head

    def drop_mempool(self) -> None:
        """Forget every waiting transaction, as a node does after a restart."""
        self._pool.clear()

    def balance(self, address: Address, asset: Address = NATIVE) -> int:
        """Return the true balance at head, in base units."""
        return self._head.state.balances.get((address, asset), 0)

    def nonce(self, address: Address) -> int:
        """Return the true number of mined transactions at head."""
        return self._head.state.nonces.get(address, 0)

    @property
    def mempool(self) -> tuple[DecodedTransaction, ...]:
        """Return the waiting transactions."""
        return tuple(self._pool.values())

    @property
    def mined(self) -> tuple[str, ...]:
        """Return the hashes of all mined transactions of the present chain, in order."""
        return tuple(t.hash for block in self._blocks for t in block.transactions)

    # --- what the stations ask ---

    def head(self) -> Stamp:
        """Return the newest block."""
        self._require_up()
        return self._head.stamp

    def finalised(self, head: Stamp) -> Stamp:
        """Return the block `finality_depth` below `head`, or genesis."""
        return self.stamp_at(max(0, head.number - self.finality_depth))

    def stamp_at(self, number: int) -> Stamp:
        """Return the block of this number; raises `MissingBlockError`."""
        self._require_up()
        if not 0 <= number < len(self._blocks):
            msg = f"there is no block {number}"
            raise MissingBlockError(msg)
        return self._blocks[number].stamp

    def stamps_at(self, numbers: Sequence[int]) -> Mapping[int, Stamp | None]:
        """Return several blocks, None where there is none."""
        return {number: self._stamp_or_none(number) for number in numbers}

    def _stamp_or_none(self, number: int) -> Stamp | None:
        try:
            return self.stamp_at(number)
        except MissingBlockError:
            return None

    def read_balances(self, request: ReadRequest, at: Stamp) -> Readings:
        """Read all cells at the block of `at`; unknown where the test said so."""
        state = self._state_at(at)
        cells = [(wallet, asset) for wallet in request.wallets for asset in request.assets]
        coded = request.wallets if request.with_code else ()
        hidden = self.unknown
        return Readings(
            stamp=at,
            balances={c: None if c in hidden else state.balances.get(c, 0) for c in cells},
            nonces={w: None if w in hidden else state.nonces.get(w, 0) for w in request.wallets},
            codes={w: None if w in hidden else state.codes.get(w, b"") for w in coded},
        )

    def transaction_nonce(self, address: Address, at: Stamp) -> int:
        """Return the number of mined transactions of `address` at the block of `at`."""
        return self._state_at(at).nonces.get(address, 0)

    def fee_market(self) -> FeeMarket:
        """Return the base fee and priority fee that the test set."""
        self._require_up()
        return FeeMarket(
            stamp=self._head.stamp, base_fee=self.base_fee, priority_fee=self.priority_fee
        )

    def fee_market_at(self, head: Stamp) -> FeeMarket:
        """Return the base fee and priority fee that the test set, for this block."""
        self._state_at(head)
        return replace(self.fee_market(), stamp=head)

    def l1_fee(self, size_bytes: int) -> int:
        """Return the layer-1 fee that the test set."""
        self._require_up()
        return self.layer1_fee

    def l1_fee_at(self, size_bytes: int, at: Stamp) -> int:
        """Return the layer-1 fee that the test set."""
        self._state_at(at)
        return self.layer1_fee

    def token_facts(self, assets: Sequence[Address], at: Stamp) -> Sequence[TokenFacts]:
        """Return the facts that the test put into `tokens`; unknown ones for any other token."""
        self._state_at(at)
        nothing = TokenFacts(
            asset=NATIVE, decimals=None, symbol=None, code=None, behind=(None, None, None)
        )
        return [self.tokens.get(asset, replace(nothing, asset=asset)) for asset in assets]

    def token_movement(self, transfer: TokenTransfer, receipt: Receipt) -> Movement:
        """Return what the test put into `movements`, else that a success moved what was asked."""
        self._require_up()
        moved = transfer.asked if receipt.succeeded else 0
        told = Movement(asked=transfer.asked, logged=moved, left=moved, arrived=moved)
        return self.movements.get(receipt.transaction_hash, told)

    def spending(
        self, payments: Sequence[tuple[Address, Receipt]], assets: Sequence[Address]
    ) -> Sequence[Spending]:
        """Return what the transactions themselves say."""
        self._require_up()
        sent = {t.hash: t for block in self._blocks for t in block.transactions}
        return tuple(
            _spending(wallet, receipt, sent[receipt.transaction_hash], assets)
            for wallet, receipt in payments
        )

    def rights(self, request: RightsRequest, at: Stamp) -> Rights:
        """Return the allowances and powers that the test put in; no others."""
        self._state_at(at)
        triples = [
            (w, a, s) for w in request.wallets for a in request.assets for s in request.spenders
        ]
        pairs = [(w, contract) for w in request.wallets for contract in request.contracts]
        return Rights(
            allowances={triple: self.allowances.get(triple, 0) for triple in triples},
            powers={pair: self.powers.get(pair, ()) for pair in pairs},
        )

    def authority(
        self, contracts: Sequence[Address], at: Stamp
    ) -> Mapping[Address, Mapping[str, str]]:
        """Return what the test put into `commanders`."""
        self._state_at(at)
        return {contract: dict(self.commanders.get(contract, {})) for contract in contracts}

    def sightings(self, request: ReadRequest) -> Sequence[Sighting]:
        """Return the truth at head as the only endpoint tells it; nothing while it is down."""
        voices = tuple(_as_asked(voice, request) for voice in self.lone_voices)
        if self.is_down:
            return voices
        own = Sighting(endpoint=self.name, readings=self.read_balances(request, self.head()))
        return (own, *voices)

    def waiting(self, signed: Mapping[Address, int]) -> Sequence[Waiting]:
        """Return what the mempool has beyond `signed`, with its bytes unless `hides_bytes`."""
        found = []
        for wallet, own in signed.items():
            count = self.nonce(wallet)
            while (wallet, count) in self._pool:
                count += 1
            raws = tuple(t.raw for t in self.mempool if t.sender == wallet and t.nonce >= own)
            made_up = self.lone_waiting.get(wallet)
            count, raws = (own + 1, made_up) if made_up else (count, raws)
            if count > own and not self.is_down:
                shown = () if self.hides_bytes else raws
                found.append(Waiting(endpoint=self.name, wallet=wallet, nonces=count, raws=shown))
        return found

    def stalls(self) -> Sequence[Standstill]:
        """Return what the test let stand still."""
        return tuple(self.standstills)

    def take_dissents(self) -> Sequence[Dissent]:
        """Return the dissents that the test put in, once."""
        taken, self.dissents = tuple(self.dissents), []
        return taken

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def send(self, raw: bytes) -> SendAnswer:
        """Take a transaction into the mempool and answer as a node does."""
        if self.is_down:
            return SendAnswer(kind=SendKind.TRANSIENT, text="the node is down")
        answer = self._take(raw)
        return self.next_answers.pop(0) if self.next_answers else answer

    def send_all(self, raws: Sequence[bytes]) -> Sequence[SendAnswer]:
        """Take one after the other."""
        return [self.send(raw) for raw in raws]

    def receipts(self, hashes: Sequence[str]) -> Mapping[str, Receipt | None]:
        """Return the receipts on the present chain."""
        self._require_up()
        known: dict[str, Receipt] = {}
        for block in self._blocks:
            known.update(block.receipts)
        return {h: known.get(h) for h in hashes}

    # --- inside ---

    @property
    def _head(self) -> _Block:
        return self._blocks[-1]

    def _stamp(self, number: int, time: int) -> Stamp:
        self._salt += 1
        digest = keccak256(f"{self.chain_id}:{number}:{self._salt}".encode())
        return Stamp(number=number, hash="0x" + digest.hex(), time=time)

    def _require_up(self) -> None:
        if self.is_down:
            msg = "the node does not answer"
            raise UnavailableError(msg)

    def _state_at(self, at: Stamp) -> _State:
        if self.stamp_at(at.number) != at:
            msg = f"block {at.number} is another one now"
            raise MissingBlockError(msg)
        return self._blocks[at.number].state

    def _write(self, state: _State) -> None:
        self._blocks[-1] = replace(self._head, state=state)

    def _set_balance(self, address: Address, amount: int, asset: Address) -> None:
        state = self._head.state
        self._write(replace(state, balances={**state.balances, (address, asset): amount}))

    def _take(self, raw: bytes) -> SendAnswer:
        transaction = decode_transaction(raw)
        refusal = self._refusal(transaction)
        if refusal is not None:
            return refusal
        if not self.drops_sends:
            self._pool[(transaction.sender, transaction.nonce)] = transaction
        return SendAnswer(kind=SendKind.ACCEPTED, text="")

    def _refusal(self, transaction: DecodedTransaction) -> SendAnswer | None:
        sender, nonce = transaction.sender, transaction.nonce
        rival = self._pool.get((sender, nonce))
        if transaction.chain_id != self.chain_id:
            return SendAnswer(kind=SendKind.UNKNOWN, text="invalid chain id for signer")
        if rival is not None and rival.hash == transaction.hash:
            return SendAnswer(kind=SendKind.KNOWN, text="already known")
        if nonce < self.nonce(sender):
            return SendAnswer(kind=SendKind.NONCE_LOW, text="nonce too low")
        if self.balance(sender) < transaction.max_cost:
            text = "insufficient funds for gas * price + value"
            return SendAnswer(kind=SendKind.FUNDS, text=text)
        if rival is not None and not _outbids(transaction, rival):
            text = "replacement transaction underpriced"
            return SendAnswer(kind=SendKind.UNDERPRICED, text=text)
        return None

    def _mine_one(self) -> None:
        parent = self._head
        stamp = self._stamp(parent.stamp.number + 1, parent.stamp.time + self.block_time_s)
        self._blocks.append(_Block(stamp=stamp, state=parent.state, receipts={}))
        for source, destination, amount, asset in self._foreign:
            self._bump_nonce(source)
            self._move(source, destination, amount, asset)
        self._foreign.clear()
        for key in sorted(self._pool, key=lambda k: k[1]):
            self._mine_transaction(self._pool[key])
        self._pool = {k: t for k, t in self._pool.items() if t.nonce >= self.nonce(t.sender)}

    def _mine_transaction(self, transaction: DecodedTransaction) -> None:
        sender = transaction.sender
        is_due = transaction.nonce == self.nonce(sender) and transaction.max_fee >= self.base_fee
        if not is_due or self.balance(sender) < transaction.max_cost:
            return
        gas = _TOKEN_GAS if transaction.is_token_transfer else _NATIVE_GAS
        price = min(transaction.max_fee, self.base_fee + transaction.priority_fee)
        self._bump_nonce(sender)
        self._set_balance(sender, self.balance(sender) - gas * price, NATIVE)
        succeeded = self._move(sender, transaction.payee, transaction.amount, transaction.asset)
        receipt = Receipt(
            transaction_hash=transaction.hash,
            block_number=self._head.stamp.number,
            block_hash=self._head.stamp.hash,
            succeeded=succeeded,
            gas_used=gas,
            effective_gas_price=price,
        )
        self._blocks[-1] = replace(
            self._head,
            transactions=(*self._head.transactions, transaction),
            receipts={**self._head.receipts, transaction.hash: receipt},
        )

    def _bump_nonce(self, address: Address) -> None:
        state = self._head.state
        self._write(replace(state, nonces={**state.nonces, address: self.nonce(address) + 1}))

    def _move(self, source: Address, destination: Address, amount: int, asset: Address) -> bool:
        left = self.balance(source, asset) - amount
        if left < 0 or asset in self.refuses:
            return False
        self._set_balance(source, left, asset)
        self._set_balance(destination, self.balance(destination, asset) + amount, asset)
        return True


def _spending(
    wallet: Address, receipt: Receipt, sent: DecodedTransaction, assets: Sequence[Address]
) -> Spending:
    is_sender = sent.sender == wallet
    has_moved = is_sender and receipt.succeeded and sent.asset in assets
    return Spending(is_sender=is_sender, amounts={sent.asset: sent.amount} if has_moved else {})


def _as_asked(voice: Sighting, request: ReadRequest) -> Sighting:
    """Leave out of a lone voice what nobody asked it."""
    seen, wallets, assets = voice.readings, set(request.wallets), set(request.assets)
    readings = replace(
        seen,
        balances={c: v for c, v in seen.balances.items() if c[0] in wallets and c[1] in assets},
        nonces={w: v for w, v in seen.nonces.items() if w in wallets},
        codes={w: v for w, v in seen.codes.items() if w in wallets and request.with_code},
    )
    return Sighting(endpoint=voice.endpoint, readings=readings)


def _outbids(new: DecodedTransaction, old: DecodedTransaction) -> bool:
    """Say whether both prices are at least 10 % above the old ones, geth's rule."""
    return new.max_fee * 10 >= old.max_fee * 11 and new.priority_fee * 10 >= old.priority_fee * 11
