"""Development tokens: which there are, where they will stand, and how they come to the chain.

A contract's address follows from who deploys it and how often they did before; on a fresh chain it
is known before the chain runs, so the law can name it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from policies.crypto import checksum_address, keccak256
from policies.terms import Address
from treasury.dev.contracts.deploy import DEPLOYER_KEY, Contract, Deployer, account_of
from treasury.dev.node_client import DevelopmentNode
from treasury.errors import TreasuryError

_MOST = 128


class CoinError(TreasuryError):
    """A development token stands elsewhere than the law says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """A development token: which contract it is, and its band in whole tokens."""

    symbol: str
    contract: str
    decimals: int
    floor: int = 2_000
    target: int = 5_000
    cap: int = 8_000


USDC = Coin(symbol="USDC", contract="MintableToken", decimals=6)
USDT = Coin(symbol="USDT", contract="SilentToken", decimals=6)
"""It returns nothing from `transfer`, as its namesake does."""


def addresses_of(coins: Sequence[Coin]) -> dict[str, Address]:
    """Return where each token will stand on a fresh chain, by symbol."""
    deployer = account_of(DEPLOYER_KEY)
    return {coin.symbol: contract_address(deployer, n) for n, coin in enumerate(coins)}


def contract_address(deployer: Address, nonce: int) -> Address:
    """Return the address of the contract that an account's transaction of that nonce makes."""
    if not 0 <= nonce < _MOST:
        raise CoinError(f"nonce {nonce} is too large for a fresh chain")
    # RLP of [address, nonce]: a list of 22 bytes, a string of 20, and zero is the empty string.
    body = b"\xd6\x94" + bytes.fromhex(deployer[2:]) + bytes([nonce or 0x80])
    return checksum_address(keccak256(body)[12:])


def place_coins(url: str, coins: Sequence[Coin], holders: Sequence[tuple[Address, int]]) -> None:
    """Deploy the tokens on a fresh chain and give each holder whole tokens of each.

    Raises `CoinError` when a token stands elsewhere than `addresses_of` says.
    """
    if not coins:
        return
    with closing(DevelopmentNode(url)) as node:
        deployer = Deployer(node)
        deployer.fund()
        found = [_deploy(deployer, coin) for coin in coins]
        if [token.address for token in found] != list(addresses_of(coins).values()):
            raise CoinError("the tokens stand elsewhere than the law says: is the chain fresh?")
        for coin, token in zip(coins, found, strict=True):
            for holder, amount in holders:
                last = deployer.submit(token, "mint", holder, amount * 10**coin.decimals)
        node.receipt(last)


def _deploy(deployer: Deployer, coin: Coin) -> Contract:
    return deployer.deploy(coin.contract, coin.symbol, coin.symbol, coin.decimals)
