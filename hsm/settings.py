"""signer.toml: where things are, which tokens and keys there are. Never what is allowed.

What is allowed stands in the law, which treasurers adopt. This file is read strictly: an unknown
key, a wrong type or a key that names no token is refused with file, key, value and advice.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hsm.curve import Curve
from hsm.errors import SettingsError
from policies.document import Table
from policies.law import Profile

TOLD_BY_ALL = frozenset({"SENSITIVE", "EXTRACTABLE"})
"""PKCS#11 attributes without which nobody knows whether a key can leave its token."""


class UnlockMode(StrEnum):
    """How a token gets its PIN."""

    CREDENTIAL = "credential"
    """From a credential file, at every login."""
    ATTENDED = "attended"
    """A treasurer types it into people.sock; it is never stored."""


class KeyPurpose(StrEnum):
    """A key does one kind of work for ever."""

    TRANSACTION = "transaction"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPlan:
    """One token, known by its serial number, never by its label alone."""

    name: str
    serial: str
    label: str
    mode: UnlockMode
    pin_credential: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlan:
    """One key: token, CKA_ID and public key are pinned together.

    `imported` admits a key that was not made in the token (development only);
    `waived_attributes` names PKCS#11 attributes that this vendor does not know.
    """

    name: str
    token: str
    cka_id: bytes
    public_key: bytes
    curve: Curve
    purpose: KeyPurpose
    imported: bool
    waived_attributes: frozenset[str]

    @property
    def waivers(self) -> tuple[str, ...]:
        """Return what this key is excused from, as people read it."""
        untold = ", ".join(f"CKA_{name}" for name in sorted(self.waived_attributes))
        born = f"key {self.name} was imported: it exists outside the token"
        silent = f"key {self.name}: its token need not tell {untold}"
        return (*([born] if self.imported else []), *([silent] if untold else []))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything in signer.toml; relative paths start at `base`, the file's directory.

    There are no keys yet while the first one is being made.
    """

    base: Path
    module: str
    book: Path
    signer_socket: Path
    people_socket: Path
    profile: Profile
    tokens: Mapping[str, TokenPlan]
    keys: Mapping[str, KeyPlan]


def load_settings(path: Path) -> Settings:
    """Read signer.toml. Raises `SettingsError` with every problem, one line each."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}; check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: is not TOML: {error}") from error
    return parse_settings(document, source=path.name, base=path.parent)


def parse_settings(document: Mapping[str, object], *, source: str, base: Path) -> Settings:
    """Parse the content of signer.toml. Raises `SettingsError` with every problem."""
    problems: list[str] = []
    root = Table(document, source=source, path="", problems=problems)
    sockets = root.table("sockets")
    settings = Settings(
        base=base,
        module=root.text("module"),
        book=base / root.text("book"),
        signer_socket=base / sockets.text("signer"),
        people_socket=base / sockets.text("people"),
        profile=root.choice("profile", Profile),
        tokens={name: _token(name, table) for name, table in root.tables("tokens").items()},
        keys={n: _key(n, table) for n, table in root.tables("keys", optional=True).items()},
    )
    sockets.finish()
    root.finish()
    if not problems:
        problems.extend(f"{source}: {line}" for line in _contradictions(settings))
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def _token(name: str, table: Table) -> TokenPlan:
    mode = table.choice("mode", UnlockMode, UnlockMode.CREDENTIAL)
    pin = table.text("pin_credential", "") if table.has("pin_credential") else ""
    if mode is UnlockMode.CREDENTIAL and not pin:
        table.refuse("pin_credential", "name the credential that holds the PIN")
    if mode is UnlockMode.ATTENDED and pin:
        table.refuse("pin_credential", "an attended token has no stored PIN; remove this key")
    plan = TokenPlan(
        name=name,
        serial=table.text("serial"),
        label=table.text("label") if table.has("label") else "",
        mode=mode,
        pin_credential=pin,
    )
    table.finish()
    return plan


def _key(name: str, table: Table) -> KeyPlan:
    waived = table.names("waived_attributes") if table.has("waived_attributes") else ()
    plan = KeyPlan(
        name=name,
        token=table.name("token"),
        cka_id=_hex(table, "cka_id", lengths=range(1, 65)),
        public_key=_hex(table, "public_key", lengths=range(64, 65)),
        curve=table.choice("curve", Curve, Curve.SECP256K1),
        purpose=table.choice("purpose", KeyPurpose, KeyPurpose.TRANSACTION),
        imported=table.flag("imported", default=False) if table.has("imported") else False,
        waived_attributes=frozenset(name.removeprefix("CKA_") for name in waived),
    )
    table.finish()
    return plan


def _hex(table: Table, name: str, *, lengths: range) -> bytes:
    try:
        found = bytes.fromhex(table.text(name).removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) not in lengths:
        wanted = f"{lengths[0]}" if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
        table.refuse(name, f"write {wanted} bytes in hexadecimal")
    return found


def _contradictions(settings: Settings) -> list[str]:
    found = _twice("keys", {k.name: (k.token, k.cka_id) for k in settings.keys.values()})
    found += _twice("keys", {k.name: k.public_key for k in settings.keys.values()})
    found += _twice("tokens", {t.name: t.serial for t in settings.tokens.values()})
    for key in settings.keys.values():
        where = f"keys.{key.name}"
        if key.token not in settings.tokens:
            found.append(f"{where}.token = {key.token!r}: no such token; add [tokens.{key.token}]")
        if (key.purpose is KeyPurpose.CHECKPOINT) != (key.curve is Curve.P256):
            found.append(f"{where}.curve: checkpoints use p256, transactions secp256k1")
        if key.imported and settings.profile is Profile.PRODUCTION:
            found.append(f"{where}.imported = true: production refuses imported keys")
        if key.waived_attributes & TOLD_BY_ALL and settings.profile is Profile.PRODUCTION:
            names = ", ".join(f"CKA_{name}" for name in sorted(TOLD_BY_ALL))
            found.append(f"{where}.waived_attributes: production has every token tell {names}")
    return found


def _twice(kind: str, values: Mapping[str, object]) -> list[str]:
    first: dict[object, str] = {}
    return [
        f"{kind}.{name}: is the same as {kind}.{first[value]}; name each once"
        for name, value in values.items()
        if first.setdefault(value, name) != name
    ]
