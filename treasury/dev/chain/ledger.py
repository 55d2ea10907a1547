"""The development chain itself: its blocks, its waiting transactions, its clock.

The list of blocks here is the canonical chain; py-evm only executes. Going back (revert, rollback,
reorg) is therefore cutting the list, and state of every block stays readable by its header.
A state write (`set_account`) is real: it is put into a block of its own, mined at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eth.abc import BlockHeaderAPI

from treasury.dev.chain.engine import Engine, RefusedTransactionError, SealedBlock
from treasury.dev.chain.errors import ServerError
from treasury.dev.chain.mempool import Mempool, Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """Where a mined transaction is."""

    waiting: Waiting
    block: SealedBlock
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    blocks: tuple[SealedBlock, ...]
    pool: Mempool
    offset_s: int


class DevelopmentChain:
    """Blocks, pool and clock of one development chain. Not thread-safe: the server locks."""

    def __init__(
        self,
        *,
        chain_id: int,
        funds: Mapping[bytes, int],
        is_automine: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin with a genesis block that holds `funds` (20-byte address to wei)."""
        self.chain_id = chain_id
        self.is_automine = is_automine
        self.pool = Mempool()
        self._clock = clock
        self._offset_s = 0
        self._fixed_time: int | None = None
        self._engine = Engine(chain_id=chain_id, time=int(clock()), funds=funds)
        self._blocks = [self._engine.genesis()]
        self._numbers = {self._blocks[0].hash: 0}
        self._mined: dict[bytes, Mined] = {}
        self._snapshots: dict[int, _Snapshot] = {}
        self._snapshot_count = 0

    @property
    def engine(self) -> Engine:
        """Return the engine, for reads and calls at a header."""
        return self._engine

    @property
    def head(self) -> SealedBlock:
        """Return the newest block."""
        return self._blocks[-1]

    @property
    def height(self) -> int:
        """Return the number of the newest block."""
        return len(self._blocks) - 1

    def block_at(self, number: int) -> SealedBlock | None:
        """Return the canonical block of this number."""
        return self._blocks[number] if 0 <= number < len(self._blocks) else None

    def block_of(self, digest: bytes) -> SealedBlock | None:
        """Return the canonical block with this hash."""
        number = self._numbers.get(digest)
        return None if number is None else self._blocks[number]

    def find(self, digest: bytes) -> Mined | None:
        """Return the mined transaction with this hash."""
        return self._mined.get(digest)

    def nonce(self, address: bytes) -> int:
        """Return the number of mined transactions at the head."""
        return self._engine.nonce(address, self.head.header)

    def next_base_fee(self) -> int:
        """Return the base fee of the next block, in wei per gas."""
        return self._engine.next_base_fee(self.head.header)

    # --- sending and mining ---

    def send(self, raw: bytes) -> bytes:
        """Take a signed transaction into the pool and return its hash; raises `ServerError`."""
        waiting = Waiting(raw=raw, transaction=self._engine.decode(raw))
        self._check(waiting)
        self.pool.add(waiting)
        if self.is_automine:
            self.mine()
        return waiting.hash

    def mine(self) -> SealedBlock:
        """Mine one block with everything in the pool that it can hold."""
        return self._build(self._take_waiting)

    def set_account(
        self,
        address: bytes,
        *,
        balance: int | None = None,
        nonce: int | None = None,
        code: bytes | None = None,
        slots: Mapping[int, int] | None = None,
    ) -> None:
        """Write an account's state and mine the block that holds the write."""

        def write(_header: BlockHeaderAPI) -> list[Waiting]:
            self._engine.write(address, balance=balance, nonce=nonce, code=code, slots=slots)
            return []

        self._build(write)

    # --- time ---

    def increase_time(self, seconds: int) -> int:
        """Move the clock of coming blocks forward; return the total shift in seconds."""
        self._offset_s += seconds
        return self._offset_s

    def set_next_time(self, timestamp: int) -> None:
        """Fix the time of the next block; later ones go on from there."""
        if timestamp <= self.head.header.timestamp:
            raise ServerError(
                f"timestamp {timestamp} is not after the head's {self.head.header.timestamp}"
            )
        self._fixed_time = timestamp

    def _next_time(self) -> int:
        fixed, self._fixed_time = self._fixed_time, None
        now = int(self._clock())
        if fixed is not None:
            self._offset_s = fixed - now
            return fixed
        return max(now + self._offset_s, int(self.head.header.timestamp) + 1)

    # --- going back ---

    def snapshot(self) -> int:
        """Remember blocks, pool and clock; return the number to give to `revert`."""
        self._snapshot_count += 1
        self._snapshots[self._snapshot_count] = _Snapshot(
            blocks=tuple(self._blocks), pool=self.pool.copy(), offset_s=self._offset_s
        )
        return self._snapshot_count

    def revert(self, number: int) -> bool:
        """Go back to a snapshot, which is used up by it, with all later ones."""
        snapshot = self._snapshots.get(number)
        if snapshot is None:
            return False
        self._snapshots = {n: s for n, s in self._snapshots.items() if n < number}
        self._adopt(list(snapshot.blocks))
        self.pool = snapshot.pool.copy()
        self._offset_s = snapshot.offset_s
        return True

    def rollback(self, depth: int) -> None:
        """Take the last blocks off; their transactions wait in the pool again."""
        if not 0 <= depth <= self.height:
            raise ServerError(f"cannot take back {depth} of {self.height} blocks")
        keep = len(self._blocks) - depth
        returned = [m.waiting for m in self._mined.values() if m.block.number >= keep]
        self._adopt(self._blocks[:keep])
        for waiting in returned:
            self.pool.put_back(waiting)

    def reorg(self, depth: int) -> None:
        """Replace the last blocks by as many empty ones; their transactions wait again."""
        self.rollback(depth)
        for _ in range(depth):
            self._build(lambda _header: [])

    # --- inside ---

    def _check(self, new: Waiting) -> None:
        """Refuse what geth's pool refuses, in its order and words."""
        transaction, header = new.transaction, self.head.header
        chain_id = getattr(transaction, "chain_id", None)
        if chain_id is not None and chain_id != self.chain_id:
            raise ServerError(f"invalid chain id for signer: have {chain_id} want {self.chain_id}")
        if transaction.gas > header.gas_limit:
            raise ServerError("exceeds block gas limit")
        if new.priority_fee > new.max_fee:
            raise ServerError("max priority fee per gas higher than max fee per gas")
        if transaction.gas < transaction.intrinsic_gas:
            need = f"gas {transaction.gas}, minimum needed {transaction.intrinsic_gas}"
            raise ServerError(f"intrinsic gas too low: {need}")
        self._check_account(new)

    def _check_account(self, new: Waiting) -> None:
        if self.pool.find(new.hash) is not None:
            raise ServerError("already known")
        state = self.nonce(new.sender)
        if new.nonce < state:
            raise ServerError(f"nonce too low: next nonce {state}, tx nonce {new.nonce}")
        balance = self._engine.balance(new.sender, self.head.header)
        if balance < new.max_cost:
            detail = f"balance {balance}, tx cost {new.max_cost}"
            raise ServerError(
                f"insufficient funds for gas * price + value: {detail}, "
                f"overshot {new.max_cost - balance}"
            )

    def _build(self, fill: Callable[[BlockHeaderAPI], list[Waiting]]) -> SealedBlock:
        header = self._engine.begin(self.head.header, self._next_time())
        included = fill(header)
        sealed = self._engine.seal()
        self._append(sealed, included)
        self.pool.drop_below(self.nonce)
        return sealed

    def _take_waiting(self, header: BlockHeaderAPI) -> list[Waiting]:
        included: list[Waiting] = []
        blocked: set[bytes] = set()
        for waiting in self.pool.ready(self.nonce, int(header.base_fee_per_gas or 0)):
            if waiting.sender in blocked:
                continue
            try:
                self._engine.apply(waiting.transaction)
            except RefusedTransactionError:
                # No longer payable, or the block is full: it waits, and so do its followers.
                blocked.add(waiting.sender)
                continue
            included.append(waiting)
        return included

    def _append(self, sealed: SealedBlock, included: list[Waiting]) -> None:
        self._numbers[sealed.hash] = len(self._blocks)
        self._blocks.append(sealed)
        for index, waiting in enumerate(included):
            self._mined[waiting.hash] = Mined(waiting=waiting, block=sealed, index=index)

    def _adopt(self, blocks: list[SealedBlock]) -> None:
        """Make `blocks` the canonical chain; indexes of what was cut off are forgotten."""
        self._blocks = blocks
        self._numbers = {b.hash: n for n, b in enumerate(blocks)}
        self._mined = {h: m for h, m in self._mined.items() if m.block.hash in self._numbers}
