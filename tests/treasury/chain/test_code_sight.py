"""One call sees which accounts carry code, on real nodes and with a real delegation."""

from __future__ import annotations

import pytest
from eth_account import Account

from policies.crypto import checksum_address, keccak256, parse_address
from tests.fakes.nodes import CHAIN_ID, RealNode
from treasury.chain.code_sight import code_call, with_code
from treasury.chain.errors import BadAnswerError
from treasury.chain.port import ReadRequest
from treasury.dev.contracts.deploy import Deployer

STRANGERS = tuple(checksum_address(bytes([0xB0]) + n.to_bytes(19, "big")) for n in range(1, 40))
VICTIM = Account.from_key(keccak256(b"an account that somebody delegates"))
GWEI, ETHER = 10**9, 10**18


@pytest.mark.sockets
def test_a_contract_and_a_delegated_account_are_seen_among_others(dev_chain: RealNode) -> None:
    """R4.9: a type-4 transaction puts code on an ordinary account; a byte of one call tells."""
    deployer = Deployer(dev_chain.node)
    deployer.fund()
    contract = deployer.deploy("MintableToken", "Good", "GOOD", 6).address
    victim = parse_address(VICTIM.address)
    dev_chain.node.set_balance(victim, ETHER)
    accounts = (*STRANGERS[:20], contract, *STRANGERS[20:], victim)
    request = ReadRequest(wallets=accounts, assets=(), with_code=True)

    with dev_chain.connect() as chain:
        before = chain.read_balances(request, chain.head()).codes
        dev_chain.node.receipt(dev_chain.node.call("eth_sendRawTransaction", delegation(contract)))
        after = chain.read_balances(request, chain.head()).codes

    assert [contract] == [account for account, code in before.items() if code]
    assert [contract, victim] == [account for account, code in after.items() if code]
    assert after[victim] == bytes.fromhex("ef0100" + contract[2:])


def delegation(target: str) -> str:
    """Return the victim's own type-4 transaction, which delegates to a contract."""
    # Its own nonce is spent before the tuple is looked at, hence one more.
    permit = VICTIM.sign_authorization({"chainId": CHAIN_ID, "address": target, "nonce": 1})
    signed = VICTIM.sign_transaction(
        {
            "type": 4,
            "chainId": CHAIN_ID,
            "nonce": 0,
            "to": VICTIM.address,
            "value": 0,
            "gas": 200_000,
            "maxFeePerGas": 10 * GWEI,
            "maxPriorityFeePerGas": GWEI,
            "data": b"",
            "authorizationList": [permit],
        }
    )
    return "0x" + bytes(signed.raw_transaction).hex()


@pytest.mark.parametrize("reply", [b'"0x"', b'"0x0001"', b'"0x000102"', b'"0x00010"', b"null"])
def test_a_reply_that_is_not_one_byte_each_is_no_answer(reply: bytes) -> None:
    """R4.7: neither too short, nor anything but zero and one, nor no bytes at all."""
    with pytest.raises(BadAnswerError):
        with_code(STRANGERS[:3], reply)


def test_the_call_carries_twenty_bytes_for_each_account() -> None:
    """Forty-four bytes of program come before them."""
    assert len(code_call(STRANGERS)["data"]) == 2 + 2 * (44 + 20 * len(STRANGERS))
