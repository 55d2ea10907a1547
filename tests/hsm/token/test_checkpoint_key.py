"""The key that signs checkpoints never signs a transaction, however it is tried."""

from __future__ import annotations

import dataclasses

import pytest

from hsm.curve import Curve
from hsm.errors import HsmError, SettingsError, SignatureRefusedError
from hsm.settings import KeyPlan, KeyPurpose, Settings, parse_settings
from hsm.token.bench import Bench
from hsm.token.pins import CredentialFiles, PinGuardFiles
from hsm.token.session import Hsm, load_module
from hsm.token.signature import PinnedKey, Signature
from hsm.transaction import build_transfer, digest_of, encode_signed, read_back, unsigned_payload
from hsm.verbs.motions import law_problems
from policies.crypto import BadSignatureError
from policies.terms import Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.softhsm import SoftHsm
from tests.fakes.vault_room import FEES, VaultRoom, order, public_key_of, real_settings
from tests.fakes.vault_room import settings_document as document_of
from tests.laws import make_law

LAW = make_law().law


def hsm_with(store: SoftHsm, settings: Settings, **changes: KeyPlan) -> Hsm:
    """Open the tokens of the settings with some keys planned otherwise."""
    credentials = CredentialFiles(
        directory=None, base=store.directory.parent, profile=settings.profile
    )
    return Hsm(
        Bench(
            module=lambda: load_module(store.module),
            tokens=settings.tokens,
            keys={**settings.keys, **changes},
            profile=settings.profile,
            pin_of=credentials.pin_of,
            pin_guard=PinGuardFiles(directory=store.directory),
            monotonic=lambda: 0.0,
        )
    )


def test_the_settings_give_it_a_curve_of_its_own(room: VaultRoom) -> None:
    """R7.8: a checkpoint key on the curve of transactions is refused, and the other way round."""
    document = document_of({"vault": "01", "hot": "02"}, bytes(range(64)))
    for key, curve in (("checkpoint", "secp256k1"), ("hot-a", "p256")):
        keys = document["keys"]
        assert isinstance(keys, dict)
        changed = {**document, "keys": {**keys, key: {**keys[key], "curve": curve}}}
        with pytest.raises(SettingsError, match="checkpoints use p256, transactions secp256k1"):
            parse_settings(changed, source="signer.toml", base=room.directory)


@pytest.mark.softhsm
def test_no_law_can_name_it(softhsm: SoftHsm) -> None:
    """R7.8: a wallet whose key is the checkpoint key is not adopted."""
    law = make_law(**{"wallets.hot-b.key": "checkpoint"}).law
    problems = law_problems(real_settings(softhsm), law)

    assert {"key_differs"} == {reason.code for reason in problems}


@pytest.mark.softhsm
def test_no_transaction_comes_of_it(softhsm: SoftHsm, clock: FakeClock) -> None:
    """R7.8: its real signature over a transaction's digest is refused, and no node would take it.

    Neither does a plan help that points a wallet's key at it: the token's key is of another curve.
    """
    settings = real_settings(softhsm)
    plan = settings.keys["checkpoint"]
    payload = unsigned_payload(build_transfer(order(LAW, clock, Purpose.SWEEP), 0, FEES))
    digest = digest_of(payload)
    signed = hsm_with(softhsm, settings).sign("checkpoint", digest)
    thief = dataclasses.replace(settings.keys["hot-a"], cka_id=plan.cka_id)

    assert (KeyPurpose.CHECKPOINT, Curve.P256) == (plan.purpose, plan.curve)
    with pytest.raises(SignatureRefusedError):
        PinnedKey(public_key_of("hot-a")).prove(digest, signed.rs)
    with pytest.raises(HsmError):
        hsm_with(softhsm, settings, **{"hot-a": thief}).sign("hot-a", digest)
    ours = {wallet.address for wallet in LAW.wallets}
    for parity in (0, 1):
        assert _sender(encode_signed(payload, Signature(signed.rs, parity))) not in ours


def _sender(raw: bytes) -> str:
    try:
        return read_back(raw).sender
    except (BadSignatureError, HsmError):
        return "nobody"
