"""The one fact that the judgement of outflow reads: a transfer that left, or asks to leave."""

from __future__ import annotations

from typing import NamedTuple


class Outflow(NamedTuple):
    """A transfer out of a wallet.

    `time` is unix seconds.  `amount` is a measure for statistics and never goes back into
    terms: any unit will do as long as it is the same for every transfer of the asset.
    `value` is a price-weighted amount in one currency for all assets, or None.
    `balance` is what the wallet holds of the asset before the transfer, in the unit of `amount`,
    or None where nobody knows.
    A tuple and not a dataclass because a hundred thousand of them are judged in a second.
    """

    time: int
    recipient: str
    asset: str
    amount: float
    value: float | None = None
    balance: float | None = None
