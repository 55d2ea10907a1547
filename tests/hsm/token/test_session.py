"""The road to the tokens: every error of the table at every call, and one login per incident."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

import coincurve
import pytest
from pkcs11 import exceptions
from pkcs11.exceptions import PKCS11Error

from hsm.curve import Curve
from hsm.errors import (
    ACTIONS,
    Action,
    HsmError,
    KeySetUpError,
    PinBlockedError,
    PinRefusedError,
    SignatureRefusedError,
    TokenAwayError,
    TokenLockedError,
)
from hsm.settings import KeyPlan, KeyPurpose, TokenPlan, UnlockMode
from hsm.token.bench import Bench, Module, TokenState
from hsm.token.pins import PinGuardFiles
from hsm.token.session import BACK_OFF_S, DOWN_AFTER_S, Hsm
from policies.law import Profile
from tests.fakes.token import FakeModule
from tests.laws import key_of

PIN = "1234"
DIGEST = bytes(range(32))
RAISED = [
    getattr(exceptions, name)
    for name in ACTIONS
    if name not in ("MultipleObjectsReturned", "MultipleTokensReturned")
]


class Rig:
    """An `Hsm` over a fake module, with a clock and a PIN that tests move."""

    def __init__(
        self,
        directory: Path,
        *,
        mode: UnlockMode = UnlockMode.CREDENTIAL,
        profile: Profile = Profile.PRODUCTION,
        imported: bool = False,
        waived: frozenset[str] = frozenset(),
        label: str = "",
        names: tuple[str, ...] = ("vault", "hot-a"),
    ) -> None:
        ids = {name: bytes([number]) for number, name in enumerate(names, start=1)}
        self.module = FakeModule(
            serial=b"0001", pin=PIN, keys={cka_id: key_of(n) for n, cka_id in ids.items()}
        )
        self.now = 1000.0
        self.pin = PIN
        self.bench = Bench(
            module=lambda: cast("Module", self.module),
            tokens={
                "cold": TokenPlan(
                    name="cold",
                    serial="0001",
                    label=label,
                    mode=mode,
                    pin_credential="" if mode is UnlockMode.ATTENDED else "pin",
                )
            },
            keys={name: _plan(name, ids[name], imported, waived) for name in names},
            profile=profile,
            pin_of=lambda _plan: self.pin,
            pin_guard=PinGuardFiles(directory=directory),
            monotonic=lambda: self.now,
        )
        self.hsm = Hsm(self.bench)

    def state(self) -> TokenState:
        return self.hsm.state_of("cold")

    def restart(self) -> None:
        """Begin anew, as after the process ended."""
        self.hsm = Hsm(self.bench)


def _plan(name: str, cka_id: bytes, imported: bool, waived: frozenset[str]) -> KeyPlan:
    return KeyPlan(
        name=name,
        token="cold",
        cka_id=cka_id,
        public_key=key_of(name).public_key.format(compressed=False)[1:],
        curve=Curve.SECP256K1,
        purpose=KeyPurpose.TRANSACTION,
        imported=imported,
        waived_attributes=waived,
    )


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A rig that has started well."""
    made = Rig(tmp_path)
    made.hsm.start()
    return made


def attempt(work: Callable[[], object]) -> HsmError | None:
    """Do something and return the error of ours that it raised."""
    try:
        work()
    except HsmError as error:
        return error
    return None


def test_start_logs_in_once_and_tries_every_key(rig: Rig) -> None:
    """One login, every key found, verified and tried with a challenge of our own (R3.4)."""
    assert (1, 2) == (rig.module.logins, len(rig.module.signed))
    assert DIGEST not in rig.module.signed
    assert TokenState.READY is rig.state()


@pytest.mark.parametrize("kind", RAISED, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("site", ["get_token", "open", "get_key", "read_attribute", "sign"])
def test_every_error_at_every_call_of_the_start(
    tmp_path: Path, site: str, kind: type[PKCS11Error]
) -> None:
    """At start every error ends in one login at most and an error of ours (R3.6)."""
    rig = Rig(tmp_path)
    rig.module.faults[site] = [kind()]
    error = attempt(rig.hsm.start)

    assert error is not None
    assert _expected_at_start(kind) is type(error)
    assert rig.module.logins <= 1


def _expected_at_start(kind: type[PKCS11Error]) -> type[HsmError]:
    match ACTIONS[kind.__name__]:
        case Action.STOP_PIN:
            return PinRefusedError
        case Action.STOP_BLOCKED:
            return PinBlockedError
        case Action.WRONG_SET_UP:
            return KeySetUpError
        case _:
            return TokenAwayError


@pytest.mark.parametrize("kind", RAISED, ids=lambda kind: kind.__name__)
def test_every_error_of_a_signature(rig: Rig, kind: type[PKCS11Error]) -> None:
    """A lost session is mended with one login and the same digest; the rest gives up (R3.6)."""
    before = rig.module.logins
    rig.module.faults["sign"] = [kind()]
    error = attempt(lambda: rig.hsm.sign("vault", DIGEST))
    logins = rig.module.logins - before

    if ACTIONS[kind.__name__] is Action.REOPEN:
        assert (None, 1, 1) == (error, logins, rig.module.signed.count(DIGEST))
    else:
        assert error is not None
        assert (0, 0) == (logins, rig.module.signed.count(DIGEST))


@pytest.mark.parametrize("kind", RAISED, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("site", ["reinitialize", "get_token", "open", "get_key", "sign"])
def test_every_error_on_the_way_back(rig: Rig, site: str, kind: type[PKCS11Error]) -> None:
    """A second error while mending ends the try: one login, nothing else signed (R3.6)."""
    before = rig.module.logins
    lost: list[Exception] = [exceptions.SessionHandleInvalid()]
    rig.module.faults["sign"] = [*lost, kind()] if site == "sign" else lost
    if site != "sign":
        rig.module.faults[site] = [kind()]
    error = attempt(lambda: rig.hsm.sign("vault", DIGEST))

    assert error is not None
    assert rig.module.logins - before <= 1
    assert 0 == rig.module.signed.count(DIGEST)


def test_an_unmapped_error_is_the_drivers_trouble(rig: Rig) -> None:
    """An error that nobody foresaw backs off; it is never taken for success."""
    rig.module.faults["sign"] = [PKCS11Error("vendor")]

    with pytest.raises(TokenAwayError):
        rig.hsm.sign("vault", DIGEST)
    assert TokenState.DEGRADED is rig.state()


def test_back_off_doubles_to_a_minute_and_recovers(rig: Rig) -> None:
    """Between tries the token is left alone: 1, 2, 4 … 60 s; then it is well again (R3.8)."""
    rig.module.faults["sign"] = [exceptions.DeviceError()]
    rig.module.faults["get_token"] = [exceptions.TokenNotPresent() for _ in range(8)]
    attempt(lambda: rig.hsm.sign("vault", DIGEST))
    waits = []
    for _ in range(9):
        start = rig.now
        logins = rig.module.calls["get_token"]
        while rig.module.calls["get_token"] == logins:
            rig.now += 1
            rig.hsm.tend()
        waits.append(rig.now - start)

    assert [*BACK_OFF_S, 60, 60] == waits
    assert TokenState.READY is rig.state()
    assert 64 == len(rig.hsm.sign("vault", DIGEST).rs)


def test_degraded_becomes_down(rig: Rig) -> None:
    """A token that stays away for a minute is down, and is told as such."""
    rig.module.is_away = True
    rig.hsm.tend()
    assert TokenState.DEGRADED is rig.state()
    rig.now += DOWN_AFTER_S

    assert TokenState.DOWN is rig.state()


def test_a_wrong_pin_is_tried_once_in_ten_restarts(tmp_path: Path) -> None:
    """A refused PIN is remembered on disk: ten restarts make one login in all (R3.7)."""
    rig = Rig(tmp_path)
    rig.pin = "0000-marker"
    errors = []
    for _ in range(10):
        rig.restart()
        errors.append(attempt(rig.hsm.start))

    assert {PinRefusedError} == {type(error) for error in errors}
    assert 1 == rig.module.logins
    assert all("0000-marker" not in str(error) for error in errors)


def test_removing_the_guard_file_allows_one_more_try(tmp_path: Path) -> None:
    """A person who mended the credential removes the file, and the token opens (R3.7)."""
    rig = Rig(tmp_path)
    rig.pin = "0000-marker"
    attempt(rig.hsm.start)
    (tmp_path / "pin-refused.cold").unlink()
    rig.pin = PIN
    rig.restart()
    rig.hsm.start()

    assert TokenState.READY is rig.state()


@pytest.mark.parametrize("kind", [exceptions.PinLocked, exceptions.PinExpired])
def test_a_blocked_pin_stays_blocked(tmp_path: Path, kind: type[PKCS11Error]) -> None:
    """A locked or expired PIN is not tried again by this process."""
    rig = Rig(tmp_path)
    rig.module.faults["open"] = [kind()]
    for _ in range(3):
        assert isinstance(attempt(rig.hsm.start), PinBlockedError)
        rig.now += 100
        rig.hsm.tend()

    assert (1, TokenState.BLOCKED) == (rig.module.logins, rig.state())


@pytest.mark.parametrize(
    "answer",
    [b"", bytes(64), bytes(63), bytes(65), bytes(72), b"\x01" * 64],
)
def test_a_lying_token_is_found_out(rig: Rig, answer: bytes) -> None:
    """What the token returns is proved before it is used (R3.3)."""
    rig.module.answers = [answer]

    with pytest.raises(SignatureRefusedError):
        rig.hsm.sign("vault", DIGEST)


def test_another_keys_signature_is_found_out(rig: Rig) -> None:
    """A signature by the wrong key of the same token is refused (R3.3)."""
    rig.module.answers = [key_of("hot-a").sign_recoverable(DIGEST, hasher=None)[:64]]

    with pytest.raises(SignatureRefusedError):
        rig.hsm.sign("vault", DIGEST)


@pytest.mark.parametrize("length", [0, 20, 31, 33, 64])
def test_only_digests_reach_the_token(rig: Rig, length: int) -> None:
    """The token would sign any length; we do not ask it to (R3.2)."""
    before = len(rig.module.signed)
    with pytest.raises(SignatureRefusedError):
        rig.hsm.sign("vault", bytes(length))

    assert before == len(rig.module.signed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("private.SENSITIVE", False),
        ("private.ALWAYS_SENSITIVE", False),
        ("private.NEVER_EXTRACTABLE", False),
        ("private.LOCAL", False),
        ("private.PRIVATE", False),
        ("private.SIGN", False),
        ("private.EXTRACTABLE", True),
        ("private.DERIVE", True),
        ("private.DECRYPT", True),
        ("private.UNWRAP", True),
        ("private.SIGN_RECOVER", True),
        ("private.COPYABLE", True),
        ("private.MODIFIABLE", True),
        ("public.WRAP", True),
        ("public.ENCRYPT", True),
        ("private.COPYABLE", exceptions.AttributeTypeInvalid()),
        ("public.EC_PARAMS", bytes.fromhex("06082a8648ce3d030107")),
        ("public.EC_POINT", b"\x04" + bytes(64)),
        ("public.EC_POINT", b"\x04" + key_of("mallory").public_key.format(compressed=False)[1:]),
    ],
)
def test_a_key_with_a_wrong_attribute_is_refused(tmp_path: Path, name: str, value: object) -> None:
    """Every attribute of the template, the curve and the point are read back (R3.4, R1.1)."""
    rig = Rig(tmp_path)
    rig.module.attributes[name] = value

    assert isinstance(attempt(rig.hsm.start), KeySetUpError)
    assert TokenState.LOCKED is rig.state()


def test_an_unknown_attribute_may_be_waived_by_name(tmp_path: Path) -> None:
    """What a vendor does not know is waived by name and told, or refused, never skipped (R3.4)."""
    rig = Rig(tmp_path, waived=frozenset({"COPYABLE"}))
    rig.module.attributes["private.COPYABLE"] = exceptions.AttributeTypeInvalid()

    assert attempt(rig.hsm.start) is None
    assert "key vault: its token need not tell CKA_COPYABLE" in rig.hsm.waivers()


@pytest.mark.parametrize(
    ("name", "value"), [("EXTRACTABLE", True), ("SENSITIVE", False), ("COPYABLE", True)]
)
def test_no_waiver_excuses_a_wrong_answer(tmp_path: Path, name: str, value: object) -> None:
    """A waiver is for what a token does not tell; what it tells counts (R3.4, R1.1)."""
    rig = Rig(tmp_path, waived=frozenset({name}))
    rig.module.attributes[f"private.{name}"] = value

    assert isinstance(attempt(rig.hsm.start), KeySetUpError)


def test_imported_keys_are_waived_by_name_and_shown(tmp_path: Path) -> None:
    """An imported key passes only where its settings say so, and stands in the status."""
    rig = Rig(tmp_path, profile=Profile.DEVELOPMENT, imported=True)
    for name in ("LOCAL", "ALWAYS_SENSITIVE", "NEVER_EXTRACTABLE"):
        rig.module.attributes[f"private.{name}"] = False
    rig.hsm.start()

    assert 2 == sum("imported" in waiver for waiver in rig.hsm.waivers())
    rig.module.attributes["private.EXTRACTABLE"] = True
    rig.restart()
    assert isinstance(attempt(rig.hsm.start), KeySetUpError)


@pytest.mark.parametrize("profile", list(Profile))
def test_soft_tokens_are_for_development(tmp_path: Path, profile: Profile) -> None:
    """Production refuses SoftHSM; development shows it (R3.15)."""
    rig = Rig(tmp_path, profile=profile)
    rig.module.manufacturer_id = "SoftHSM project"
    error = attempt(rig.hsm.start)

    if profile is Profile.PRODUCTION:
        assert isinstance(error, KeySetUpError)
        assert 0 == rig.module.logins
    else:
        assert error is None
        assert any("SoftHSM" in waiver for waiver in rig.hsm.waivers())


def test_the_pinned_label_is_checked_before_the_pin_is_used(tmp_path: Path) -> None:
    """A token with the right serial and another label is not logged in to."""
    rig = Rig(tmp_path, label="treasury-cold")

    assert isinstance(attempt(rig.hsm.start), KeySetUpError)
    assert 0 == rig.module.logins


def test_an_attended_token_waits_for_a_person_and_locks_itself(tmp_path: Path) -> None:
    """Locked until a PIN is typed, open for its time, locked again; never reopened by itself."""
    rig = Rig(tmp_path, mode=UnlockMode.ATTENDED)
    rig.hsm.start()
    assert isinstance(attempt(lambda: rig.hsm.sign("vault", DIGEST)), TokenLockedError)
    rig.hsm.unlock("cold", PIN, seconds=60)
    assert 64 == len(rig.hsm.sign("vault", DIGEST).rs)
    rig.now += 60

    assert isinstance(attempt(lambda: rig.hsm.sign("vault", DIGEST)), TokenLockedError)
    assert (1, TokenState.LOCKED) == (rig.module.logins, rig.state())


def test_an_attended_token_can_open_for_one_signature(tmp_path: Path) -> None:
    """Unlocked for one order, it is locked after it."""
    rig = Rig(tmp_path, mode=UnlockMode.ATTENDED)
    rig.hsm.unlock("cold", PIN, seconds=60, signatures=1)
    rig.hsm.sign("vault", DIGEST)

    assert isinstance(attempt(lambda: rig.hsm.sign("vault", DIGEST)), TokenLockedError)


def test_a_mistyped_pin_is_the_persons_matter(tmp_path: Path) -> None:
    """A wrong PIN of an attended token is told and not remembered as the credential's is."""
    rig = Rig(tmp_path, mode=UnlockMode.ATTENDED)
    error = attempt(lambda: rig.hsm.unlock("cold", "typo", seconds=60))
    rig.hsm.unlock("cold", PIN, seconds=60)

    assert isinstance(error, PinRefusedError)
    assert TokenState.READY is rig.state()


def test_a_lost_session_locks_the_attended_token(tmp_path: Path) -> None:
    """The PIN is not stored, so what was lost stays locked until a person returns."""
    rig = Rig(tmp_path, mode=UnlockMode.ATTENDED)
    rig.hsm.unlock("cold", PIN, seconds=600)
    rig.module.faults["sign"] = [exceptions.SessionHandleInvalid()]

    assert isinstance(attempt(lambda: rig.hsm.sign("vault", DIGEST)), TokenLockedError)
    assert 1 == rig.module.logins


def test_only_the_thread_that_made_it_may_use_it(rig: Rig) -> None:
    """PKCS#11 belongs to one thread: another one is stopped before it calls the module (R3.1)."""
    caught: list[BaseException] = []

    def work() -> None:
        try:
            rig.hsm.sign("vault", DIGEST)
        except AssertionError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert 1 == len(caught)
    assert DIGEST not in rig.module.signed


def test_a_key_of_another_value_under_the_same_id_is_refused(tmp_path: Path) -> None:
    """A replaced token with the right ids and another key is not used (R3.4)."""
    rig = Rig(tmp_path)
    rig.module.keys[b"\x01"] = coincurve.PrivateKey(b"\x09" * 32)

    assert isinstance(attempt(rig.hsm.start), KeySetUpError)
