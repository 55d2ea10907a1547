"""A development customer with a key and coins of their own, who deposits into a hot wallet."""

from __future__ import annotations

import coincurve

from policies.crypto import address_of_public_key, keccak256
from policies.terms import Address
from treasury.chain.node import NodeChain
from treasury.chain.port import SendAnswer

_SECRET = keccak256(b"a development customer with play money")
_GAS = 21_000


def customer_address() -> Address:
    """Return the address of the depositing customer; the chain funds it at the start."""
    public = coincurve.PrivateKey(_SECRET).public_key.format(compressed=False)
    return address_of_public_key(public[1:])


def deposit(node: NodeChain, destination: Address, amount: int) -> SendAnswer:
    """Send native coin from the customer's own key, as any stranger can."""
    from eth_account import Account

    market = node.fee_market()
    nonce = node.transaction_nonce(customer_address(), node.head())
    signed = Account.sign_transaction(
        {
            "type": 2,
            "chainId": node.chain_id,
            "nonce": nonce,
            "to": destination,
            "value": amount,
            "gas": _GAS,
            "maxFeePerGas": 2 * market.base_fee + 10**9,
            "maxPriorityFeePerGas": 10**9,
            "data": b"",
        },
        _SECRET,
    )
    return node.send(bytes(signed.raw_transaction))
