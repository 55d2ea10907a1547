"""What is compared before anything is sent: every field of the signed bytes, and the whole fee."""

from __future__ import annotations

import dataclasses

from hsm.wire.answers import Signed
from tests.fakes.belt import Belt
from tests.treasury.stations.test_dispatch import queued
from treasury.ledger.facts import Transfer
from treasury.orders.signing import differences
from treasury.stations.dispatch import dispatch


def signed(belt: Belt) -> tuple[Transfer, Signed]:
    """Return a refill and what the signer handed out for it."""
    queued(belt)
    honest, handed = belt.signer.sign, []

    def sign(*args: object, **named: object) -> object:
        handed.append(honest(*args, **named))  # type: ignore[arg-type]
        return handed[-1]

    belt.signer.sign = sign  # type: ignore[assignment,method-assign]
    dispatch(belt.world, belt.clock())
    (answer,) = handed
    assert isinstance(answer, Signed)
    return belt.transfers()[0], answer


def test_the_whole_fee_may_be_what_the_terms_allow(low: Belt) -> None:
    """R4.12: at the terms' maximum it is sent, one wei above it is not."""
    transfer, answer = signed(low)
    total = answer.fees.total
    told = {
        most: differences(
            dataclasses.replace(transfer.terms, max_fee=most), transfer.order_id, answer
        )
        for most in (total, total - 1)
    }

    assert () == told[total]
    assert ["the signed fee within the terms is False, the order says True"] == [
        reason.text for reason in told[total - 1]
    ]


def test_bytes_that_are_no_transaction_are_named(low: Belt) -> None:
    """Nothing can be compared: that is one reason, and enough."""
    transfer, answer = signed(low)
    broken = dataclasses.replace(answer, raw=b"\x02\xc0")

    found = differences(transfer.terms, transfer.order_id, broken)
    assert ["raw_unreadable"] == [reason.code for reason in found]
