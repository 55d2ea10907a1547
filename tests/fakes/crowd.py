"""Many wallets with many assets each on one chain: a real ledger file, any chain.

crowd = Crowd(directory, chain, law=crowd_law(wallets=1000, addresses={"T1": token}))
crowd.watch()                     # one watch tick a second later
crowd.cells                       # every (wallet, asset) of the law, wallet by wallet
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.settings import ChainSettings, Finality, FinalityKind
from hsm.client import SignerClient
from hsm.errors import SignerUnavailableError
from hsm.wire.message import Answer, Body
from policies.law import Law, canonical_law, law_digest, parse_law
from policies.lifecycles import Owner, WalletState
from policies.terms import NATIVE, Address
from tests.fakes.clock import FakeClock
from tests.fakes.ledgers import fresh_ledger
from tests.laws import DEPLOYMENT, PEOPLE, address_of
from treasury.book.enrolment import enrol
from treasury.chain.port import Chain
from treasury.ledger import marks, moves
from treasury.ledger.facts import Exposure
from treasury.ledger.queries import standings
from treasury.ledger.tables import ExposureRow
from treasury.ticks import watch_tick
from treasury.world import Outcome, World

CHAIN_ID = 31337
MEMBERS = 10
"""Hot wallets of one pool."""
WHOLE = 60
"""Whole units of every asset that lie within every band."""
DECIMALS = 6


class SilentSigner(SignerClient):
    """A signer that nobody needs while everything is calm."""

    def call(self, verb: str, body: Body) -> Answer:
        raise SignerUnavailableError("the signer is away")


class Crowd:
    """Everything wired; see the module's text."""

    def __init__(self, directory: Path, chain: Chain, *, law: Law) -> None:
        self.clock = FakeClock()
        self.law = law
        self.ledger = fresh_ledger(directory)
        salts = itertools.count(1)
        self.world = World(
            ledger=self.ledger,
            chain=chain,
            signer=SilentSigner(Path("unused.sock")),
            settings=_settings(),
            deployment=DEPLOYMENT,
            draw_salt=lambda: next(salts).to_bytes(16, "big"),
        )
        self._set_up()

    @property
    def cells(self) -> list[tuple[Address, Address]]:
        """Return every wallet and asset."""
        return [(w.address, a.address) for w in self.law.wallets for a in self.law.assets]

    def watch(self) -> tuple[Outcome, ...]:
        """Run one watch tick, a second later."""
        self.clock.advance(1)
        return watch_tick(self.world, self.clock())

    def close(self) -> None:
        """Close the books."""
        self.ledger.close()

    def _set_up(self) -> None:
        """Write law, wallets and exposure as a started daemon has them."""
        now = self.clock.unix()
        with self.ledger.write() as session:
            row = ExposureRow(state="RUNNING", why="first start", who="daemon", changed_at=now)
            moves.create(session, Exposure, row, actor=Owner.DAEMON, why="start", now=now)
            digest = "0x" + law_digest(self.law).hex()
            marks.remember(session, "deployment", DEPLOYMENT.hex())
            marks.keep_law(session, digest, canonical_law(self.law).decode(), now=now)
            enrol(session, self.law, now)
            for pool in self.law.pools:
                first = standings.wallet(session, pool.active)
                assert first is not None
                active = WalletState.ACTIVE
                moves.move(session, first, active, actor=Owner.TALLY, why="first", now=now)


def crowd_law(*, wallets: int, addresses: Mapping[str, Address]) -> Law:
    """Return a law of that many hot wallets on one chain, ten to a pool.

    `addresses` tells where the tokens are by their symbols T1, T2, …
    """
    symbols, places = list(addresses), addresses
    names = [f"hot-{n}" for n in range(wallets)]
    groups = [names[first : first + MEMBERS] for first in range(0, wallets, MEMBERS)]
    document: dict[str, object] = {
        "version": 1,
        "profile": "development",
        "activation_s": 0,
        "roster": {
            "quorum": 2,
            "treasurers": [{"name": name, "address": address_of(name)} for name in PEOPLE],
        },
        "chains": {
            "devnet": {
                "id": CHAIN_ID,
                "native": "ETH",
                "fee_ceiling": "0.01 ETH",
                "tokens": {s: {"address": places[s], "decimals": DECIMALS} for s in symbols},
            }
        },
        "wallets": {
            "vault": _wallet("vault", "vault"),
            **{name: _wallet(name, "hot") for name in names},
        },
        "pools": {f"pool-{n}": _pool(group, symbols) for n, group in enumerate(groups)},
    }
    return parse_law(document)


def whole(asset: Address) -> int:
    """Return the base units of one whole unit."""
    return 10**18 if asset == NATIVE else 10**DECIMALS


def _wallet(name: str, role: str) -> dict[str, object]:
    return {
        "chain": "devnet",
        "role": role,
        "address": address_of(name),
        "key": name,
        "fate_group": f"rack-{name}",
    }


def _pool(members: Sequence[str], symbols: Sequence[str]) -> dict[str, object]:
    return {
        "chain": "devnet",
        "vault": "vault",
        "members": list(members),
        "active": members[0],
        "gas_reserve": "0.5 ETH",
        "assets": {symbol: _terms(symbol) for symbol in ("ETH", *symbols)},
    }


def _terms(symbol: str) -> dict[str, object]:
    return {
        "band": {
            "floor": f"20 {symbol}",
            "target": f"60 {symbol}",
            "cap": f"100 {symbol}",
            "minimum_move": f"1 {symbol}",
            "cooldown_s": 60,
            "fee_headroom": "1 ETH",
        },
        "refill": {
            "tiers": [{"approvals": 2, "time_lock_s": 0}],
            "expiry_s": 7200,
            "window_s": 3600,
            "schedule": "weekdays 09:00-18:00 Asia/Singapore; sat-sun 10:00-12:00 UTC",
        },
    }


def _settings() -> ChainSettings:
    return ChainSettings(
        name="devnet",
        endpoints=("http://127.0.0.1:8545",),
        finality=Finality(kind=FinalityKind.DEPTH, depth_blocks=2),
        poll_s=1,
        deadline_s=30,
        stale_after_s=60,
        resend_after_s=30,
        bump_after_s=90,
        vault_in_flight=1,
        hot_in_flight=1,
    )
