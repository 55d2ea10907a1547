"""What nodes say to a broadcast is sorted right, and what is not understood is UNKNOWN."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasury.chain.node_errors import classify
from treasury.chain.port import SendKind

K, U, L, H = SendKind.KNOWN, SendKind.UNDERPRICED, SendKind.NONCE_LOW, SendKind.NONCE_HIGH
F, C, T, X = SendKind.FUNDS, SendKind.FEE_CAP, SendKind.TRANSIENT, SendKind.UNKNOWN

TABLE = [
    ("geth", -32000, "already known", K),
    ("geth", -32000, "known transaction: 5c504ed432cb51138bcf09aa5e8a410dd4a1e204", K),
    ("geth", -32000, "nonce too low: next nonce 5, tx nonce 4", L),
    ("geth", -32000, "nonce too low: address 0x00, tx: 4 state: 5", L),
    ("geth", -32000, "nonce too high: address 0x00, tx: 9 state: 5", H),
    ("geth", -32000, "replacement transaction underpriced", U),
    ("geth", -32000, "transaction underpriced: gas tip cap 0, minimum needed 1000000", U),
    ("geth", -32000, "future transaction tries to replace pending", U),
    ("geth", -32000, "max fee per gas less than block base fee: address 0x00", U),
    ("geth", -32000, "insufficient funds for gas * price + value: balance 0, tx cost 9", F),
    ("geth", -32000, "insufficient funds for transfer", F),
    ("geth", -32000, "tx fee (1.05 ether) exceeds the configured cap (1.00 ether)", C),
    ("geth", -32000, "txpool is full", T),
    ("geth", -32000, "in-flight transaction limit reached for delegated accounts", T),
    ("geth", -32000, "gapped-nonce tx from delegated accounts", H),
    ("geth", -32000, "intrinsic gas too low: gas 20000, minimum needed 21000", X),
    ("geth", -32000, "exceeds block gas limit", X),
    ("geth", -32000, "invalid chain id for signer: have 5 want 1", X),
    ("geth", -32000, "unknown account", X),
    ("nethermind", -32010, "AlreadyKnown", K),
    ("nethermind", -32010, "OldNonce, Current nonce: 5, nonce of rejected tx: 4", L),
    ("nethermind", -32010, "OwnNonceAlreadyUsed", L),
    ("nethermind", -32010, "NonceGap, Future nonce. Expected nonce: 5", H),
    ("nethermind", -32010, "NonceTooFarInFuture", H),
    ("nethermind", -32010, "FeeTooLow, EffectivePriorityFeePerGas too low 0 < 1", U),
    ("nethermind", -32010, "FeeTooLowToCompete", U),
    ("nethermind", -32010, "ReplacementNotAllowed", U),
    ("nethermind", -32010, "InsufficientFunds, Account balance: 0, cumulative cost: 5", F),
    ("nethermind", -32010, "SenderIsContract", X),
    ("besu", -32000, "Known transaction", K),
    ("besu", -32001, "Nonce too low", L),
    ("besu", -32006, "Nonce too high", H),
    ("besu", -32000, "Transaction nonce is too distant from current sender nonce", H),
    ("besu", -32000, "An invalid transaction with a lower nonce exists", H),
    ("besu", -32004, "Upfront cost exceeds account balance", F),
    ("besu", -32009, "Gas price below configured minimum gas price", U),
    ("besu", -32009, "Gas price below current base fee", U),
    ("besu", -32000, "Replacement transaction underpriced", U),
    ("besu", -32000, "Transaction fee cap exceeded", C),
    ("besu", -32008, "Initial sync is still in progress", T),
    ("erigon", -32000, "existing tx with same hash", K),
    ("erigon", -32000, "INTERNAL_ERROR: existing tx with same hash", K),
    ("erigon", -32000, "could not replace existing tx", U),
    ("erigon", -32000, "underpriced", U),
    ("erigon", -32000, "fee too low", U),
    ("erigon", -32000, "INTERNAL_ERROR: nonce too low", L),
    ("erigon", -32000, "nonce too distant", H),
    ("erigon", -32000, "INTERNAL_ERROR: insufficient funds", F),
    ("erigon", -32000, "pending sub-pool is full", T),
    ("reth", -32000, "already known", K),
    ("reth", -32000, "nonce too low: next nonce 5, tx nonce 4", L),
    ("reth", -32000, "replacement transaction underpriced", U),
    ("reth", -32003, "insufficient funds for gas * price + value: have 0 want 9", F),
    ("reth", -32000, "txpool is full", T),
    ("anvil", -32003, "transaction already imported", K),
    ("anvil", -32003, "replacement transaction underpriced", U),
    ("anvil", -32003, "nonce too low", L),
    ("anvil", -32003, "Insufficient funds for gas * price + value", F),
    ("anvil", -32003, "max fee per gas less than block base fee", U),
    ("hardhat", -32000, "Known transaction: 0x5c504ed432cb51138bcf09aa5e8a410d", K),
    ("hardhat", -32000, "Nonce too low. Expected nonce to be 5 but got 4.", L),
    ("hardhat", -32000, "Nonce too high. Expected nonce to be 4 but got 6.", H),
    ("hardhat", -32000, "Sender doesn't have enough funds to send tx. The max is: 9", F),
    ("hardhat", -32000, "Replacement transaction underpriced. A maxFeePerGas of at least 9", U),
    ("hardhat", -32000, "Transaction maxFeePerGas (1) is too low for the next block", U),
    ("eth-tester", -32000, "Invalid transaction nonce: Expected 1, but got 0", L),
    ("eth-tester", -32000, "Invalid transaction nonce: Expected 1, but got 7", H),
    ("eth-tester", -32000, "Sender does not have enough balance to cover transaction value", F),
    ("eth-tester", -32000, "Sender b'' cannot afford txn gas 9 with account balance 0", F),
    ("eth-tester", -32000, "Sender's max fee per gas (1) is lower than block's base fee", U),
    ("zksync", 3, "known transaction. transaction with hash 0x5c is already in the system", K),
    ("zksync", 3, "nonce too low. allowed nonce range: 5 - 10, actual: 4", L),
    ("infura", -32005, "project ID request rate exceeded", T),
    ("infura", -32005, "daily request count exceeded, request rate limited", T),
    ("infura", 429, "Too Many Requests", T),
    ("infura", -32000, "ALREADY_EXISTS: already known", K),
    ("alchemy", 429, "Your app has exceeded its compute units per second capacity.", T),
    ("alchemy", -32000, "ALREADY KNOWN", K),
    ("alchemy", -32000, "header not found", T),
    ("any", -32000, "context deadline exceeded", T),
    ("any", -32005, "", T),
    ("any", 503, "", T),
    ("any", -32603, "Internal error", X),
    ("any", -32601, "the method eth_sendRawTransaction does not exist", X),
    ("any", 0, "", X),
]


@pytest.mark.parametrize(("node", "code", "text", "kind"), TABLE)
def test_each_known_text_of_each_node(node: str, code: int, text: str, kind: SendKind) -> None:
    """R4.4: every listed text means what the table says, in any case of letters."""
    assert kind is classify(code, text)
    assert kind is classify(code, text.upper())


@given(st.integers(), st.text())
def test_any_text_is_sorted_and_none_is_taken_for_acceptance(code: int, text: str) -> None:
    """R4.4: an arbitrary answer never raises and is never read as accepted."""
    assert classify(code, text) is not SendKind.ACCEPTED


@given(st.text(alphabet="qxzj"))
def test_an_unheard_text_is_unknown(text: str) -> None:
    """R4.4: what is not listed is UNKNOWN, not a failure."""
    assert classify(-32000, text) is SendKind.UNKNOWN
