"""Reads the price of gas: the next base fee, and the tip that recent blocks paid.

What to bid is not decided here.
"""

from __future__ import annotations

from statistics import median_low

import msgspec

from policies.terms import Stamp
from treasury.chain import answers
from treasury.chain.errors import BadAnswerError, NodeError
from treasury.chain.port import FeeMarket
from treasury.chain.rpc import RpcClient

_BLOCKS = 10
_PERCENTILE = 50
_DEFAULT_TIP = 10**9


class _History(msgspec.Struct):
    baseFeePerGas: list[str]  # noqa: N815 - the node's name
    gasUsedRatio: list[float | None]  # noqa: N815 - the node's name
    reward: list[list[str]] | None = None


_HISTORY = msgspec.json.Decoder(_History)


def fee_market(rpc: RpcClient, head: Stamp) -> FeeMarket:
    """Return base fee and tip after the block of `head`, in wei per gas."""
    blocks = min(_BLOCKS, head.number + 1)
    raw = rpc.call("eth_feeHistory", hex(blocks), hex(head.number), [_PERCENTILE])
    history = answers.decoded(_HISTORY, raw)
    if len(history.baseFeePerGas) < 2:
        raise BadAnswerError("the fee history does not tell the next base fee")
    tips = _tips(history)
    return FeeMarket(
        stamp=head,
        base_fee=answers.text_quantity(history.baseFeePerGas[-1]),
        priority_fee=median_low(tips) if tips else _suggested_tip(rpc),
    )


def _tips(history: _History) -> list[int]:
    """Return the median tip of every block that held a transaction; an empty one says nothing."""
    pairs = zip(history.reward or [], history.gasUsedRatio, strict=False)
    return [answers.text_quantity(tips[0]) for tips, used in pairs if tips and used]


def _suggested_tip(rpc: RpcClient) -> int:
    try:
        return answers.quantity(rpc.call("eth_maxPriorityFeePerGas"))
    except NodeError:
        return _DEFAULT_TIP
