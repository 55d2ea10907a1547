"""A node on which many wallets hold native coin and tokens, and a web3.py that reads them.

bank = open_bank(real, wallets, tokens=9)
bank.fund(wallets, 60 * 10**18, 60 * 10**6)     # native coin, and every token
bank.change(0.05)                               # that share of all cells rises by one base unit
with bank.one_by_one(10) as read: read()        # a web3.py call for each balance of ten wallets
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from policies.terms import NATIVE, Address
from tests.fakes.nodes import RealNode
from treasury.chain.port import ReadRequest
from treasury.dev.contracts.deploy import Contract, Deployer

_BALANCE_OF = [
    {
        "type": "function",
        "name": "balanceOf",
        "stateMutability": "view",
        "inputs": [{"name": "account", "type": "address"}],
        "outputs": [{"name": "", "type": "uint256"}],
    }
]
_MINTED_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """Wallets and tokens on a node that mines at every transaction."""

    real: RealNode
    deployer: Deployer
    tokens: tuple[Contract, ...]
    wallets: tuple[Address, ...]

    def request(self, wallets: int) -> ReadRequest:
        """Return all cells of the first wallets."""
        assets: tuple[Address, ...] = (NATIVE, *(token.address for token in self.tokens))
        return ReadRequest(wallets=self.wallets[:wallets], assets=assets)

    def fund(self, wallets: Sequence[Address], native: int, units: int) -> None:
        """Give native coin, and base units of every token."""
        for wallet in wallets:
            self.real.node.set_balance(wallet, native)
        for token in self.tokens:
            self.deployer.mint(token, wallets, units)

    def change(self, share: float) -> None:
        """Let a share of all cells rise, token by token, in one block."""
        left = round(share * len(self.wallets) * (len(self.tokens) + 1))
        node, sent = self.real.node, []
        node.call("evm_setAutomine", False)
        for token in self.tokens:
            some = self.wallets[: max(left, 0)]
            left -= len(some)
            for start in range(0, len(some), _MINTED_AT_ONCE):
                holders = list(some[start : start + _MINTED_AT_ONCE])
                sent.append(self.deployer.submit(token, "mintMany", holders, 1))
        node.mine()
        node.call("evm_setAutomine", True)
        assert len({node.receipt(one)["blockHash"] for one in sent}) <= 1, "one block held them"

    @contextmanager
    def one_by_one(self, wallets: int) -> Iterator[Callable[[], None]]:
        """Lend the reading of every cell by a web3.py call of its own."""
        import requests
        from web3 import HTTPProvider, Web3

        with requests.Session() as session:
            eth: Any = Web3(HTTPProvider(self.real.url, session=session)).eth
            contracts = [eth.contract(address=t.address, abi=_BALANCE_OF) for t in self.tokens]

            def read() -> None:
                for wallet in self.wallets[:wallets]:
                    eth.get_balance(wallet)
                    for contract in contracts:
                        contract.functions.balanceOf(wallet).call()

            yield read


def open_bank(real: RealNode, wallets: Sequence[Address], *, tokens: int) -> Bank:
    """Deploy tokens named T1, T2, … with six decimals."""
    deployer = Deployer(real.node)
    deployer.fund()
    contracts = tuple(
        deployer.deploy("MintableToken", f"Token {n}", f"T{n}", 6) for n in range(1, tokens + 1)
    )
    return Bank(real=real, deployer=deployer, tokens=contracts, wallets=tuple(wallets))
