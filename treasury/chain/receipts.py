"""Reads the receipts of many transactions in one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from treasury.chain import answers
from treasury.chain.errors import BadAnswerError, NodeError
from treasury.chain.port import Receipt
from treasury.chain.rpc import Call, RpcClient

_STATUS = {"0x0": False, "0x1": True}


class _Receipt(msgspec.Struct):
    transactionHash: str  # noqa: N815 - the node's name
    gasUsed: str  # noqa: N815 - the node's name
    effectiveGasPrice: str  # noqa: N815 - the node's name
    status: str
    l1Fee: str | None = None  # noqa: N815 - the node's name; only rollups have it
    blockHash: str | None = None  # noqa: N815 - the node's name
    blockNumber: str | None = None  # noqa: N815 - the node's name


_DECODER = msgspec.json.Decoder(_Receipt)


def receipts(rpc: RpcClient, hashes: Sequence[str]) -> Mapping[str, Receipt | None]:
    """Return each receipt, `None` where the node says there is none; raises for any other gap."""
    found = rpc.batch([Call("eth_getTransactionReceipt", (digest,)) for digest in hashes])
    return {d: _receipt(d, answer) for d, answer in zip(hashes, found, strict=True)}


def _receipt(digest: str, answer: msgspec.Raw | NodeError) -> Receipt | None:
    if isinstance(answer, NodeError):
        raise answer
    if answers.is_null(answer):
        return None
    body = answers.decoded(_DECODER, answer)
    if answers.text_hash(body.transactionHash) != digest.lower():
        raise BadAnswerError(f"asked for the receipt of {digest}, got another one")
    if body.status not in _STATUS:
        raise BadAnswerError(f"the receipt of {digest} has no status")
    if body.blockHash is None or body.blockNumber is None:
        # Some nodes give receipts of their pending block: nothing is mined yet.
        return None
    return Receipt(
        transaction_hash=digest,
        block_number=answers.text_count(body.blockNumber),
        block_hash=answers.text_hash(body.blockHash),
        succeeded=_STATUS[body.status],
        gas_used=answers.text_count(body.gasUsed),
        effective_gas_price=answers.text_quantity(body.effectiveGasPrice),
        l1_fee=0 if body.l1Fee is None else answers.text_quantity(body.l1Fee),
    )
