"""Broadcasts signed bytes and says what the node thought of them."""

from __future__ import annotations

from policies.crypto import keccak256
from treasury.chain import answers
from treasury.chain.errors import BadAnswerError, NodeError, UnavailableError
from treasury.chain.node_errors import classify
from treasury.chain.port import SendAnswer, SendKind
from treasury.chain.rpc import RpcClient


def send(rpc: RpcClient, raw: bytes) -> SendAnswer:
    """Broadcast `raw`; an absent node is TRANSIENT, and only a wrong chain raises."""
    try:
        answer = rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
        digest = answers.data(answer)
    except NodeError as error:
        return SendAnswer(kind=classify(error.code, error.text), text=error.text)
    except UnavailableError as error:
        return SendAnswer(kind=SendKind.TRANSIENT, text=str(error))
    except BadAnswerError as error:
        return SendAnswer(kind=SendKind.UNKNOWN, text=str(error))
    if digest != keccak256(raw):
        return SendAnswer(kind=SendKind.UNKNOWN, text="the node answered another hash than ours")
    return SendAnswer(kind=SendKind.ACCEPTED, text="")
