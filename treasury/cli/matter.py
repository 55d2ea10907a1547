"""What is put before a treasurer to sign: an approval or a veto of terms that were read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from policies.consent import motion_typed_data, transfer_typed_data, veto_digest, veto_typed_data
from policies.law import Law
from policies.terms import NATIVE, Address, TransferTerms
from treasury.cli.consent import Reading


class Act(StrEnum):
    """What a signature does; the value is the last part of where it is handed in."""

    APPROVE = "approvals"
    VETO = "veto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What is about to be signed: the page that shows it, its digest, and whose signature counts.

    `typed_data` is the same for other wallets; `maker` may not sign, zero when anybody may.
    """

    act: Act
    page: Sequence[str]
    problems: Sequence[str]
    digest: bytes
    typed_data: Mapping[str, object]
    law: Law
    maker: Address = NATIVE
    question: str


def approval_of(reading: Reading, page: Sequence[str]) -> Matter:
    """Return the approval of exactly these terms; their problems forbid it."""
    terms, deployment = reading.terms, reading.deployment
    typed_data = (
        transfer_typed_data(terms, deployment)
        if isinstance(terms, TransferTerms)
        else motion_typed_data(terms, deployment)
    )
    return Matter(
        act=Act.APPROVE,
        page=page,
        problems=reading.problems,
        digest=reading.digest,
        typed_data=typed_data,
        law=reading.known.law,
        maker=terms.maker,
        question=f"Approve: {reading.sentence}?",
    )


def veto_of(reading: Reading, page: Sequence[str]) -> Matter:
    """Return the veto against these terms.

    A veto is toward safety: terms that do not fit are a reason for it, not against it.
    """
    return Matter(
        act=Act.VETO,
        page=page,
        problems=(),
        digest=veto_digest(reading.digest, reading.deployment),
        typed_data=veto_typed_data(reading.digest, reading.deployment),
        law=reading.known.law,
        question=f"Veto: {reading.sentence}?",
    )
