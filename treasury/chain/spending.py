"""Reads what mined transactions took out of wallets: coins by their value, tokens by their logs.

Only logs of the law's own token contracts count, and only to explain a drop: whoever forges others
explains nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from policies.terms import NATIVE, Address
from policies.tokens import Spending
from treasury.chain import answers
from treasury.chain.errors import BadAnswerError, MissingBlockError, NodeError
from treasury.chain.port import Receipt
from treasury.chain.rpc import Call, RpcClient

_TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
_TOPICS = 3


class _Log(msgspec.Struct):
    address: str
    topics: list[str]
    data: str


class _Logs(msgspec.Struct):
    logs: list[_Log]
    blockHash: str | None = None  # noqa: N815 - the node's name


class _Sent(msgspec.Struct, rename={"sender": "from"}):
    sender: str
    value: str
    hash: str


_LOGS = msgspec.json.Decoder(_Logs)
_SENT = msgspec.json.Decoder(_Sent)
Answer = msgspec.Raw | NodeError


def read_spending(
    rpc: RpcClient, payments: Sequence[tuple[Address, Receipt]], assets: Sequence[Address]
) -> tuple[Spending, ...]:
    """Return what each transaction took out of the wallet beside it, of these assets.

    Raises `MissingBlockError` when one is in its block no longer, and what `rpc` raises.
    """
    calls = [
        Call(method, (receipt.transaction_hash,))
        for _, receipt in payments
        for method in ("eth_getTransactionByHash", "eth_getTransactionReceipt")
    ]
    found = rpc.batch(calls)
    tokens = {asset.lower(): asset for asset in assets if asset != NATIVE}
    return tuple(
        _spending(wallet, receipt, found[2 * n], found[2 * n + 1], tokens)
        for n, (wallet, receipt) in enumerate(payments)
    )


def _spending(
    wallet: Address, receipt: Receipt, sent: Answer, logs: Answer, tokens: dict[str, Address]
) -> Spending:
    for answer in (sent, logs):
        if isinstance(answer, NodeError):
            raise answer
        if answers.is_null(answer):
            raise MissingBlockError(f"{receipt.transaction_hash} is in no block any more")
    assert not isinstance(sent, NodeError), "raised above"
    assert not isinstance(logs, NodeError), "raised above"
    body, told = answers.decoded(_SENT, sent), answers.decoded(_LOGS, logs)
    if answers.text_hash(body.hash) != receipt.transaction_hash.lower():
        raise BadAnswerError(f"asked for {receipt.transaction_hash}, got another transaction")
    if told.blockHash is None or answers.text_hash(told.blockHash) != receipt.block_hash:
        raise MissingBlockError(f"{receipt.transaction_hash} is in another block now")
    is_sender = body.sender.lower() == wallet.lower()
    amounts = _logged(wallet, told.logs, tokens) if receipt.succeeded else {}
    if is_sender and receipt.succeeded:
        amounts[NATIVE] = answers.text_quantity(body.value)
    return Spending(is_sender=is_sender, amounts=amounts)


def _logged(
    wallet: Address, logs: Collection[_Log], tokens: dict[str, Address]
) -> dict[Address, int]:
    amounts: dict[Address, int] = {}
    for log in logs:
        asset = tokens.get(log.address.lower())
        if asset is None or len(log.topics) != _TOPICS or log.topics[0].lower() != _TRANSFER:
            continue
        if answers.text_hash(log.topics[1])[-40:] == wallet[2:].lower():
            amount = answers.word(f'"{log.data}"'.encode())
            amounts[asset] = amounts.get(asset, 0) + amount
    return amounts
