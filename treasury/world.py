"""What one chain's stations are given, and what they give back.

A station is a plain function `station(world, now) -> Outcome`. It reads rows in one state, asks
the chain or the signer outside of every transaction, and commits each row by itself. `now` is
taken once per tick; a station never asks for the time. When the world does not answer it says so
in the outcome and stops; that ends its lane for this tick and is no error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from config.settings import ChainSettings
from hsm.wire.answers import (
    BookPlace,
    Fees,
    LawInForce,
    Lodged,
    NotReady,
    Okay,
    OrdersPage,
    Refused,
    SignAsk,
    Signed,
    SignerStatus,
)
from policies.law import Chain as ChainLaw
from policies.law import Law
from policies.terms import MotionTerms, TransferTerms
from treasury.briefing.pace import PaceKeeper
from treasury.chain.port import Chain
from treasury.ledger import Ledger, Session
from treasury.ledger.queries import standings
from treasury.payouts.watches import Watches


class Signer(Protocol):
    """What stations ask of the signer; `hsm.client.SignerClient` answers over the socket.

    Every call raises a leaf of `hsm.errors.HsmError` when there is no answer; every call may be
    repeated. `epoch` is the daemon's number, None for who only looks.
    """

    epoch: int | None

    def lead(self) -> None:
        """Say the daemon's epoch; older daemons get no signature from now on."""

    def lodge(self, order: TransferTerms, approvals: Sequence[bytes]) -> Lodged | Refused:
        """Show an order and the approvals collected so far; nothing is signed."""

    def sign(
        self,
        order_id: bytes,
        fees: Fees,
        *,
        order: TransferTerms | None = None,
        approvals: Sequence[bytes] = (),
        nonce: int | None = None,
    ) -> Signed | Refused | NotReady:
        """Sign an order; the same id again returns the same bytes."""

    def sign_all(self, asks: Sequence[SignAsk]) -> Iterator[list[Signed | Refused | NotReady]]:
        """Sign many orders; answers come in order and in groups.

        Nothing else may be asked until the last group was taken.
        """

    def bump(self, order_id: bytes, fees: Fees) -> Signed | Refused | NotReady:
        """Sign the same order on the same nonce at a higher fee."""

    def cancel(self, order_id: bytes, fees: Fees) -> Signed | Refused | NotReady:
        """Sign zero to self on the order's nonce."""

    def orders_since(self, seq: int, limit: int = 100) -> OrdersPage:
        """Return the orders that changed after entry `seq` of the book."""

    def status(self, seen: BookPlace | None = None) -> SignerStatus:
        """Ask how the signer is; a book without the entry that was `seen` last freezes itself."""

    def law(self) -> LawInForce | Refused:
        """Return the law in force."""

    def isolate(self, wallet: str, why: str) -> Okay | Refused:
        """Mark a wallet as isolated."""

    def activate(self, wallet: str) -> Okay | Refused:
        """Make a standby wallet the active one of its pool."""

    def freeze(self, why: str) -> Okay | Refused:
        """Stop every signature toward exposure."""

    def veto(self, digest: bytes, signature: bytes) -> Okay | Refused:
        """Hand in a signed veto."""

    def motion(
        self, motion: MotionTerms, payload: str, signatures: Sequence[bytes]
    ) -> Okay | Refused:
        """Carry a motion other than an adoption."""

    def adopt(
        self, motion: MotionTerms, law_text: str, signatures: Sequence[bytes]
    ) -> Okay | Refused:
        """Put a law in force."""


class Books(Protocol):
    """Both books of a chain, and nothing of the chain itself; every `World` is one."""

    @property
    def ledger(self) -> Ledger:
        """Return our own book."""

    @property
    def signer(self) -> Signer:
        """Return the process that keeps the other one."""

    @property
    def deployment(self) -> bytes:
        """Return the 32-byte id that consent is bound to."""

    @property
    def chain_id(self) -> int:
        """Return the chain's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One chain's surroundings.

    `deployment` is the 32-byte id that consent is bound to; `draw_salt` returns 16 random bytes;
    `watches` only remembers what the ledger says anyway; `hurry` asks the chain's other lane for a
    tick now.
    """

    ledger: Ledger
    chain: Chain
    signer: Signer
    settings: ChainSettings
    deployment: bytes
    draw_salt: Callable[[], bytes]
    watches: Watches = field(default_factory=Watches)
    pace: PaceKeeper = field(default_factory=PaceKeeper)
    hurry: Callable[[], None] = lambda: None

    @property
    def chain_id(self) -> int:
        """Return the chain's id."""
        return self.chain.chain_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a station did in one tick: one past-tense line per deed.

    `unavailable` tells why the world did not answer; then the rest of the lane waits for the next
    tick, which `is_urgent` asks for soon.
    """

    station: str
    deeds: tuple[str, ...] = ()
    unavailable: str = ""
    is_urgent: bool = False

    @property
    def ends_lane(self) -> bool:
        """Say whether the lane must not go on in this tick."""
        return bool(self.unavailable)


@dataclass(slots=True)
class Deeds:
    """Collects the deeds of one station while it works."""

    station: str
    done: list[str] = field(default_factory=list)
    is_urgent: bool = False

    def hasten(self) -> None:
        """Ask for the next tick soon: a thief waits for the same block."""
        self.is_urgent = True

    def add(self, deed: str) -> None:
        """Note one deed."""
        self.done.append(deed)

    def outcome(self) -> Outcome:
        """Return what was done."""
        return Outcome(station=self.station, deeds=tuple(self.done), is_urgent=self.is_urgent)

    def broken_off(self, why: object) -> Outcome:
        """Return what was done before the world stopped answering."""
        return Outcome(station=self.station, deeds=tuple(self.done), unavailable=str(why))


def law_here(world: World) -> tuple[Law, ChainLaw] | None:
    """Return the law in force and its part on this chain; None when there is none."""
    with world.ledger.read() as session:
        return law_of(session, world.chain_id)


def law_of(session: Session, chain_id: int) -> tuple[Law, ChainLaw] | None:
    """Return the same as `law_here` does, for who asks the ledger more in one view."""
    law = standings.law(session)
    chain = None if law is None else law.chain_by_id(chain_id)
    return None if law is None or chain is None else (law, chain)


NO_LAW = "no law that knows this chain is in force"
