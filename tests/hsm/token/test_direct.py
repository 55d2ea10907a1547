"""The short road to a signature: as good as the library's, and with no errors of its own."""

from __future__ import annotations

from typing import cast

import pkcs11
import pytest
from pkcs11 import ObjectClass
from pkcs11.exceptions import PKCS11Error

from hsm.curve import Curve
from hsm.token.direct import OpenKey, no_road, road_of
from hsm.token.keys import SigningKey, sign_raw
from hsm.token.provision import create_key
from hsm.token.signature import PinnedKey
from tests.fakes.softhsm import SoftHsm

pytestmark = pytest.mark.softhsm
DIGEST = bytes(range(32))
Opened = tuple[pkcs11.Session, SigningKey, PinnedKey]


@pytest.fixture
def opened(softhsm: SoftHsm) -> Opened:
    """An open session with one fresh key."""
    token = softhsm.init_token("hot")
    library = pkcs11.lib(softhsm.module)
    library.reinitialize()
    session = library.get_token(token_serial=token.serial.encode()).open(
        rw=True, user_pin=token.pin
    )
    made = create_key(session, label="hot-a", cka_id=b"\x02", curve=Curve.SECP256K1)
    key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=b"\x02")
    return session, cast("SigningKey", key), PinnedKey(made.public_key)


def test_it_signs_like_the_library(softhsm: SoftHsm, opened: Opened) -> None:
    """Both roads end in signatures of the pinned key, by turns and over any digest."""
    session, key, pinned = opened
    road = road_of(softhsm.module, cast("OpenKey", key))
    for number in range(50):
        digest = bytes([number]) * 32
        short = road(digest)
        assert short is not None
        pinned.prove(digest, short)
        pinned.prove(digest, sign_raw(key, digest))
    session.close()


def test_what_fails_is_left_to_the_library(softhsm: SoftHsm, opened: Opened) -> None:
    """After the session ended the road gives nothing, and the library names the error (R3.6)."""
    session, key, _ = opened
    road = road_of(softhsm.module, cast("OpenKey", key))
    session.close()

    assert road(DIGEST) is None
    assert no_road(key)(DIGEST) is None
    with pytest.raises(PKCS11Error):
        sign_raw(key, DIGEST)
