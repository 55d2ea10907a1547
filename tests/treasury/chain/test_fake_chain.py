"""The fake chain must behave like a chain, or every test that stands on it proves nothing."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from policies.crypto import parse_address
from policies.terms import NATIVE, Address
from tests.fakes.chain import GWEI, FakeChain
from treasury.chain.errors import MissingBlockError, UnavailableError
from treasury.chain.port import Chain, ReadRequest, SendKind

ETHER = 10**18
ALICE: LocalAccount = Account.from_key("0x" + "11" * 32)
BOB = parse_address("0x" + "b0" * 20)
TOKEN = parse_address("0x" + "70" * 20)


def _alice() -> Address:
    return parse_address(ALICE.address)


def _signed(nonce: int = 0, *, value: int = ETHER, fee: int = 10 * GWEI, data: str = "0x") -> bytes:
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": 31337,
        "nonce": nonce,
        "to": TOKEN if data != "0x" else BOB,
        "value": value,
        "data": data,
        "gas": 60_000,
        "maxFeePerGas": fee,
        "maxPriorityFeePerGas": fee // 10,
    }
    return bytes(ALICE.sign_transaction(fields).raw_transaction)


@pytest.fixture
def chain() -> FakeChain:
    """Return a chain on which Alice has 10 ether."""
    made = FakeChain()
    made.fund(_alice(), 10 * ETHER)
    return made


def test_fulfils_the_protocol(chain: FakeChain) -> None:
    """The fake can stand wherever a chain is asked for."""
    port: Chain = chain
    assert port.head().number == 0


def test_a_transfer_moves_value_and_fee(chain: FakeChain) -> None:
    """A mined transfer moves the value, takes the fee, and leaves a receipt."""
    answer = chain.send(_signed())
    stamp = chain.mine()
    (digest,) = chain.mined
    receipt = chain.receipts([digest])[digest]
    assert answer.kind is SendKind.ACCEPTED
    assert receipt is not None
    assert receipt.block_hash == stamp.hash
    assert chain.balance(BOB) == ETHER
    assert chain.balance(_alice()) == 9 * ETHER - receipt.fee_paid


def test_a_token_transfer_moves_tokens_or_reverts(chain: FakeChain) -> None:
    """A covered ERC-20 transfer moves tokens, an uncovered one reverts and still pays gas."""
    chain.fund(_alice(), 5, asset=TOKEN)
    data = "0xa9059cbb" + BOB[2:].rjust(64, "0") + f"{5:064x}"
    chain.send(_signed(0, value=0, data=data))
    chain.send(_signed(1, value=0, data=data))
    chain.mine()
    found = chain.receipts(chain.mined)
    assert [True, False] == [r.succeeded for r in found.values() if r]
    assert chain.balance(BOB, TOKEN) == 5


def test_the_mempool_answers_as_a_node_does(chain: FakeChain) -> None:
    """Twice, too cheap a replacement, a proper replacement, an old nonce, no funds."""
    kinds = [
        chain.send(raw).kind
        for raw in (
            _signed(),
            _signed(),
            _signed(fee=10 * GWEI + 1),
            _signed(fee=11 * GWEI),
            _signed(1, value=99 * ETHER),
        )
    ]
    chain.mine()
    kinds.append(chain.send(_signed()).kind)
    assert kinds == [
        SendKind.ACCEPTED,
        SendKind.KNOWN,
        SendKind.UNDERPRICED,
        SendKind.ACCEPTED,
        SendKind.FUNDS,
        SendKind.NONCE_LOW,
    ]


def test_a_reorg_takes_receipts_back_and_mines_them_again(chain: FakeChain) -> None:
    """After a reorg the receipt is gone, the old stamp is refused, and the bytes wait again."""
    chain.send(_signed())
    old = chain.mine()
    digest = chain.mined[0]
    chain.reorg(1)
    with pytest.raises(MissingBlockError):
        chain.transaction_nonce(_alice(), old)
    assert chain.receipts([digest]) == {digest: None}
    chain.mine()
    assert chain.receipts([digest])[digest] is not None


def test_old_blocks_keep_their_facts(chain: FakeChain) -> None:
    """Readings at an old stamp give the old balances and nonces."""
    before = chain.head()
    chain.send(_signed())
    chain.mine()
    request = ReadRequest(wallets=(_alice(), BOB), assets=(NATIVE,), with_code=True)
    readings = chain.read_balances(request, before)
    assert readings.balance(_alice(), NATIVE) == 10 * ETHER
    assert readings.nonces == {_alice(): 0, BOB: 0}
    assert readings.is_complete()


def test_a_theft_uses_a_nonce_that_we_did_not_sign(chain: FakeChain) -> None:
    """A foreign spend moves money and makes our own bytes for that nonce too low."""
    chain.spend(_alice(), BOB, ETHER)
    chain.mine()
    assert chain.nonce(_alice()) == 1
    assert chain.send(_signed()).kind is SendKind.NONCE_LOW


def test_faults_are_visible(chain: FakeChain) -> None:
    """An unknown cell is None and an absent node raises, but a send only answers."""
    chain.unknown.add((_alice(), NATIVE))
    request = ReadRequest(wallets=(_alice(),), assets=(NATIVE,))
    assert chain.read_balances(request, chain.head()).balance(_alice(), NATIVE) is None
    chain.is_down = True
    with pytest.raises(UnavailableError):
        chain.head()
    assert chain.send(_signed()).kind is SendKind.TRANSIENT
    assert chain.mempool == ()
