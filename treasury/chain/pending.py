"""Looks into one node's pool for transactions of our accounts that wait for a block.

Every account is counted, in one batch; only where the node counts more transactions than we signed
is it asked for their bytes. So the work grows with our accounts, whatever else fills the pool.
Nodes name the waiting transactions of an account in two ways; one that knows neither is believed
its count and gives no bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from policies.terms import Address
from treasury.chain import answers
from treasury.chain.errors import BadAnswerError, NodeError
from treasury.chain.port import Waiting
from treasury.chain.rpc import Call, RpcClient

_MOST_BYTES = 4
"""How many transactions of one account are read: one is proof enough."""


class _Named(msgspec.Struct):
    hash: str = ""


class _Pool(msgspec.Struct):
    pending: dict[str, _Named] = {}


_NAMED = msgspec.json.Decoder(_Named | None)
_POOL = msgspec.json.Decoder(_Pool)


def waiting(rpc: RpcClient, signed: Mapping[Address, int]) -> tuple[Waiting, ...]:
    """Return the accounts of which the node counts more transactions than `signed` says.

    Raises what `rpc` raises.
    """
    wallets = list(signed)
    calls = [Call("eth_getTransactionCount", (wallet, "pending")) for wallet in wallets]
    found = []
    for wallet, answer in zip(wallets, rpc.batch(calls), strict=True):
        count = _count(answer)
        if count > signed[wallet]:
            raws = tuple(_bytes_of(rpc, wallet, signed[wallet], count))
            found.append(Waiting(endpoint=rpc.name, wallet=wallet, nonces=count, raws=raws))
    return tuple(found)


def _count(answer: msgspec.Raw | NodeError) -> int:
    """Return the count, zero when the node does not tell."""
    try:
        return 0 if isinstance(answer, NodeError) else answers.count(answer)
    except BadAnswerError:
        return 0


def _bytes_of(rpc: RpcClient, wallet: Address, first: int, count: int) -> Iterator[bytes]:
    hashes = _by_nonce(rpc, wallet, first, min(count, first + _MOST_BYTES)) or _by_pool(rpc, wallet)
    calls = [Call("eth_getRawTransactionByHash", (one,)) for one in hashes[:_MOST_BYTES]]
    for answer in rpc.batch(calls) if calls else ():
        try:
            if not isinstance(answer, NodeError) and not answers.is_null(answer):
                yield answers.data(answer)
        except BadAnswerError:
            continue


def _by_nonce(rpc: RpcClient, wallet: Address, first: int, end: int) -> list[str]:
    numbers = range(first, end)
    method = "eth_getTransactionBySenderAndNonce"
    found = rpc.batch([Call(method, (wallet, hex(number))) for number in numbers])
    named = [_named(answer) for answer in found if not isinstance(answer, NodeError)]
    return [one for one in named if one]


def _named(answer: msgspec.Raw) -> str:
    try:
        named = answers.decoded(_NAMED, answer)
        return answers.text_hash(named.hash) if named else ""
    except BadAnswerError:
        return ""


def _by_pool(rpc: RpcClient, wallet: Address) -> list[str]:
    (answer,) = rpc.batch([Call("txpool_contentFrom", (wallet,))])
    if isinstance(answer, NodeError):
        return []
    try:
        return [
            answers.text_hash(one.hash) for one in answers.decoded(_POOL, answer).pending.values()
        ]
    except BadAnswerError:
        return []
