"""Puts development contracts on a development chain and calls them, with a key of play money."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from policies.crypto import keccak256, parse_address
from policies.terms import Address
from treasury.dev.contracts import Artifact, ContractError, load_artifact
from treasury.dev.node_client import DevelopmentNode

DEPLOYER_KEY = keccak256(b"treasury development deployer")
"""The key that owns every development contract. Everybody knows it: never use it elsewhere."""
_GAS = 6_000_000
_TIP = 10**9
_ETHER = 10**18
_MINTED_AT_ONCE = 100


@dataclass(slots=True, frozen=True, kw_only=True)
class Contract:
    """A contract on a chain: where it is and which interface it has."""

    address: Address
    artifact: Artifact


class Deployer:
    """An account that deploys contracts and owns them."""

    def __init__(self, node: DevelopmentNode, key: bytes = DEPLOYER_KEY) -> None:
        """Speak through `node`, which its owner closes; nothing is sent before the first call."""
        self.node = node
        self._key = key

    @cached_property
    def address(self) -> Address:
        """Return the account's address."""
        return account_of(self._key)

    @cached_property
    def _chain_id(self) -> int:
        return self.node.number("eth_chainId")

    def fund(self, wei: int = 1_000 * _ETHER) -> None:
        """Give the account gas money."""
        self.node.set_balance(self.address, wei)

    def deploy(self, name: str, *args: object) -> Contract:
        """Deploy a contract by its name with these constructor arguments."""
        artifact = load_artifact(name)
        data = artifact.bytecode + _encode(artifact.inputs(""), args)
        receipt = self.node.receipt(self._submit(None, data))
        if int(receipt["status"], 16) != 1:
            raise ContractError(f"{name} was not deployed: its constructor reverted")
        return Contract(address=parse_address(receipt["contractAddress"]), artifact=artifact)

    def submit(self, contract: Contract, function: str, *args: object) -> str:
        """Call a function in a transaction and return its hash without waiting for it."""
        return self._submit(contract.address, calldata(contract.artifact, function, args))

    def send(self, contract: Contract, function: str, *args: object) -> dict[str, Any]:
        """Call a function in a transaction and return its receipt, also when it reverted."""
        return self.node.receipt(self.submit(contract, function, *args))

    def do(self, contract: Contract, function: str, *args: object) -> dict[str, Any]:
        """Call a function in a transaction that must succeed; raises `ContractError`."""
        receipt = self.send(contract, function, *args)
        if int(receipt["status"], 16) != 1:
            raise ContractError(f"{contract.artifact.name}.{function} reverted")
        return receipt

    def ask(self, contract: Contract, function: str, *args: object) -> bytes:
        """Call a function without a transaction and return its raw answer."""
        data = calldata(contract.artifact, function, args)
        call = {"to": contract.address, "data": "0x" + data.hex(), "from": self.address}
        return bytes.fromhex(self.node.call("eth_call", call, "latest")[2:])

    def mint(self, token: Contract, holders: Sequence[Address], amount: int) -> None:
        """Give each holder this many base units of a token."""
        for start in range(0, len(holders), _MINTED_AT_ONCE):
            self.do(token, "mintMany", list(holders[start : start + _MINTED_AT_ONCE]), amount)

    def pay(self, to: Address, wei: int) -> dict[str, Any]:
        """Send native coin and return the receipt."""
        return self.node.receipt(self._submit(to, b"", value=wei))

    def _submit(self, to: Address | None, data: bytes, *, value: int = 0) -> str:
        from eth_account import Account

        base_fee = int(self.node.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": self._chain_id,
            "nonce": self.node.number("eth_getTransactionCount", self.address, "pending"),
            "value": value,
            "data": data,
            "gas": _GAS,
            "maxFeePerGas": 2 * base_fee + _TIP,
            "maxPriorityFeePerGas": _TIP,
        }
        if to is not None:
            fields["to"] = to
        signed = Account.sign_transaction(fields, self._key)
        raw = "0x" + bytes(signed.raw_transaction).hex()
        digest: str = self.node.call("eth_sendRawTransaction", raw)
        return digest


def account_of(key: bytes) -> Address:
    """Return the address of a private key."""
    from eth_account import Account

    return parse_address(Account.from_key(key).address)


def deploy(url: str, key: bytes, name: str, args: Sequence[object] = ()) -> Address:
    """Deploy one contract through the node at `url` and return its address."""
    with closing(DevelopmentNode(url)) as node:
        return Deployer(node, key).deploy(name, *args).address


def calldata(artifact: Artifact, function: str, args: Sequence[object]) -> bytes:
    """Return the data of a call: the selector and the encoded arguments."""
    types = artifact.inputs(function)
    selector = keccak256(f"{function}({','.join(types)})".encode())[:4]
    return selector + _encode(types, args)


def _encode(types: Sequence[str], args: Sequence[object]) -> bytes:
    from eth_abi.abi import encode

    return bytes(encode(list(types), list(args)))
