"""A desk with real tokens and a real book, and sweeps for it that were never asked before."""

from __future__ import annotations

import time

from hsm.process.desk import Desk
from hsm.server import bench_of
from hsm.token.keys import SigningKey
from hsm.token.session import Hsm
from hsm.wire.message import Request
from policies.terms import Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.softhsm import SoftHsm
from tests.fakes.vault_room import VaultRoom, real_settings
from tests.laws import make_law

KEY = "hot-a"
_WIDE = {
    "pools.main.assets.ETH.withdrawal.window_count": 10**6,
    "chains.devnet.fee_ceiling": "0.1 ETH",
}


class SigningRig:
    """Real tokens and a real book on this machine's disk, under a law with room for a million."""

    def __init__(self, store: SoftHsm, clock: FakeClock) -> None:
        settings = real_settings(store)
        self.room = VaultRoom(settings.base, clock, law=make_law(**_WIDE).law)
        self.room.book.lay_out_log()
        self.hsm = Hsm(bench_of(settings, {}, time.monotonic))
        self.hsm.start()
        self.desk = Desk(book=self.room.book, tokens=self.hsm, settings=settings, clock=clock.unix)
        self.terms = self.room.order(Purpose.SWEEP)
        self._amount = 0

    @property
    def handle(self) -> SigningKey:
        """Return the PKCS#11 library's handle of the key."""
        return self.hsm._slots["hot"].keys[KEY].handle

    def request(self) -> Request:
        """Return a request for a sweep that was never asked before."""
        self._amount += 1
        terms = self.room.order(Purpose.SWEEP, amount=self._amount, max_fee=10**14)
        return Request(verb="sign", body=self.room.sign_body(terms))

    def close(self) -> None:
        """Close tokens and book."""
        self.hsm.close()
        self.room.close()
