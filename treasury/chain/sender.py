"""Broadcasts signed bytes and says what the node thought of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from policies.crypto import keccak256
from treasury.chain import answers
from treasury.chain.errors import BadAnswerError, NodeError, UnavailableError
from treasury.chain.node_errors import classify
from treasury.chain.port import SendAnswer, SendKind
from treasury.chain.rpc import Call, RpcClient

_METHOD = "eth_sendRawTransaction"
_BATCH = 64


def send(rpc: RpcClient, raw: bytes) -> SendAnswer:
    """Broadcast `raw`; an absent node is TRANSIENT, and only a wrong chain raises."""
    try:
        return _told(raw, rpc.call(_METHOD, "0x" + raw.hex()))
    except NodeError as error:
        return _told(raw, error)
    except (UnavailableError, BadAnswerError) as error:
        return _not_told(error)


def send_all(rpc: RpcClient, raws: Sequence[bytes]) -> list[SendAnswer]:
    """Broadcast several in order, in batches; a node that takes no batches gets one by one."""
    told: list[SendAnswer] = []
    for start in range(0, len(raws), _BATCH):
        told += _send_batch(rpc, raws[start : start + _BATCH])
    return told


def _send_batch(rpc: RpcClient, raws: Sequence[bytes]) -> list[SendAnswer]:
    try:
        found = rpc.batch([Call(_METHOD, ("0x" + raw.hex(),)) for raw in raws])
    except NodeError:
        return [send(rpc, raw) for raw in raws]
    except (UnavailableError, BadAnswerError) as error:
        return [_not_told(error)] * len(raws)
    return [_told(raw, answer) for raw, answer in zip(raws, found, strict=True)]


def _not_told(error: UnavailableError | BadAnswerError) -> SendAnswer:
    is_away = isinstance(error, UnavailableError)
    return SendAnswer(kind=SendKind.TRANSIENT if is_away else SendKind.UNKNOWN, text=str(error))


def _told(raw: bytes, answer: msgspec.Raw | NodeError) -> SendAnswer:
    if isinstance(answer, NodeError):
        return SendAnswer(kind=classify(answer.code, answer.text), text=answer.text)
    try:
        digest = answers.data(answer)
    except BadAnswerError as error:
        return _not_told(error)
    if digest != keccak256(raw):
        return SendAnswer(kind=SendKind.UNKNOWN, text="the node answered another hash than ours")
    return SendAnswer(kind=SendKind.ACCEPTED, text="")
