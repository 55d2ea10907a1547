"""The methods of an ordinary node."""

from __future__ import annotations

from collections.abc import Callable

from eth.abc import BlockHeaderAPI

from treasury.dev.chain.engine import SealedBlock
from treasury.dev.chain.errors import InvalidParamsError, ServerError
from treasury.dev.chain.ledger import DevelopmentChain
from treasury.dev.chain.log_filter import LogFilter
from treasury.dev.chain.params import BlockId, Params
from treasury.dev.chain.shapes import (
    Shape,
    block_shape,
    hex_of,
    logs_of,
    price_paid,
    receipt_shape,
    transaction_shape,
    waiting_shape,
    word,
)

Method = Callable[[Params], object]
GWEI = 10**9
_HISTORY_LIMIT = 1024
CLIENT_VERSION = "treasury-devchain/1 (py-evm)"


class EthMethods:
    """Answers `eth_*`, `net_*` and `web3_*` for one chain."""

    def __init__(self, chain: DevelopmentChain) -> None:
        """Serve this chain."""
        self._chain = chain

    def table(self) -> dict[str, Method]:
        """Return every method by its name."""
        return {
            "web3_clientVersion": lambda _: CLIENT_VERSION,
            "net_version": lambda _: str(self._chain.chain_id),
            "net_listening": lambda _: True,
            "eth_chainId": lambda _: hex(self._chain.chain_id),
            "eth_syncing": lambda _: False,
            "eth_accounts": lambda _: [],
            "eth_blockNumber": lambda _: hex(self._chain.height),
            "eth_gasPrice": lambda _: hex(self._chain.next_base_fee() + GWEI),
            "eth_maxPriorityFeePerGas": lambda _: hex(GWEI),
            "eth_feeHistory": self._fee_history,
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getBalance": self._balance,
            "eth_getTransactionCount": self._nonce,
            "eth_getCode": self._code,
            "eth_getStorageAt": self._storage,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "eth_sendRawTransaction": lambda p: hex_of(self._chain.send(p.data(0))),
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getBlockReceipts": self._block_receipts,
            "eth_getLogs": self._logs,
        }

    # --- blocks ---

    def _find(self, wanted: BlockId) -> SealedBlock | None:
        if wanted.digest is not None:
            return self._chain.block_of(wanted.digest)
        if wanted.number is not None:
            return self._chain.block_at(wanted.number)
        return self._chain.block_at(0) if wanted.tag == "earliest" else self._chain.head

    def _header(self, wanted: BlockId) -> BlockHeaderAPI:
        found = self._find(wanted)
        if found is None:
            raise ServerError("header not found")
        return found.header

    def _block_by_number(self, params: Params) -> Shape | None:
        wanted = params.block(0)
        if wanted.digest is not None:
            raise InvalidParamsError("a block number or tag is expected, not an object")
        return self._block(self._find(wanted), params)

    def _block_by_hash(self, params: Params) -> Shape | None:
        return self._block(self._chain.block_of(params.digest(0)), params)

    def _block(self, found: SealedBlock | None, params: Params) -> Shape | None:
        full = params.boolean(1, default=False)
        return None if found is None else block_shape(found, with_transactions=full)

    # --- accounts ---

    def _balance(self, params: Params) -> str:
        address, at = params.address(0), self._header(params.block(1))
        return hex(self._chain.engine.balance(address, at))

    def _nonce(self, params: Params) -> str:
        address, wanted = params.address(0), params.block(1)
        mined = self._chain.engine.nonce(address, self._header(wanted))
        if wanted.tag == "pending":
            mined = self._chain.pool.next_nonce(address, mined)
        return hex(mined)

    def _code(self, params: Params) -> str:
        address, at = params.address(0), self._header(params.block(1))
        return hex_of(self._chain.engine.code(address, at))

    def _storage(self, params: Params) -> str:
        address, slot = params.address(0), params.flexible(1)
        return word(self._chain.engine.storage(address, slot, self._header(params.block(2))))

    def _call(self, params: Params) -> str:
        request, at = params.call(0), self._header(params.block(1))
        return hex_of(self._chain.engine.call(request, at))

    def _estimate(self, params: Params) -> str:
        request, at = params.call(0), self._header(params.block(1))
        return hex(self._chain.engine.estimate_gas(request, at))

    # --- transactions ---

    def _transaction(self, params: Params) -> Shape | None:
        digest = params.digest(0)
        mined = self._chain.find(digest)
        if mined is not None:
            return transaction_shape(mined.waiting.transaction, mined.block, mined.index)
        waiting = self._chain.pool.find(digest)
        return None if waiting is None else waiting_shape(waiting)

    def _receipt(self, params: Params) -> Shape | None:
        mined = self._chain.find(params.digest(0))
        return None if mined is None else receipt_shape(mined)

    def _block_receipts(self, params: Params) -> list[Shape] | None:
        found = self._find(params.block(0))
        if found is None:
            return None
        mined = [self._chain.find(bytes(t.hash)) for t in found.block.transactions]
        return [receipt_shape(m) for m in mined if m is not None]

    def _logs(self, params: Params) -> list[Shape]:
        fields = params.mapping(0)
        wanted = LogFilter.parse(fields)
        if wanted.block is not None:
            first = last = self._number(BlockId(digest=wanted.block))
        else:
            first = self._number(wanted.first)
            last = min(self._chain.height, self._number(wanted.last))
        blocks = (self._chain.block_at(number) for number in range(first, last + 1))
        return [log for b in blocks if b is not None for log in logs_of(b) if wanted.matches(log)]

    def _number(self, wanted: BlockId) -> int:
        if wanted.number is not None:
            return wanted.number
        return int(self._header(wanted).block_number or 0)

    # --- fees ---

    def _fee_history(self, params: Params) -> Shape:
        count = min(params.flexible(0), _HISTORY_LIMIT)
        newest = self._number(params.block(1))
        percentiles = params.get(2, [])
        if count < 1 or newest > self._chain.height or not isinstance(percentiles, list):
            raise InvalidParamsError("block count or percentiles cannot be used")
        numbers = range(max(0, newest - count + 1), newest + 1)
        blocks = [b for b in map(self._chain.block_at, numbers) if b is not None]
        fees = [b.base_fee for b in blocks]
        following = self._chain.engine.next_base_fee(blocks[-1].header)
        history: Shape = {
            "oldestBlock": hex(numbers[0]),
            "baseFeePerGas": [hex(fee) for fee in (*fees, following)],
            "gasUsedRatio": [b.header.gas_used / b.header.gas_limit for b in blocks],
        }
        if percentiles:
            history["reward"] = [_rewards(b, percentiles) for b in blocks]
        return history


def _rewards(sealed: SealedBlock, percentiles: list[object]) -> list[str]:
    """Return the tips at these percentiles of a block's transactions, each weighing the same."""
    base_fee = sealed.base_fee
    tips = sorted(price_paid(t, base_fee) - base_fee for t in sealed.block.transactions)
    if not tips:
        return ["0x0" for _ in percentiles]
    places = (float(str(p)) / 100 * (len(tips) - 1) for p in percentiles)
    return [hex(tips[round(place)]) for place in places]
