"""Several chains, two pools on each, four assets in each pool: one ledger, one signer, no socket.

wide = Wide(directory, chains=3, seed=7)
wide.round(60)            # a tick of both lanes of every chain, a block each, a minute
wide.traffic()            # customers ask, strangers deposit, treasurers approve
wide.settle()             # no more traffic, until nothing is open
wide.differences()        # (wallet, asset, by our books, on the chain) where they differ
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from config.settings import ChainSettings, Finality, FinalityKind
from hsm.settings import Settings, parse_settings
from policies.crypto import recover_address
from policies.law import Asset, Law, Pool, Role, parse_law
from policies.lifecycles import Owner, RefillState, TransferState, WithdrawalState
from policies.terms import Address, Stamp
from tests.fakes.belt import Fuse, RoomClient
from tests.fakes.chain import FakeChain, token_as
from tests.fakes.clock import FakeClock
from tests.fakes.ledgers import fresh_ledger
from tests.fakes.vault_room import SoftTokens, VaultRoom, public_key_of
from tests.laws import PEOPLE, address_of, sign
from treasury.ledger import marks, moves
from treasury.ledger.facts import Exposure, Transfer, Withdrawal
from treasury.ledger.queries import refills, requests, transfers, watch
from treasury.ledger.tables import ExposureRow, WithdrawalRow
from treasury.stations.adopt import adopt
from treasury.ticks import money_tick, watch_tick
from treasury.world import World

POOLS = ("p", "q")
MEMBERS = ("1", "2")
TOKENS = {"USDC": 6, "GOLD": 0, "RAY": 27}
"""Symbol and decimals; with the native coin four assets."""
_FIRST_ID = 31_337
_KEPT_BLOCKS = 40
_MOVED = (TransferState.CONFIRMED,)


class ShortChain(FakeChain):
    """A chain in memory that forgets old states, as a node that is no archive does."""

    def mine(self, count: int = 1) -> Stamp:
        stamp = super().mine(count)
        for place in range(max(0, len(self._blocks) - 2 * _KEPT_BLOCKS), len(self._blocks)):
            if place < len(self._blocks) - _KEPT_BLOCKS and self._blocks[place].receipts:
                self._blocks[place] = replace(self._blocks[place], receipts={}, transactions=())
            if place < len(self._blocks) - _KEPT_BLOCKS:
                self._blocks[place] = replace(self._blocks[place], state=self._blocks[0].state)
        return stamp


class WideRoom(VaultRoom):
    """A vault room with a key for every wallet of a law."""

    def __init__(self, directory: Path, clock: FakeClock, law: Law) -> None:
        self.directory, self.clock, self.law = directory, clock, law
        self.tokens = SoftTokens()
        self.settings = _settings(directory, law)
        self._book = None
        self.reopen()
        answer = self.adopt(law)
        assert not answer.reasons, answer.reasons


class Wide:
    """Everything wired; see the module's text."""

    hot_in_flight = 4

    def __init__(
        self, directory: Path, *, chains: int = 1, seed: int = 1, law: Law | None = None
    ) -> None:
        self.lots = random.Random(seed)
        self.clock = FakeClock()
        self.law = law or wide_law(chains)
        self.room = WideRoom(directory, self.clock, self.law)
        self.ledger = fresh_ledger(directory)
        self.deposits: Counter[tuple[int, Address, Address]] = Counter()
        self.asked = 0
        self._salts = itertools.count(1)
        self.chains = {c.chain_id: ShortChain(chain_id=c.chain_id) for c in self.law.chains}
        for asset in self.law.assets:
            if not asset.is_native:
                chain = self.chains[self._id_of(asset)]
                fact = token_as(asset.address, asset.symbol, asset.decimals)
                chain.tokens[asset.address] = fact
        self.fund_all()
        self.worlds = {chain_id: self._world(chain) for chain_id, chain in self.chains.items()}
        with self.ledger.write() as session:
            row = ExposureRow(state="RUNNING", why="first start", who="daemon", changed_at=0)
            now = self.clock.unix()
            moves.create(session, Exposure, row, actor=Owner.DAEMON, why="start", now=now)
        for world in self.worlds.values():
            adopt(world, self.clock())

    # --- driving ---

    def round(self, seconds: int) -> None:
        """Tick both lanes of every chain, mine a block on each, and let time pass."""
        for chain_id, world in self.worlds.items():
            watch_tick(world, self.clock())
            money_tick(world, self.clock())
            self.chains[chain_id].mine()
        self.clock.advance(seconds)

    def traffic(self) -> None:
        """Let customers ask and strangers deposit at random, and treasurers approve."""
        for pool in self.law.pools:
            if self.lots.random() < 0.5:
                self.ask(pool)
            if self.lots.random() < 0.1:
                self._deposit(pool)
        for chain in self.chains.values():
            chain.base_fee = self.lots.randrange(1, 30) * 10**9
        if self.lots.random() < 0.5:
            self.approve()

    def settle(self, *, most: int = 60) -> None:
        """Go on without new traffic until nothing is open any more."""
        for _ in range(most):
            self.approve()
            self.round(60)
            if not self.open_things():
                return
        raise AssertionError(f"still open: {self.open_things()}")

    # --- looking ---

    def differences(self) -> list[tuple[str, str, int, int, int | None]]:
        """Return every wallet and asset of which books, chain and observation do not agree."""
        found = []
        for wallet, asset, chain_id in self._cells():
            booked = self._booked(chain_id, wallet, asset)
            true = self.chains[chain_id].balance(wallet, asset.address)
            seen = self._seen(chain_id, wallet, asset)
            if not booked == true == seen:
                name = self.law.wallet_at(chain_id, wallet)
                found.append((name.name if name else wallet, asset.symbol, booked, true, seen))
        return found

    def transfers(self, chain_id: int) -> tuple[Transfer, ...]:
        """Return all transfers of a chain."""
        with self.ledger.read() as session:
            return transfers.in_states(session, chain_id, *TransferState)

    def open_transfers(self, chain_id: int) -> tuple[Transfer, ...]:
        """Return the transfers of a chain that are not over."""
        with self.ledger.read() as session:
            return transfers.open_ones(session, chain_id)

    def withdrawals(self) -> list[Withdrawal]:
        """Return all withdrawals of all chains."""
        with self.ledger.read() as session:
            return [
                found
                for chain_id in self.chains
                for found in requests.withdrawals_in(session, chain_id, *WithdrawalState)
            ]

    def close(self) -> None:
        """Close the books."""
        self.ledger.close()
        self.room.close()

    # --- inside ---

    def _id_of(self, asset: Asset) -> int:
        chain = self.law.chain(asset.chain)
        assert chain is not None
        return chain.chain_id

    def fund_all(self) -> None:
        """Give every wallet what it begins with."""
        for wallet, asset, chain_id in self._cells():
            found = self.law.wallet_at(chain_id, wallet)
            assert found is not None
            unit = 10**asset.decimals
            whole = {Role.VAULT: 100_000, Role.GAS_SPONSOR: 100}.get(found.role, 0)
            if found.role is Role.HOT:
                whole = self.lots.randrange(8, 130)
            if found.role is Role.GAS_SPONSOR and not asset.is_native:
                continue
            self.give(chain_id, wallet, asset, whole * unit)
        for chain in self.chains.values():
            chain.mine(3)

    def give(self, chain_id: int, wallet: Address, asset: Asset, amount: int) -> None:
        self.chains[chain_id].fund(wallet, amount, asset.address)
        self.deposits[chain_id, wallet, asset.address] += amount

    def _cells(self) -> Iterator[tuple[Address, Asset, int]]:
        for wallet in self.law.wallets:
            for asset in self.law.assets:
                if asset.chain == wallet.chain:
                    yield wallet.address, asset, self._id_of(asset)

    def _booked(self, chain_id: int, wallet: Address, asset: Asset) -> int:
        total = self.deposits[chain_id, wallet, asset.address]
        for transfer in self.transfers(chain_id):
            if transfer.source == wallet and asset.is_native:
                total -= transfer.settled_fee or 0
            if transfer.asset != asset.address or transfer.state not in _MOVED:
                continue
            total -= transfer.amount if transfer.source == wallet else 0
            total += transfer.amount if transfer.destination == wallet else 0
        return total

    def _seen(self, chain_id: int, wallet: Address, asset: Asset) -> int | None:
        with self.ledger.read() as session:
            found = watch.newest(session, chain_id)
        return None if found is None else found[2].balance(wallet, asset.address)

    def ask(self, pool: Pool) -> None:
        """Let a customer ask for a payout of some asset of a pool."""
        asset = self.law.asset(pool.chain, self.lots.choice(list(pool.withdrawals)))
        assert asset is not None
        amount = max(1, self.lots.randrange(1, 4 * 10 ** (asset.decimals + 1)) // 10)
        self.ask_for(pool, asset, address_of(f"customer {self.lots.randrange(40)}"), amount)

    def ask_for(self, pool: Pool, asset: Asset, customer: Address, amount: int) -> Withdrawal:
        """Ask for one payout, as the API does."""
        self.asked += 1
        now = self.clock.unix()
        row = WithdrawalRow(
            idempotency_key=f"key-{self.asked}",
            body_digest="0x00",
            chain_id=self._id_of(asset),
            pool=pool.name,
            destination=customer,
            asset=asset.address,
            amount=amount,
            state="ACCEPTED",
            created_at=now,
            changed_at=now,
            reasons=[],
        )
        with self.ledger.write() as session:
            return moves.create(session, Withdrawal, row, actor=Owner.API, why="asked", now=now)

    def _deposit(self, pool: Pool) -> None:
        wallet = self.law.wallet(self.lots.choice(pool.members))
        asset = self.law.asset(pool.chain, self.lots.choice(list(pool.bands)))
        assert wallet is not None
        assert asset is not None
        amount = self.lots.randrange(1, 25 * 10**asset.decimals)
        self.give(self._id_of(asset), wallet.address, asset, amount)

    def approve(self, *, after_s: int = 0) -> None:
        """Let two treasurers approve what waits for longer than that."""
        for chain_id in self.chains:
            with self.ledger.read() as session:
                waiting = refills.in_states(session, chain_id, RefillState.PROPOSED)
                held = requests.withdrawals_in(session, chain_id, WithdrawalState.HELD)
            ripe = [r.order_id for r in waiting if self.clock.unix() - r.proposed_at >= after_s]
            asked = [w for w in held if self.clock.unix() - w.created_at >= after_s]
            for order_id in (*ripe, *(w.order_id for w in asked if w.order_id)):
                for person in PEOPLE[:2]:
                    self._sign(person, order_id)

    def _sign(self, person: str, order_id: str) -> None:
        digest = bytes.fromhex(order_id[2:])
        signature = sign(person, digest)
        with self.ledger.write() as session:
            known = {a.treasurer for a in refills.approvals(session, order_id)}
            if address_of(person) in known:
                return
            marks.receive_signature(
                session,
                "approval",
                digest=order_id,
                treasurer=recover_address(digest, signature),
                signature=signature,
                now=self.clock.unix(),
            )

    def open_things(self) -> list[str]:
        """Return what is not over yet, for people."""
        found = []
        with self.ledger.read() as session:
            for chain_id in self.chains:
                found += [f"transfer {t.id}" for t in transfers.open_ones(session, chain_id)]
                found += [f"refill {r.id}" for r in refills.open_ones(session, chain_id)]
                waiting = requests.withdrawals_in(
                    session,
                    chain_id,
                    WithdrawalState.ACCEPTED,
                    WithdrawalState.HELD,
                    WithdrawalState.QUEUED,
                )
                found += [f"withdrawal {w.id} {w.reasons}" for w in waiting]
        return found

    def _world(self, chain: FakeChain) -> World:
        name = self.law.chain_by_id(chain.chain_id)
        assert name is not None
        return World(
            ledger=self.ledger,
            chain=chain,
            signer=RoomClient(self.room, Fuse()),
            settings=ChainSettings(
                name=name.name,
                endpoints=("http://127.0.0.1:8545",),
                finality=Finality(kind=FinalityKind.DEPTH, depth_blocks=2),
                poll_s=1,
                deadline_s=5,
                stale_after_s=120,
                resend_after_s=120,
                bump_after_s=240,
                vault_in_flight=1,
                hot_in_flight=self.hot_in_flight,
            ),
            deployment=self.room.book.deployment,
            draw_salt=lambda: next(self._salts).to_bytes(15, "big") + b"\0",
        )


def wide_law(chains: int) -> Law:
    """Return a law of that many chains, with two pools of four assets on each."""
    names = [f"net{n}" for n in range(chains)]
    document: dict[str, object] = {
        "version": 1,
        "profile": "development",
        "activation_s": 0,
        "roster": {
            "quorum": 2,
            "treasurers": [{"name": name, "address": address_of(name)} for name in PEOPLE],
        },
        "chains": {name: _chain(name, _FIRST_ID + n) for n, name in enumerate(names)},
        "wallets": {w: table for name in names for w, table in _wallets(name)},
        "pools": {f"{name}-{p}": _pool(name, p) for name in names for p in POOLS},
    }
    return parse_law(document)


def _chain(name: str, chain_id: int) -> dict[str, object]:
    return {
        "id": chain_id,
        "native": "ETH",
        "fee_ceiling": "0.02 ETH",
        "tokens": {
            symbol: {"address": address_of(f"{name} {symbol}"), "decimals": decimals}
            for symbol, decimals in TOKENS.items()
        },
        "top_up": {
            "sponsor": f"{name}-sponsor",
            "ceiling": "0.5 ETH",
            "window_s": 3600,
            "window_amount": "20 ETH",
        },
    }


def _wallets(name: str) -> Iterator[tuple[str, dict[str, object]]]:
    hot = [f"{name}-{p}{m}" for p in POOLS for m in MEMBERS]
    roles = [(f"{name}-vault", "vault"), (f"{name}-sponsor", "gas_sponsor")]
    for wallet, role in [*roles, *((h, "hot") for h in hot)]:
        yield (
            wallet,
            {
                "chain": name,
                "role": role,
                "address": address_of(wallet),
                "key": wallet,
                "fate_group": f"rack-{wallet}",
            },
        )


def _pool(name: str, pool: str) -> dict[str, object]:
    return {
        "chain": name,
        "vault": f"{name}-vault",
        "members": [f"{name}-{pool}{m}" for m in MEMBERS],
        "active": f"{name}-{pool}1",
        "gas_reserve": "0.5 ETH",
        "assets": {symbol: _terms(symbol) for symbol in ("ETH", *TOKENS)},
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
        },
        "withdrawal": {
            "per_transfer": f"5 {symbol}",
            "window_s": 3600,
            "window_amount": f"5000 {symbol}",
            "window_count": 5000,
            "first_use_amount": f"5000 {symbol}",
        },
    }


def _settings(base: Path, law: Law) -> Settings:
    keys = {
        wallet.key: {
            "token": "vault" if wallet.role is Role.VAULT else "hot",
            "cka_id": f"{number:02x}",
            "public_key": public_key_of(wallet.key).hex(),
            "imported": True,
        }
        for number, wallet in enumerate(law.wallets, start=1)
    }
    serials = {"vault": "01", "hot": "02"}
    document = {
        "module": "/usr/lib/softhsm/libsofthsm2.so",
        "book": "book.sqlite3",
        "profile": "development",
        "sockets": {"signer": "signer.sock", "people": "people.sock"},
        "tokens": {
            name: {"serial": serial, "pin_credential": f"./softhsm/{name}.pin"}
            for name, serial in serials.items()
        },
        "keys": keys,
    }
    return parse_settings(document, source="signer.toml", base=base)
