"""What only a development chain can do, under the names that anvil gives it."""

from __future__ import annotations

from collections.abc import Callable

from treasury.dev.chain.errors import InvalidParamsError
from treasury.dev.chain.ledger import DevelopmentChain
from treasury.dev.chain.methods_eth import CLIENT_VERSION, Method
from treasury.dev.chain.params import Params
from treasury.dev.chain.shapes import hex_of

_BLOCKS_AT_ONCE = 10_000


class DevelopmentMethods:
    """Answers `evm_*` and `anvil_*` for one chain."""

    def __init__(self, chain: DevelopmentChain, set_interval: Callable[[float], None]) -> None:
        """Serve this chain; `set_interval` sets the seconds between blocks, zero for none."""
        self._chain = chain
        self._set_interval = set_interval

    def table(self) -> dict[str, Method]:
        """Return every method by its name, hardhat's spelling of the anvil ones included."""
        anvil: dict[str, Method] = {
            "mine": self._mine_many,
            "setBalance": self._set_balance,
            "setNonce": self._set_nonce,
            "setCode": self._set_code,
            "setStorageAt": self._set_storage,
            "dropTransaction": self._drop,
            "dropAllTransactions": lambda _: self._chain.pool.clear(),
            "setIntervalMining": self._interval,
            "getAutomine": lambda _: self._chain.is_automine,
            "reorg": self._reorg,
            "rollback": self._rollback,
            "nodeInfo": lambda _: self._node_info(),
        }
        return {
            "evm_mine": self._mine_one,
            "evm_snapshot": lambda _: hex(self._chain.snapshot()),
            "evm_revert": lambda p: self._chain.revert(p.flexible(0)),
            "evm_increaseTime": lambda p: self._chain.increase_time(p.flexible(0)),
            "evm_setNextBlockTimestamp": lambda p: self._chain.set_next_time(p.flexible(0)),
            "evm_setAutomine": self._automine,
            "evm_setIntervalMining": self._interval,
            **{f"anvil_{name}": method for name, method in anvil.items()},
            **{f"hardhat_{name}": method for name, method in anvil.items()},
        }

    def _mine_one(self, params: Params) -> str:
        value = params.get(0)
        if isinstance(value, dict):
            value = value.get("timestamp")
        if value is not None:
            self._chain.set_next_time(Params([value]).flexible(0))
        self._chain.mine()
        return "0x0"

    def _mine_many(self, params: Params) -> None:
        count, gap_s = params.flexible(0, 1), params.flexible(1, 1)
        if count > _BLOCKS_AT_ONCE:
            raise InvalidParamsError(f"at most {_BLOCKS_AT_ONCE} blocks at once")
        for number in range(count):
            if number and gap_s > 1:
                self._chain.set_next_time(int(self._chain.head.header.timestamp) + gap_s)
            self._chain.mine()

    def _set_balance(self, params: Params) -> None:
        self._chain.set_account(params.address(0), balance=params.flexible(1))

    def _set_nonce(self, params: Params) -> None:
        self._chain.set_account(params.address(0), nonce=params.flexible(1))

    def _set_code(self, params: Params) -> None:
        self._chain.set_account(params.address(0), code=params.data(1))

    def _set_storage(self, params: Params) -> bool:
        slots = {params.flexible(1): params.flexible(2)}
        self._chain.set_account(params.address(0), slots=slots)
        return True

    def _drop(self, params: Params) -> str | None:
        waiting = self._chain.pool.find(params.digest(0))
        if waiting is None:
            return None
        self._chain.pool.remove(waiting)
        return hex_of(waiting.hash)

    def _automine(self, params: Params) -> None:
        self._chain.is_automine = params.boolean(0, default=True)

    def _interval(self, params: Params) -> None:
        seconds = params.flexible(0)
        self._chain.is_automine = False
        self._set_interval(float(seconds))

    def _reorg(self, params: Params) -> None:
        self._chain.reorg(params.flexible(0))

    def _rollback(self, params: Params) -> None:
        self._chain.rollback(params.flexible(0, 1))

    def _node_info(self) -> dict[str, object]:
        head = self._chain.head
        return {
            "clientVersion": CLIENT_VERSION,
            "currentBlockNumber": hex(head.number),
            "currentBlockTimestamp": int(head.header.timestamp),
            "currentBlockHash": hex_of(head.hash),
            "hardFork": "prague",
            "transactionOrder": "fees",
            "environment": {
                "baseFee": hex(head.base_fee),
                "chainId": self._chain.chain_id,
                "gasLimit": hex(head.header.gas_limit),
            },
        }
