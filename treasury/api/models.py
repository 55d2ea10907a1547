"""What a request's body may be: strict types, no unknown fields, bounded texts."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Signature = Annotated[str, Field(pattern=r"^0x[0-9a-f]{130}$", description="65 bytes r, s, v")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[ -~]+$")]
Terms = Annotated[
    dict[str, str], Field(description="terms by their EIP-712 field names", max_length=20)
]


class Body(BaseModel):
    """The root of all bodies."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Signed(Body):
    """One signature over terms that the daemon already has, or over a veto of them."""

    signature: Signature


class RefillProposal(Body):
    """A treasurer's own refill: terms, and the maker's signature over them."""

    terms: Terms
    signature: Signature


class MotionProposal(Body):
    """A treasurer's motion: terms, the payload that they bind, and the maker's signature."""

    terms: Terms
    payload: Annotated[dict[str, str], Field(max_length=20)]
    signature: Signature


class Halt(Body):
    """Why one person stops everything toward exposure."""

    why: Line


class WithdrawalRequest(Body):
    """A payout; `amount` is in base units, as a decimal string."""

    pool: Name
    asset: Name
    destination: Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]
    amount: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,77}$")]
