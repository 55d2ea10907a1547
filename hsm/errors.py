"""What can go wrong in the vault room, whose fault it is, and what is done about it.

Every error has one of three blames: the *world* (try again later), the *operator* (the message
says what to do), *us* (a broken promise inside the program: stop and look). `ACTIONS` is the
table from a PKCS#11 answer to the action; it names exception classes by text, so that this file
does not import the PKCS#11 library. A "no" of the guard is not an error and never appears here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar


class Blame(StrEnum):
    """Who has to act on an error."""

    WORLD = "world"
    OPERATOR = "operator"
    US = "us"


class HsmError(Exception):
    """Root of every error that leaves this package."""

    blame: ClassVar[Blame] = Blame.US
    code: ClassVar[str] = "hsm"
    """The reason's code on the wire when this error makes an answer "not ready"."""


class SignerUnavailableError(HsmError):
    """The signer did not answer in time, or closed the connection: its state is unknown."""

    blame = Blame.WORLD


class FencedOffError(HsmError):
    """The signer heard a daemon with a higher epoch: this one gets no signature any more."""

    blame = Blame.OPERATOR
    code = "old_epoch"


class ProtocolError(HsmError):
    """A message breaks the rules of the wire: wrong form, too large, unknown field."""


class TokenAwayError(HsmError):
    """The token or its driver does not answer; nothing was signed. Try again later."""

    blame = Blame.WORLD
    code = "token_away"


class TokenLockedError(HsmError):
    """The token waits for a person to unlock it; nothing was signed."""

    blame = Blame.WORLD
    code = "token_locked"


class PinRefusedError(HsmError):
    """The token refused the PIN. It is never tried a second time by the program."""

    blame = Blame.OPERATOR
    code = "pin_refused"


class PinBlockedError(HsmError):
    """The token says that its PIN is locked or expired."""

    blame = Blame.OPERATOR
    code = "pin_blocked"


class KeySetUpError(HsmError):
    """A key, its attributes or the token are not what the settings pin."""

    blame = Blame.OPERATOR
    code = "key_set_up"


class SettingsError(HsmError):
    """signer.toml cannot be used."""

    blame = Blame.OPERATOR


class BookError(HsmError):
    """The signer's book cannot be used: locked, damaged, rewound, or of a newer program."""

    blame = Blame.OPERATOR


class SignatureRefusedError(HsmError):
    """The token returned something that is not a signature of the pinned key."""

    code = "bad_signature"


class Action(StrEnum):
    """What the session does when the token answers with an error."""

    REOPEN = "reopen"
    """Session or login lost: close all, initialise anew, log in once, find and verify again."""
    BACK_OFF = "back_off"
    """Hardware or driver: wait 1, 2, 4 … 60 s, sign nothing meanwhile."""
    STOP_PIN = "stop_pin"
    """Wrong PIN: stop for good, remember it on disk."""
    STOP_BLOCKED = "stop_blocked"
    """PIN locked or expired: stop, call a person."""
    WRONG_SET_UP = "wrong_set_up"
    """The key or mechanism is not fit for its work: refuse to start."""


ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        "SessionHandleInvalid": Action.REOPEN,
        "SessionClosed": Action.REOPEN,
        "ObjectHandleInvalid": Action.REOPEN,
        "KeyHandleInvalid": Action.REOPEN,
        "UserNotLoggedIn": Action.REOPEN,
        "NoSuchKey": Action.REOPEN,
        "NoSuchToken": Action.REOPEN,
        "OperationActive": Action.REOPEN,
        "UserAlreadyLoggedIn": Action.REOPEN,
        "DeviceRemoved": Action.BACK_OFF,
        "TokenNotPresent": Action.BACK_OFF,
        "TokenNotRecognised": Action.BACK_OFF,
        "DeviceError": Action.BACK_OFF,
        "DeviceMemory": Action.BACK_OFF,
        "GeneralError": Action.BACK_OFF,
        "FunctionFailed": Action.BACK_OFF,
        "HostMemory": Action.BACK_OFF,
        "PinIncorrect": Action.STOP_PIN,
        "PinInvalid": Action.STOP_PIN,
        "PinLenRange": Action.STOP_PIN,
        "PinLocked": Action.STOP_BLOCKED,
        "PinExpired": Action.STOP_BLOCKED,
        "UserPinNotInitialized": Action.STOP_BLOCKED,
        "MechanismInvalid": Action.WRONG_SET_UP,
        "KeyTypeInconsistent": Action.WRONG_SET_UP,
        "MultipleObjectsReturned": Action.WRONG_SET_UP,
        "MultipleTokensReturned": Action.WRONG_SET_UP,
        "FunctionNotSupported": Action.WRONG_SET_UP,
    }
)


def action_for(error: BaseException) -> Action:
    """Return the action for a PKCS#11 error; one that nobody foresaw is a driver's trouble."""
    for kind in type(error).__mro__:
        if kind.__name__ in ACTIONS:
            return ACTIONS[kind.__name__]
    return Action.BACK_OFF
