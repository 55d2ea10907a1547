"""What every verb is given: the book, the tokens, the settings and the time of this request."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple, Protocol

from hsm.book.book import Book
from hsm.book.law import Laws
from hsm.errors import HsmError, PinRefusedError
from hsm.guard.facts import Asked, Facts, gather
from hsm.guard.rules import TOWARD_SAFETY
from hsm.settings import KeyPurpose, Settings
from hsm.token.bench import TokenState
from hsm.token.signature import Signature
from hsm.wire.answers import AttemptKind, Fees
from hsm.wire.draft import Draft
from hsm.wire.message import Answer, Body, Result
from policies.crypto import address_of_public_key
from policies.law import Law
from policies.terms import Address, Reason, TransferTerms

MOST_REASON_BYTES = 48_000
"""What the reasons of one refusal may take of a message."""
_BESIDE_REASON = 60
"""A reason's code, quotes and names of fields."""


class Door(StrEnum):
    """Which socket a request came through."""

    SIGNER = "signer"
    PEOPLE = "people"


class Tokens(Protocol):
    """What the verbs use of the tokens; `session.Hsm` is the real one."""

    def sign(self, key_name: str, digest: bytes) -> Signature:
        """Sign a 32-byte digest and prove the answer."""

    def check_ready(self, key_name: str) -> None:
        """Raise what `sign` would raise for a known cause; sign nothing."""

    def state_of(self, token: str) -> TokenState:
        """Return how a token is."""

    def waivers(self) -> tuple[str, ...]:
        """Return every rule that profile and settings waive."""

    def unlock(
        self, token: str, pin: str, *, seconds: float, signatures: int | None = None
    ) -> None:
        """Log in to an attended token for a time or a number of signatures."""

    def lock(self, token: str) -> None:
        """Log out of a token."""

    def tend(self) -> None:
        """Keep the tokens well between requests."""


class Room(NamedTuple):
    """The signer's parts, and `now` and `laws` as they are for this batch of requests.

    `draft` is the law that comes in pieces through this door; `warnings` stand in every status
    beside what profile and settings waive.
    """

    book: Book
    tokens: Tokens
    settings: Settings
    door: Door
    pinned: Mapping[str, Address]
    now: int
    laws: Laws
    draft: Draft
    warnings: tuple[str, ...] = ()

    @property
    def binding_laws(self) -> Sequence[Law]:
        """Return every law that binds now: the one in force, and the one that waits."""
        return [law for law in (self.laws.present, self.laws.coming) if law is not None]

    def views(self, asked: Asked) -> list[Facts]:
        """Gather the facts of an order under every law that binds.

        Moves to safety and cancels look at the law in force alone: a waiting law must not hold
        a wallet's money where it lies.
        """
        present = self.laws.present
        if present is None:
            return []
        is_safe = asked.kind is AttemptKind.CANCEL or asked.terms.purpose in TOWARD_SAFETY
        laws = (present,) if is_safe else self.binding_laws
        return [
            gather(self.book, asked, law, in_force=present, pinned=self.pinned, now=self.now)
            for law in laws
        ]

    def trouble_with(self, key: str) -> Answer | None:
        """Answer "not ready" while a key's token is away or locked, before anything is recorded.

        Raises `PinRefusedError`, at which the process has to stop.
        """
        try:
            self.tokens.check_ready(key)
        except PinRefusedError:
            raise
        except HsmError as error:
            return self.not_ready(Reason(code=error.code, text=str(error)))
        return None

    def ok(self, body: Body, reasons: Sequence[Reason] = ()) -> Answer:
        """Answer ok."""
        return Answer(result=Result.OK, body=body, reasons=tuple(reasons))

    def refuse(self, *reasons: Reason) -> Answer:
        """Answer no, with every reason; what would not fit into a message is counted."""
        return Answer(result=Result.REFUSED, reasons=_as_many_as_fit(reasons))

    def not_ready(self, reason: Reason, *, not_before: int | None = None) -> Answer:
        """Answer not now."""
        when = "" if not_before is None else str(not_before)
        return Answer(result=Result.NOT_READY, body={"notBefore": when}, reasons=(reason,))


class Pending(NamedTuple):
    """A recorded attempt that only lacks its signature."""

    order_id: bytes
    terms: TransferTerms
    key: str
    attempt: int
    kind: AttemptKind
    nonce: int
    fees: Fees
    payload: bytes
    digest: bytes


def _as_many_as_fit(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Return the reasons, or the first ones and how many more there are."""
    ends = list(accumulate(len(ascii(reason.text)) + _BESIDE_REASON for reason in reasons))
    fitting = bisect_right(ends, MOST_REASON_BYTES)
    if fitting == len(reasons):
        return reasons
    text = f"and {len(reasons) - fitting} more: mend these first"
    return (*reasons[:fitting], Reason(code="more_reasons", text=text))


def pinned_addresses(settings: Settings) -> Mapping[str, Address]:
    """Return the address of every transaction key of the settings."""
    return {
        key.name: address_of_public_key(key.public_key)
        for key in settings.keys.values()
        if key.purpose is KeyPurpose.TRANSACTION
    }
