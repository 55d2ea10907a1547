"""Where PINs come from, and the memory of a refused one.

A PIN is read from a credential file at every login and dropped at once: it never stands in the
environment, on a command line, in the settings, a log or the book. A refused PIN is remembered
in a file, so that no restart tries it again: three tries lock many tokens for ever.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from hsm.errors import SettingsError
from hsm.settings import TokenPlan
from policies.law import Profile

_FORBIDDEN_MODE = stat.S_IRWXG | stat.S_IRWXO
# systemd 254 and later lets the service in by an access control list, whose mask is what the
# group bits show: 0440 there means "root and this service".
_FORBIDDEN_CREDENTIAL_MODE = stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO
_PIN_BYTES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFiles:
    """Reads PINs from systemd's credential directory; in development also from a named file."""

    directory: Path | None
    base: Path
    profile: Profile

    def pin_of(self, plan: TokenPlan) -> str:
        """Return the PIN of a token. Raises `SettingsError`, never naming the PIN."""
        path = self._path(plan)
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                data = file.read(_PIN_BYTES + 1)
        except OSError as error:
            raise SettingsError(
                f"the PIN of token {plan.name} cannot be read from {path}: {error.strerror}"
            ) from error
        named = "/" not in plan.pin_credential
        if mode & (_FORBIDDEN_CREDENTIAL_MODE if named else _FORBIDDEN_MODE):
            raise SettingsError(f"{path} can be read by others: set its mode to 0600 or 0400")
        pin = data.rstrip(b"\r\n")
        if not 0 < len(pin) <= _PIN_BYTES or not pin.isascii():
            raise SettingsError(f"{path} holds no PIN: write it as one line of ASCII")
        return pin.decode("ascii")

    def _path(self, plan: TokenPlan) -> Path:
        if "/" in plan.pin_credential:
            if self.profile is Profile.PRODUCTION:
                raise SettingsError(
                    f"tokens.{plan.name}.pin_credential is a path: production takes PINs only "
                    "from systemd credentials; name one"
                )
            return self.base / plan.pin_credential
        if self.directory is None:
            raise SettingsError(
                f"tokens.{plan.name}.pin_credential = {plan.pin_credential!r}: there is no "
                "credential directory; start the signer from its systemd unit"
            )
        return self.directory / plan.pin_credential


@dataclass(frozen=True, slots=True, kw_only=True)
class PinGuardFiles:
    """One empty file per token whose PIN was refused; a person removes it."""

    directory: Path

    def refusal_of(self, token: str) -> str | None:
        """Return what to tell the operator when the PIN of a token was refused before."""
        return self._told(token) if self._path(token).exists() else None

    def _told(self, token: str) -> str:
        return (
            f"token {token} refused its PIN, which is not tried again: mend the credential, "
            f"check the token's retry counter, then remove {self._path(token)}"
        )

    def remember(self, token: str) -> str:
        """Write down durably that the PIN was refused; return what to tell the operator."""
        descriptor = os.open(self._path(token), os.O_CREAT | os.O_WRONLY, 0o600)
        os.fsync(descriptor)
        os.close(descriptor)
        folder = os.open(self.directory, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        return self._told(token)

    def _path(self, token: str) -> Path:
        return self.directory / f"pin-refused.{token}"
