"""The same rules against a real PKCS#11 module: SoftHSM, fresh for every test."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, ObjectClass

from hsm.curve import Curve
from hsm.errors import HsmError, KeySetUpError, PinRefusedError, TokenAwayError
from hsm.settings import KeyPlan, KeyPurpose, TokenPlan, UnlockMode
from hsm.token.bench import Bench, TokenState
from hsm.token.pins import CredentialFiles, PinGuardFiles
from hsm.token.provision import (
    MadeKey,
    create_key,
    import_key,
    list_keys,
    open_for_ceremony,
    read_key,
)
from hsm.token.session import Hsm, load_module
from policies.law import Profile
from tests.fakes.softhsm import SO_PIN, SoftHsm, Token
from tests.laws import key_of

pytestmark = pytest.mark.softhsm
DIGEST = bytes(range(32))


def plan_of(token: Token) -> TokenPlan:
    """Return the plan of a soft token."""
    return TokenPlan(
        name=token.label,
        serial=token.serial,
        label=token.label,
        mode=UnlockMode.CREDENTIAL,
        pin_credential=f"./{token.pin_file.name}",
    )


def make_hsm(
    store: SoftHsm,
    tokens: Mapping[str, Token],
    keys: Mapping[str, KeyPlan],
    *,
    now: list[float],
) -> Hsm:
    """Return an `Hsm` over real tokens whose clock is `now[0]`."""
    credentials = CredentialFiles(directory=None, base=store.directory, profile=Profile.DEVELOPMENT)
    return Hsm(
        Bench(
            module=lambda: load_module(store.module),
            tokens={name: plan_of(token) for name, token in tokens.items()},
            keys=keys,
            profile=Profile.DEVELOPMENT,
            pin_of=credentials.pin_of,
            pin_guard=PinGuardFiles(directory=store.directory),
            monotonic=lambda: now[0],
        )
    )


def make_key(store: SoftHsm, token: Token, name: str, cka_id: bytes = b"\x01") -> KeyPlan:
    """Make a key in a token and return its plan."""
    session = open_for_ceremony(store.module, token.serial, token.pin)
    made = create_key(session, label=name, cka_id=cka_id, curve=Curve.SECP256K1)
    session.close()
    return KeyPlan(
        name=name,
        token=token.label,
        cka_id=cka_id,
        public_key=made.public_key,
        curve=Curve.SECP256K1,
        purpose=KeyPurpose.TRANSACTION,
        imported=False,
        waived_attributes=frozenset(),
    )


def test_a_key_made_here_passes_the_self_test(softhsm: SoftHsm) -> None:
    """A key of the ceremony is local, sensitive, not extractable, and signs (R1.1, R3.4)."""
    token = softhsm.init_token("cold")
    key = make_key(softhsm, token, "vault")
    hsm = make_hsm(softhsm, {"cold": token}, {"vault": key}, now=[0.0])
    hsm.start()

    assert 64 == len(hsm.sign("vault", DIGEST).rs)
    assert any("SoftHSM" in waiver for waiver in hsm.waivers())
    hsm.close()


def test_the_ceremony_never_overwrites_a_key(softhsm: SoftHsm) -> None:
    """An id that is taken is refused; nothing changes in the token."""
    token = softhsm.init_token("cold")
    make_key(softhsm, token, "vault")
    session = open_for_ceremony(softhsm.module, token.serial, token.pin)
    before = read_key(session, cka_id=b"\x01", curve=Curve.SECP256K1)
    with pytest.raises(KeySetUpError, match="exists"):
        create_key(session, label="again", cka_id=b"\x01", curve=Curve.SECP256K1)

    assert before == read_key(session, cka_id=b"\x01", curve=Curve.SECP256K1)
    assert [("vault", b"\x01")] == list(list_keys(session))
    session.close()


def test_the_private_key_cannot_be_read(softhsm: SoftHsm) -> None:
    """The token refuses to hand out the key's value."""
    token = softhsm.init_token("cold")
    make_key(softhsm, token, "vault")
    session = open_for_ceremony(softhsm.module, token.serial, token.pin)
    private = session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=b"\x01")
    with pytest.raises(pkcs11.exceptions.PKCS11Error):
        private[Attribute.VALUE]
    session.close()


def key_plan_of(made: MadeKey) -> KeyPlan:
    """Return the plan that pins a made key and waives nothing."""
    return KeyPlan(
        name="vault",
        token="cold",
        cka_id=b"\x01",
        public_key=made.public_key,
        curve=Curve.SECP256K1,
        purpose=KeyPurpose.TRANSACTION,
        imported=False,
        waived_attributes=frozenset(),
    )


def test_an_imported_key_is_refused_without_its_waiver(softhsm: SoftHsm) -> None:
    """A key born outside the token is not accepted as one of ours (R1.1, R3.15)."""
    token = softhsm.init_token("cold")
    session = open_for_ceremony(softhsm.module, token.serial, token.pin)
    made = import_key(session, label="vault", cka_id=b"\x01", private_key=key_of("vault").secret)
    session.close()
    hsm = make_hsm(softhsm, {"cold": token}, {"vault": key_plan_of(made)}, now=[0.0])

    with pytest.raises(KeySetUpError, match="LOCAL"):
        hsm.start()
    hsm.close()


def test_an_extractable_key_is_refused(softhsm: SoftHsm) -> None:
    """A key that could leave the token is not accepted (R1.1, R3.15)."""
    token = softhsm.init_token("cold")
    session = open_for_ceremony(softhsm.module, token.serial, token.pin)
    domain = session.create_domain_parameters(
        pkcs11.KeyType.EC,
        {Attribute.EC_PARAMS: bytes.fromhex("06052b8104000a")},
        local=True,
    )
    domain.generate_keypair(
        id=b"\x01",
        store=True,
        mechanism=pkcs11.Mechanism.EC_KEY_PAIR_GEN,
        private_template={Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: False},
    )
    made = read_key(session, cka_id=b"\x01", curve=Curve.SECP256K1)
    session.close()
    hsm = make_hsm(softhsm, {"cold": token}, {"vault": key_plan_of(made)}, now=[0.0])

    with pytest.raises(KeySetUpError, match="EXTRACTABLE"):
        hsm.start()
    hsm.close()


def test_a_token_taken_away_is_degraded_and_comes_back(softhsm: SoftHsm) -> None:
    """Away while signing: degraded, nothing signed; back again: well by itself (R3.8)."""
    token, now = softhsm.init_token("cold"), [0.0]
    hsm = make_hsm(softhsm, {"cold": token}, {"vault": make_key(softhsm, token, "vault")}, now=now)
    hsm.start()
    softhsm.take_away()
    with pytest.raises(TokenAwayError):
        hsm.sign("vault", DIGEST)
    away = hsm.state_of("cold")
    softhsm.bring_back()
    now[0] += 5
    hsm.tend()

    assert (TokenState.DEGRADED, TokenState.READY) == (away, hsm.state_of("cold"))
    assert 64 == len(hsm.sign("vault", DIGEST).rs)
    hsm.close()


def test_a_token_taken_away_is_noticed_without_a_request(softhsm: SoftHsm) -> None:
    """The tending loop finds out by itself (R3.8)."""
    token, now = softhsm.init_token("cold"), [0.0]
    hsm = make_hsm(softhsm, {"cold": token}, {"vault": make_key(softhsm, token, "vault")}, now=now)
    hsm.start()
    softhsm.take_away()
    hsm.tend()

    assert TokenState.DEGRADED is hsm.state_of("cold")
    softhsm.bring_back()
    hsm.close()


def test_one_that_comes_back_leaves_no_other_locked(
    softhsm: SoftHsm, caplog: pytest.LogCaptureFixture
) -> None:
    """The way back closes every session of the process; each token opens again by itself (R3.8)."""
    tokens, now = {name: softhsm.init_token(name) for name in ("cold", "hot")}, [0.0]
    keys = {name: make_key(softhsm, token, name) for name, token in tokens.items()}
    hsm = make_hsm(softhsm, tokens, keys, now=now)
    hsm.start()
    caplog.set_level("INFO", "hsm")
    tail = tokens["hot"].serial[-12:]
    (folder,) = (f for f in softhsm.directory.rglob("*") if f.is_dir() and f.name.endswith(tail))
    away = folder.rename(softhsm.directory.parent / "away")
    hsm.tend()
    states = [hsm.state_of(name) for name in tokens]
    away.rename(folder)
    for now[0] in (5, 10):
        hsm.tend()

    assert [TokenState.READY, TokenState.DEGRADED] == states
    assert [TokenState.READY] * 2 == [hsm.state_of(name) for name in tokens]
    assert ["token hot is away (its keys cannot be found): it is tried again by itself"] == [
        line for line in caplog.messages if "away" in line
    ]
    assert "token hot answers again" in caplog.messages
    hsm.close()


def test_a_session_lost_under_us_is_mended(softhsm: SoftHsm) -> None:
    """After the module was initialised anew behind our back the next signature still comes."""
    token = softhsm.init_token("cold")
    hsm = make_hsm(
        softhsm, {"cold": token}, {"vault": make_key(softhsm, token, "vault")}, now=[0.0]
    )
    hsm.start()
    pkcs11.lib(softhsm.module).reinitialize()

    assert 64 == len(hsm.sign("vault", DIGEST).rs)
    hsm.close()


def test_a_wrong_pin_stops_for_good(softhsm: SoftHsm) -> None:
    """The real token refuses once; the file keeps the next start from trying (R3.7)."""
    token = softhsm.init_token("cold")
    key = make_key(softhsm, token, "vault")
    token.pin_file.write_text("a-wrong-pin\n")
    for _ in range(2):
        hsm = make_hsm(softhsm, {"cold": token}, {"vault": key}, now=[0.0])
        with pytest.raises(PinRefusedError):
            hsm.start()
        hsm.close()

    assert (softhsm.directory / "pin-refused.cold").exists()


def test_a_missing_key_is_never_made(softhsm: SoftHsm) -> None:
    """No key under the pinned id: refused, and the token holds what it held."""
    token = softhsm.init_token("cold")
    key = make_key(softhsm, token, "vault", cka_id=b"\x01")
    missing = KeyPlan(
        **{
            **{name: getattr(key, name) for name in KeyPlan.__slots__},
            "cka_id": b"\x02",
        }
    )
    hsm = make_hsm(softhsm, {"cold": token}, {"vault": missing}, now=[0.0])
    with pytest.raises(HsmError):
        hsm.start()
    hsm.close()
    session = open_for_ceremony(softhsm.module, token.serial, token.pin)

    assert [("vault", b"\x01")] == list(list_keys(session))
    session.close()


def test_another_token_under_the_same_label_is_not_used(softhsm: SoftHsm) -> None:
    """Tokens are known by serial: a copy of the label opens nothing."""
    token, twin = softhsm.init_token("cold"), softhsm.init_token("cold")
    key = make_key(softhsm, token, "vault")
    make_key(softhsm, twin, "vault")
    hsm = make_hsm(softhsm, {"cold": twin}, {"vault": key}, now=[0.0])

    with pytest.raises(KeySetUpError, match="not the pinned one"):
        hsm.start()
    hsm.close()


def test_a_real_tokens_signatures_are_low_s_and_proved(softhsm: SoftHsm) -> None:
    """Half of a real token's signatures are high-s; all that leave are low and proved (R3.2)."""
    token = softhsm.init_token("cold")
    hsm = make_hsm(
        softhsm, {"cold": token}, {"vault": make_key(softhsm, token, "vault")}, now=[0.0]
    )
    hsm.start()
    found = [hsm.sign("vault", os.urandom(32)) for _ in range(500)]
    hsm.close()

    assert all(signature.rs[32] < 0x80 for signature in found)
    assert {0, 1} == {signature.parity for signature in found}


def test_no_pin_in_the_process_environment(softhsm: SoftHsm) -> None:
    """Neither PIN nor SO PIN stands in the environment (R3.13)."""
    softhsm.init_token("cold")
    environment = Path("/proc/self/environ").read_bytes()

    assert SO_PIN.encode() not in environment
    assert b"4711-marker-pin" not in environment
