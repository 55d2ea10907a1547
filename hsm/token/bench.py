"""What a `Hsm` is made of: the parts of a PKCS#11 module that are used, plans, and what is known.

The protocols name everything that this project takes from the foreign library, so that tests can
put a misbehaving token in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from hsm.settings import KeyPlan, TokenPlan
from hsm.token.direct import Road, no_road
from hsm.token.keys import LiveKey, Session, SigningKey
from policies.law import Profile


class TokenState(StrEnum):
    """How a token is, from best to worst."""

    READY = "ready"
    LOCKED = "locked"
    DEGRADED = "degraded"
    DOWN = "down"
    BLOCKED = "blocked"


class Token(Protocol):
    """What is used of a token."""

    manufacturer_id: str
    label: str

    def open(self, *, user_pin: str) -> Session:
        """Open a session and log in."""


class Module(Protocol):
    """What is used of a loaded PKCS#11 module."""

    def get_token(self, *, token_serial: bytes) -> Token:
        """Find the token with that serial number."""

    def reinitialize(self) -> None:
        """Finalize and initialise the module: every session and handle is void afterwards."""


class PinGuard(Protocol):
    """Remembers on disk that a token refused the PIN, so that no restart tries again."""

    def refusal_of(self, token: str) -> str | None:
        """Return what to tell the operator when the PIN of a token was refused before."""

    def remember(self, token: str) -> str:
        """Write down durably that the PIN was refused; return what to tell the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Plans, and where module, PINs and time come from.

    `monotonic` returns seconds that never go back; `pin_of` reads the PIN of a credential token;
    `road_to` gives the shortest way to a key's signatures.
    """

    module: Callable[[], Module]
    tokens: Mapping[str, TokenPlan]
    keys: Mapping[str, KeyPlan]
    profile: Profile
    pin_of: Callable[[TokenPlan], str]
    pin_guard: PinGuard
    monotonic: Callable[[], float]
    road_to: Callable[[SigningKey], Road] = no_road


@dataclass(slots=True)
class Slot:
    """What is known of one token; `session` None means closed."""

    plan: TokenPlan
    session: Session | None = None
    keys: dict[str, LiveKey] = field(default_factory=dict)
    failures: int = 0
    failing_since: float = 0.0
    retry_at: float = 0.0
    blocked: str = ""
    manufacturer: str = ""
    locks_at: float = 0.0
    signatures_left: int | None = None
