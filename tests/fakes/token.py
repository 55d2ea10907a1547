"""A misbehaving PKCS#11 module: signs with keys in memory, fails where and when it is told.

It counts logins and remembers what was signed and whether anything was created, so that tests
can hold it against the rules: one login per incident, no new key, no other digest.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import coincurve
from pkcs11 import Attribute, Mechanism, ObjectClass
from pkcs11.exceptions import AttributeTypeInvalid, NoSuchKey, NoSuchToken, SessionHandleInvalid

from hsm.token.keys import MUST_BE_FALSE, MUST_BE_TRUE, PUBLIC_MUST_BE_FALSE

SITES = ("get_token", "open", "get_key", "read_attribute", "sign", "reinitialize", "close")


@dataclass(slots=True)
class FakeModule:
    """A loaded module with one token; `faults` maps a call site to the errors it raises next."""

    serial: bytes
    pin: str
    keys: dict[bytes, coincurve.PrivateKey]
    label: str = "fake"
    manufacturer_id: str = "Fakes Ltd"
    faults: dict[str, list[Exception]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    signed: list[bytes] = field(default_factory=list)
    attributes: dict[str, object] = field(default_factory=dict)
    answers: list[bytes] = field(default_factory=list)
    era: int = 0
    is_away: bool = False

    @property
    def logins(self) -> int:
        """Return how often a PIN was tried."""
        return self.calls["open"]

    def reach(self, site: str) -> None:
        """Count a call and raise the next fault of its site."""
        self.calls[site] += 1
        waiting = self.faults.get(site)
        if waiting:
            raise waiting.pop(0)

    def get_token(self, *, token_serial: bytes) -> FakeToken:
        self.reach("get_token")
        if token_serial != self.serial or self.is_away:
            raise NoSuchToken
        return FakeToken(self)

    def reinitialize(self) -> None:
        self.reach("reinitialize")
        self.era += 1


class FakeToken:
    """The module's token."""

    def __init__(self, module: FakeModule) -> None:
        self._module = module
        self.label = module.label
        self.manufacturer_id = module.manufacturer_id

    def open(self, *, user_pin: str) -> FakeSession:
        self._module.reach("open")
        if user_pin != self._module.pin:
            from pkcs11.exceptions import PinIncorrect

            raise PinIncorrect
        return FakeSession(self._module)


class FakeSession:
    """A session; void after the module was initialised anew."""

    def __init__(self, module: FakeModule) -> None:
        self.module = module
        self._era = module.era
        self._is_open = True

    def check(self) -> None:
        """Raise as a real module does for a void handle."""
        if not self._is_open or self._era != self.module.era:
            raise SessionHandleInvalid

    def get_key(self, *, object_class: ObjectClass, id: bytes) -> FakeKey:  # noqa: A002
        self.module.reach("get_key")
        self.check()
        if id not in self.module.keys or self.module.is_away:
            raise NoSuchKey
        return FakeKey(self, id, object_class)

    def close(self) -> None:
        self.module.reach("close")
        self._is_open = False


class FakeKey:
    """One half of a key pair."""

    def __init__(self, session: FakeSession, cka_id: bytes, half: ObjectClass) -> None:
        self._session = session
        self._key = session.module.keys[cka_id]
        self._half = half

    def __getitem__(self, key: Attribute) -> object:
        module = self._session.module
        module.reach("read_attribute")
        prefix = "private." if self._half is ObjectClass.PRIVATE_KEY else "public."
        if prefix + key.name in module.attributes:
            value = module.attributes[prefix + key.name]
            if isinstance(value, Exception):
                raise value
            return value
        return self._honest(key)

    def _honest(self, key: Attribute) -> object:
        if self._half is ObjectClass.PUBLIC_KEY:
            point = self._key.public_key.format(compressed=False)
            public: dict[str, object] = dict.fromkeys(PUBLIC_MUST_BE_FALSE, False)
            public["EC_PARAMS"] = bytes.fromhex("06052b8104000a")
            public["EC_POINT"] = b"\x04\x41" + point
            return public[key.name]
        flags = {**dict.fromkeys(MUST_BE_TRUE, True), **dict.fromkeys(MUST_BE_FALSE, False)}
        if key.name not in flags:
            raise AttributeTypeInvalid
        return flags[key.name]

    def sign(self, data: bytes, *, mechanism: Mechanism, buffer_size: int) -> bytes:
        module = self._session.module
        module.reach("sign")
        self._session.check()
        assert (mechanism, buffer_size) == (Mechanism.ECDSA, 64)
        module.signed.append(data)
        if module.answers:
            return module.answers.pop(0)
        answer: bytes = self._key.sign_recoverable(data, hasher=None)[:64]
        return answer
