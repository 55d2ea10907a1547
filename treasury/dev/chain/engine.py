"""The only file that speaks to py-evm: state by header, calls, applied transactions, blocks.

The engine keeps no list of blocks and takes no decision: which block is the head, and what waits
for the next one, is the business of `ledger.py` and `mempool.py`. All state stays in one trie
database by root, so any header that was ever sealed can still be read.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rlp  # type: ignore[import-untyped]
from eth.abc import BlockAPI, BlockHeaderAPI, ComputationAPI, ReceiptAPI, SignedTransactionAPI
from eth.exceptions import Revert, VMError
from eth.vm.spoof import SpoofTransaction
from eth_tester.backends.pyevm.main import get_default_genesis_params, setup_tester_chain
from eth_utils.exceptions import ValidationError

from treasury.dev.chain.errors import RevertedError, ServerError

_NOBODY = bytes(20)
_STATES_KEPT = 8
_REASON_SELECTOR = bytes.fromhex("08c379a0")


class RefusedTransactionError(Exception):
    """The transaction cannot be part of the block that is being built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """A call without signature; `gas` zero means the block's limit, `to` empty means creation."""

    source: bytes = _NOBODY
    to: bytes = b""
    data: bytes = b""
    value: int = 0
    gas: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBlock:
    """A finished block with the receipts of its transactions."""

    block: BlockAPI
    receipts: tuple[ReceiptAPI, ...]

    @property
    def header(self) -> BlockHeaderAPI:
        """Return the block's header."""
        return self.block.header

    @property
    def number(self) -> int:
        """Return the block's number."""
        return int(self.block.number)

    @property
    def hash(self) -> bytes:
        """Return the block's 32-byte hash."""
        return bytes(self.block.hash)

    @property
    def size(self) -> int:
        """Return the length of the encoded block in bytes."""
        return len(rlp.encode(self.block))

    @property
    def base_fee(self) -> int:
        """Return the block's base fee, in wei per gas."""
        return int(self.block.header.base_fee_per_gas or 0)


class Engine:
    """One EVM with its state; builds one block at a time on top of a given parent."""

    def __init__(self, *, chain_id: int, time: int, funds: Mapping[bytes, int]) -> None:
        """Make the genesis block with these balances (20-byte address to wei)."""
        accounts = {
            address: {"balance": amount, "nonce": 0, "code": b"", "storage": {}}
            for address, amount in (funds or {_NOBODY: 0}).items()
        }
        genesis = get_default_genesis_params({"timestamp": time})
        _, self._chain = setup_tester_chain(genesis, accounts)
        self._chain.chain_id = chain_id
        self._states: OrderedDict[bytes, Any] = OrderedDict()

    def genesis(self) -> SealedBlock:
        """Return the block with number 0."""
        return SealedBlock(block=self._chain.get_canonical_block_by_number(0), receipts=())

    # --- reading ---

    def balance(self, address: bytes, at: BlockHeaderAPI) -> int:
        """Return the balance in wei after the block of this header."""
        return int(self._settled(at).get_balance(address))

    def nonce(self, address: bytes, at: BlockHeaderAPI) -> int:
        """Return the next nonce after the block of this header."""
        return int(self._settled(at).get_nonce(address))

    def code(self, address: bytes, at: BlockHeaderAPI) -> bytes:
        """Return the code after the block of this header."""
        return bytes(self._settled(at).get_code(address))

    def storage(self, address: bytes, slot: int, at: BlockHeaderAPI) -> int:
        """Return one storage slot after the block of this header."""
        return int(self._settled(at).get_storage(address, slot))

    def call(self, request: CallRequest, at: BlockHeaderAPI) -> bytes:
        """Run a call on top of this header and forget it; raises `RevertedError`."""
        with self._chain.get_vm(at).in_costless_state() as state:
            transaction = self._unsigned(request, state.get_nonce(request.source), at)
            try:
                computation = state.apply_transaction(transaction)
            except ValidationError as error:
                raise ServerError(str(error)) from error
        _raise_if_failed(computation)
        return bytes(computation.output)

    def estimate_gas(self, request: CallRequest, at: BlockHeaderAPI) -> int:
        """Return the least gas with which the call succeeds; raises `RevertedError`."""
        self.call(request, at)
        nonce = self.nonce(request.source, at)
        try:
            return int(self._chain.estimate_gas(self._unsigned(request, nonce, at), at))
        except VMError as error:
            raise ServerError(f"gas required exceeds allowance: {error}") from error

    # --- building ---

    def begin(self, parent: BlockHeaderAPI, time: int) -> BlockHeaderAPI:
        """Start the block after `parent`; what was started before is forgotten."""
        header: BlockHeaderAPI = self._chain.create_header_from_parent(parent, timestamp=time)
        self._chain.header = header
        return header

    def next_base_fee(self, parent: BlockHeaderAPI) -> int:
        """Return the base fee of the block after `parent`, in wei per gas."""
        header = self._chain.create_header_from_parent(parent, timestamp=parent.timestamp + 1)
        return int(header.base_fee_per_gas)

    def decode(self, raw: bytes) -> SignedTransactionAPI:
        """Decode and check a signed transaction; raises `ServerError` when it is malformed."""
        try:
            builder = self._chain.get_vm().get_transaction_builder()
            transaction: SignedTransactionAPI = builder.decode(raw)
            transaction.validate()
            assert len(transaction.sender) == 20
        except Exception as error:
            # py-evm, rlp and eth_keys raise a dozen unrelated types for malformed input.
            raise ServerError(f"rlp: cannot decode transaction: {error}") from error
        return transaction

    def apply(self, transaction: SignedTransactionAPI) -> None:
        """Execute a transaction in the block that was begun; raises `RefusedTransactionError`."""
        try:
            self._chain.apply_transaction(transaction)
        except ValidationError as error:
            raise RefusedTransactionError(str(error)) from error

    def write(
        self,
        address: bytes,
        *,
        balance: int | None = None,
        nonce: int | None = None,
        code: bytes | None = None,
        slots: Mapping[int, int] | None = None,
    ) -> None:
        """Write an account's state in the block that was begun."""
        state = self._state(self._chain.header)
        if balance is not None:
            state.set_balance(address, balance)
        if nonce is not None:
            state.set_nonce(address, nonce)
        if code is not None:
            state.set_code(address, code)
        for slot, value in (slots or {}).items():
            state.set_storage(address, slot, value)
        state.lock_changes()
        state.persist()
        self._chain.header = self._chain.header.copy(state_root=state.state_root)

    def seal(self) -> SealedBlock:
        """Finish the block that was begun; a random `mix_hash` makes every block's hash its own."""
        receipts = tuple(self._chain.get_block().get_receipts(self._chain.chaindb))
        block = self._chain.mine_block(mix_hash=os.urandom(32), blob_gas_used=0)
        return SealedBlock(block=block, receipts=receipts)

    def _settled(self, at: BlockHeaderAPI) -> Any:  # noqa: ANN401 - py-evm is untyped here
        """Return the state after a sealed block, for reading only; a few are kept at hand."""
        if at.hash not in self._states:
            self._states[at.hash] = self._state(at)
            if len(self._states) > _STATES_KEPT:
                self._states.popitem(last=False)
        return self._states[at.hash]

    def _state(self, at: BlockHeaderAPI) -> Any:  # noqa: ANN401 - py-evm is untyped here
        return self._chain.get_vm(at).state

    def _unsigned(
        self, request: CallRequest, nonce: int, at: BlockHeaderAPI
    ) -> SignedTransactionAPI:
        builder = self._chain.get_transaction_builder()
        unsigned = builder.new_unsigned_dynamic_fee_transaction(
            chain_id=self._chain.chain_id,
            nonce=nonce,
            max_priority_fee_per_gas=0,
            max_fee_per_gas=0,
            gas=request.gas or at.gas_limit,
            to=request.to,
            value=request.value,
            data=request.data,
            access_list=(),
        )
        return SpoofTransaction(unsigned, from_=request.source)  # type: ignore[return-value]


def _raise_if_failed(computation: ComputationAPI) -> None:
    if not computation.is_error:
        return
    if isinstance(computation.error, Revert):
        output = bytes(computation.output)
        raise RevertedError(output, _reason(output))
    raise ServerError(f"{type(computation.error).__name__}: {computation.error}".strip(": "))


def _reason(output: bytes) -> str:
    """Return the text of Solidity's `Error(string)`, or nothing."""
    if output[:4] != _REASON_SELECTOR or len(output) < 68:
        return ""
    length = int.from_bytes(output[36:68], "big")
    return output[68 : 68 + length].decode("utf-8", "replace")
