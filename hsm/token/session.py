"""The one road to the tokens: one thread, one session per token, one login per incident.

python-pkcs11 initialises modules for a single thread and then releases the interpreter lock in
every call, so a second thread would crash the process: the thread that made this object is the
only one that may use it. Closing the session that logged in logs everything out; keys then look
deleted. "No such key" is therefore answered by the whole way back (close, initialise, log in
once, find, verify) and never by making a key.

What it does not promise: that a signature is right (`signature.py` proves that), or that the
token did not sign before it failed (the book counts on that: it stores the answer that it gets).
"""

from __future__ import annotations

import logging
import os
import threading
from typing import NoReturn, cast

import pkcs11
from pkcs11.exceptions import PKCS11Error

from hsm.errors import (
    Action,
    HsmError,
    KeySetUpError,
    PinBlockedError,
    PinRefusedError,
    TokenAwayError,
    TokenLockedError,
    action_for,
)
from hsm.settings import UnlockMode
from hsm.token.bench import Bench, Module, Slot, Token, TokenState
from hsm.token.keys import LiveKey, is_present, open_key
from hsm.token.signature import Signature
from policies.law import Profile

log = logging.getLogger("hsm")

BACK_OFF_S = (1, 2, 4, 8, 16, 32, 60)
DOWN_AFTER_S = 60
SOFTHSM = "SoftHSM project"


class Hsm:
    """All tokens of this process."""

    def __init__(self, bench: Bench) -> None:
        """Load the module; nothing is opened yet. Raises `TokenAwayError`."""
        self._bench = bench
        self._thread = threading.get_ident()
        self._slots = {name: Slot(plan=plan) for name, plan in bench.tokens.items()}
        try:
            self._module = bench.module()
        except PKCS11Error as error:
            raise TokenAwayError(f"the PKCS#11 module cannot be loaded: {error}") from error

    def start(self) -> None:
        """Open every token that has a stored PIN and verify all its keys.

        Raises an `HsmError` at the first token that is not as it must be.
        """
        self._check_thread()
        for slot in self._slots.values():
            if slot.plan.mode is UnlockMode.CREDENTIAL:
                self._ready(slot)

    def sign(self, key_name: str, digest: bytes) -> Signature:
        """Sign a 32-byte digest with a key and prove the answer.

        A lost session is mended once, for the same digest. Raises `TokenAwayError`,
        `TokenLockedError`, `PinRefusedError`, `PinBlockedError`, `KeySetUpError`,
        `SignatureRefusedError`.
        """
        self._check_thread()
        slot = self._slots[self._bench.keys[key_name].token]
        key = self._ready(slot)[key_name]
        try:
            answer = key.sign_unproved(digest)
        except PKCS11Error as error:
            key = self._mend(slot, error)[key_name]
            answer = self._sign_again(slot, key, digest)
        if slot.signatures_left is not None:
            slot.signatures_left -= 1
        return key.prove(digest, answer)

    def check_ready(self, key_name: str) -> None:
        """Open the key's token if need be, so that `sign` will not fail for a known cause.

        Raises what `sign` raises; signs nothing.
        """
        self._check_thread()
        self._ready(self._slots[self._bench.keys[key_name].token])

    def unlock(
        self, token: str, pin: str, *, seconds: float, signatures: int | None = None
    ) -> None:
        """Log in to an attended token for a time, or for a number of signatures.

        Raises `PinRefusedError` after one try, `TokenAwayError`, `KeySetUpError`.
        """
        self._check_thread()
        slot = self._slots[token]
        self._close(slot)
        slot.retry_at = 0.0
        self._open(slot, pin)
        slot.locks_at = self._bench.monotonic() + seconds
        slot.signatures_left = signatures

    def lock(self, token: str) -> None:
        """Log out of a token now."""
        self._check_thread()
        self._close(self._slots[token])

    def tend(self) -> None:
        """Keep the tokens well: lock what is due, notice what went away, bring back what failed.

        Called between requests. Raises `PinRefusedError` when a token refuses its stored PIN.
        """
        self._check_thread()
        for slot in self._slots.values():
            self._lock_if_due(slot)
            session, plans = slot.session, [key.plan for key in slot.keys.values()]
            if session is not None and not all(is_present(session, plan) for plan in plans):
                self._fail(slot, "its keys cannot be found")
            if slot.session is None and slot.plan.mode is UnlockMode.CREDENTIAL:
                self._try_to_reopen(slot)

    def state_of(self, token: str) -> TokenState:
        """Return how a token is."""
        slot = self._slots[token]
        if slot.blocked:
            return TokenState.BLOCKED
        if slot.failures:
            failing_s = self._bench.monotonic() - slot.failing_since
            return TokenState.DOWN if failing_s >= DOWN_AFTER_S else TokenState.DEGRADED
        return TokenState.READY if slot.session is not None else TokenState.LOCKED

    def waivers(self) -> tuple[str, ...]:
        """Return every rule that profile and settings waive, as people read it."""
        found = [
            f"token {slot.plan.name} is SoftHSM: its keys are files"
            for slot in self._slots.values()
            if slot.manufacturer == SOFTHSM
        ]
        return (*found, *(line for key in self._bench.keys.values() for line in key.waivers))

    def close(self) -> None:
        """Log out of everything."""
        for slot in self._slots.values():
            self._close(slot)

    def _ready(self, slot: Slot) -> dict[str, LiveKey]:
        self._lock_if_due(slot)
        if slot.session is not None:
            return slot.keys
        if slot.blocked:
            raise PinBlockedError(slot.blocked)
        if slot.plan.mode is UnlockMode.ATTENDED:
            raise TokenLockedError(f"token {slot.plan.name} is locked: a treasurer must unlock it")
        wait_s = slot.retry_at - self._bench.monotonic()
        if wait_s > 0:
            raise TokenAwayError(f"token {slot.plan.name} is away; next try in {wait_s:.0f} s")
        self._open(slot, self._stored_pin(slot))
        return slot.keys

    def _stored_pin(self, slot: Slot) -> str:
        refusal = self._bench.pin_guard.refusal_of(slot.plan.name)
        if refusal is not None:
            raise PinRefusedError(refusal)
        return self._bench.pin_of(slot.plan)

    def _open(self, slot: Slot, pin: str) -> None:
        """Log in once, find every key of the token and verify it."""
        try:
            token = self._find(slot)
            slot.session = token.open(user_pin=pin)
            slot.keys = {
                plan.name: open_key(slot.session, plan, os.urandom(16), self._bench.road_to)
                for plan in self._bench.keys.values()
                if plan.token == slot.plan.name
            }
        except PKCS11Error as error:
            self._give_up(slot, error)
        except HsmError:
            self._close(slot)
            raise
        if slot.failures:
            log.info("token %s answers again", slot.plan.name)
        slot.failures, slot.retry_at = 0, 0.0

    def _find(self, slot: Slot) -> Token:
        token = self._module.get_token(token_serial=slot.plan.serial.encode())
        slot.manufacturer = token.manufacturer_id
        if slot.manufacturer == SOFTHSM and self._bench.profile is Profile.PRODUCTION:
            raise KeySetUpError(
                f"token {slot.plan.name} is SoftHSM, whose keys are files: production refuses it"
            )
        if slot.plan.label and token.label != slot.plan.label:
            raise KeySetUpError(
                f"token {slot.plan.name} is labelled {token.label!r}, not {slot.plan.label!r}"
            )
        return token

    def _mend(self, slot: Slot, error: PKCS11Error) -> dict[str, LiveKey]:
        """Answer an error of a signature: the whole way back once, or give up."""
        if action_for(error) is not Action.REOPEN:
            self._give_up(slot, error)
        self._reinitialise(slot)
        return self._ready(slot)

    def _sign_again(self, slot: Slot, key: LiveKey, digest: bytes) -> bytes:
        try:
            return key.sign_unproved(digest)
        except PKCS11Error as error:
            self._give_up(slot, error)

    def _reinitialise(self, slot: Slot) -> None:
        # Finalising voids every session of the process: attended tokens lock themselves here.
        for other in self._slots.values():
            other.session, other.keys = None, {}
        try:
            self._module.reinitialize()
        except PKCS11Error as error:
            self._give_up(slot, error)

    def _give_up(self, slot: Slot, error: PKCS11Error) -> NoReturn:
        """Close the token and raise what its error means."""
        action, name = action_for(error), type(error).__name__
        self._close(slot)
        where = f"token {slot.plan.name}"
        match action:
            case Action.STOP_PIN if slot.plan.mode is UnlockMode.CREDENTIAL:
                refusal = self._bench.pin_guard.remember(slot.plan.name)
                raise PinRefusedError(refusal) from error
            case Action.STOP_PIN:
                raise PinRefusedError(f"{where} refused the PIN") from error
            case Action.STOP_BLOCKED:
                slot.blocked = f"{where} says {name}: its PIN is blocked, call the HSM's officer"
                raise PinBlockedError(slot.blocked) from error
            case Action.WRONG_SET_UP:
                raise KeySetUpError(f"{where} says {name}: it is not set up for this") from error
            case _:
                self._fail(slot, name)
                raise TokenAwayError(f"{where} does not answer ({name})") from error

    def _fail(self, slot: Slot, why: str) -> None:
        now = self._bench.monotonic()
        self._close(slot)
        if slot.failures == 0:
            slot.failing_since = now
            log.warning("token %s is away (%s): it is tried again by itself", slot.plan.name, why)
        slot.retry_at = now + BACK_OFF_S[min(slot.failures, len(BACK_OFF_S) - 1)]
        slot.failures += 1

    def _try_to_reopen(self, slot: Slot) -> None:
        if slot.blocked or self._bench.monotonic() < slot.retry_at:
            return
        try:
            # Some modules look for tokens only when they are initialised; a vault that a person
            # unlocked is not locked again for that.
            if slot.failures and not self._is_attended():
                self._reinitialise(slot)
            self._ready(slot)
        except KeySetUpError as error:
            self._fail(slot, str(error))
        except (TokenAwayError, PinBlockedError):
            return

    def _is_attended(self) -> bool:
        return any(s.session and s.plan.mode is UnlockMode.ATTENDED for s in self._slots.values())

    def _lock_if_due(self, slot: Slot) -> None:
        if slot.plan.mode is not UnlockMode.ATTENDED or slot.session is None:
            return
        if self._bench.monotonic() >= slot.locks_at or slot.signatures_left == 0:
            self._close(slot)

    def _close(self, slot: Slot) -> None:
        session, slot.session, slot.keys = slot.session, None, {}
        slot.signatures_left = None
        if session is not None:
            try:
                session.close()
            except PKCS11Error:
                return  # a session that is already gone needs no closing

    def _check_thread(self) -> None:
        assert threading.get_ident() == self._thread, "PKCS#11 belongs to one thread"


def load_module(path: str) -> Module:
    """Load and initialise a PKCS#11 module. Raises the library's errors."""
    return cast("Module", pkcs11.lib(path))
