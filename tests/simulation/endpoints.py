"""Three endpoints before the sea, one of which lies: the daemon's own pool has to outvote it.

    chain = lied_to(sea, dice, clock)    # a `ChainPool`; when it is calm, nobody lies

Two tell the sea as it is, weather included. The third forges heads, receipts, balances, nonces,
prices, code and what becomes of a transaction, whenever the dice say so.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from policies.terms import Stamp
from tests.fakes.clock import FakeClock
from tests.fakes.witness import Mouth, pool_of
from tests.simulation.dice import Dice
from tests.simulation.sea import Sea
from treasury.chain.pool.pool import ChainPool
from treasury.chain.port import FeeMarket, Readings, Receipt, SendAnswer, SendKind

T = TypeVar("T")
_SHARE = 0.2
_FORGED_BLOCK = "0x" + "f0" * 32
_CODE = bytes.fromhex("ef0100") + bytes(range(20))


def has_liar(seed: int) -> bool:
    """Say whether a run reads through a pool; other runs are not changed by those that do."""
    return random.Random(f"endpoints of {seed}").random() < _SHARE


def lied_to(sea: Sea, dice: Dice, clock: FakeClock) -> ChainPool:
    """Return a pool of two honest endpoints and a liar, two of which must agree."""
    mouths = (Mouth(sea, "honest"), Liar(sea, dice), Mouth(sea, "also honest"))
    return pool_of(*mouths, quorum=2, monotonic=lambda: float(clock.unix()))


class Liar(Mouth):
    """Tells something else now and then."""

    def __init__(self, sea: Sea, dice: Dice) -> None:
        """Lie about `sea` when the dice say so."""
        super().__init__(sea, "liar")
        self._dice = dice

    def send(self, raw: bytes) -> SendAnswer:
        """Take a transaction and forget it, or say something that is not so."""
        if self._dice.happens("liar_forgets_a_transaction", 0.2):
            kinds = (SendKind.ACCEPTED, SendKind.NONCE_LOW, SendKind.FUNDS, SendKind.KNOWN)
            return SendAnswer(kind=self._dice.pick(kinds), text="as I say")
        return super().send(raw)

    def _tell(self, method: str, truth: Callable[[], T]) -> T:
        told = super()._tell(method, truth)
        forge = _FORGERIES.get(method)
        if forge is None or not self._dice.happens(f"liar_forges_{method}", 0.15):
            return told
        return cast("T", forge(told, self._dice))


def _forge_stamp(told: Stamp, dice: Dice) -> Stamp:
    number = max(0, told.number + dice.pick((-2, 0, 0, 1, 1_000)))
    return dataclasses.replace(told, number=number, hash=_FORGED_BLOCK)


def _forge_readings(told: Readings, dice: Dice) -> Readings:
    kind = dice.pick(("emptied", "as if nothing left", "foreign nonces", "code", "unknown"))
    match kind:
        case "emptied":
            return dataclasses.replace(told, balances=dict.fromkeys(told.balances, 0))
        case "as if nothing left":
            rich = {cell: (value or 0) + 10**24 for cell, value in told.balances.items()}
            return dataclasses.replace(told, balances=rich)
        case "foreign nonces":
            ahead = {wallet: (value or 0) + 1 for wallet, value in told.nonces.items()}
            return dataclasses.replace(told, nonces=ahead)
        case "code":
            return dataclasses.replace(told, codes=dict.fromkeys(told.codes, _CODE))
        case _:
            return dataclasses.replace(told, balances=dict.fromkeys(told.balances))


def _forge_receipts(told: Mapping[str, Receipt | None], dice: Dice) -> Mapping[str, Receipt | None]:
    return {hash_: _forge_receipt(hash_, found, dice) for hash_, found in told.items()}


def _forge_receipt(hash_: str, found: Receipt | None, dice: Dice) -> Receipt | None:
    if found is None:
        return Receipt(
            transaction_hash=hash_,
            block_number=1,
            block_hash=_FORGED_BLOCK,
            succeeded=dice.chance(0.5),
            gas_used=21_000,
            effective_gas_price=1,
        )
    return None if dice.chance(0.5) else dataclasses.replace(found, succeeded=not found.succeeded)


def _forge_prices(told: FeeMarket, dice: Dice) -> FeeMarket:
    return dataclasses.replace(told, base_fee=told.base_fee * dice.pick((0, 1_000)))


def _forge_nonce(told: int, dice: Dice) -> int:
    return max(0, told + dice.pick((-1, 1, 50)))


_FORGERIES: Mapping[str, Callable[..., object]] = {
    "head": _forge_stamp,
    "finalised": _forge_stamp,
    "stamp_at": _forge_stamp,
    "read_balances": _forge_readings,
    "receipts": _forge_receipts,
    "fee_market": _forge_prices,
    "transaction_nonce": _forge_nonce,
}
FORGED = tuple(_FORGERIES)
"""The questions that the liar answers with something else now and then."""
