"""The whole belt for tests: real ledger file, real signer core, a chain in memory, a still clock.

    belt = Belt(tmp_path)                    # law adopted, vault and hot-a funded, chain mined
    belt.watch(); belt.money()               # one tick of each lane; outcomes come back
    belt.run(5)                              # five rounds: watch, money, one block, 12 s
    belt.approve(belt.only_refill(), "alice", "bob")
    belt.chain.spend(...)                    # whatever a thief does
    belt.crash_at(3)                         # the third outside call or commit from now on raises
                                             # `Crash` (a BaseException); then belt.restart()

Every outside call and every journaled commit passes the fuse, before and after, so that a test can
die at each of them in turn.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from config.settings import ChainSettings, Finality, FinalityKind
from hsm.client import SignerClient
from hsm.errors import SignerUnavailableError
from hsm.wire.answers import NotReady, Refused, SignAsk, Signed
from hsm.wire.message import FENCED, Answer, Body, encode_answer
from hsm.wire.reading import served
from policies.consent import veto_digest
from policies.crypto import recover_address
from policies.law import Law
from policies.lifecycles import ExposureState, Owner
from policies.terms import NATIVE, Address
from tests.fakes.chain import FakeChain
from tests.fakes.clock import FakeClock
from tests.fakes.ledgers import fresh_ledger
from tests.fakes.vault_room import VaultRoom
from tests.laws import ETH, address_of, make_law, sign
from treasury.chain.port import SendAnswer
from treasury.ledger import Ledger, Session, journal, marks, moves
from treasury.ledger.facts import Exposure, Refill, Standing, Transfer, Withdrawal
from treasury.ledger.queries import refills, requests, standings, transfers
from treasury.ledger.tables import ExposureRow, WithdrawalRow
from treasury.stations.adopt import adopt
from treasury.ticks import money_tick, watch_tick
from treasury.world import Outcome, World

CHAIN_ID = 31337
BLOCK_S = 12


class Crash(BaseException):
    """The process dies here."""


class Fuse:
    """Counts passages and blows at a chosen one."""

    def __init__(self) -> None:
        self.passed = 0
        self.blows_at: int | None = None
        self.trail: list[str] = []

    def reach(self, place: str) -> None:
        self.passed += 1
        self.trail.append(place)
        if self.blows_at is not None and self.passed == self.blows_at:
            raise Crash(place)


class FusedLedger(Ledger):
    """A ledger whose journaled commits pass a fuse, before and after."""

    def __init__(self, ledger: Ledger, fuse: Fuse) -> None:
        self.__dict__.update(ledger.__dict__)
        self._fuse = fuse
        self._told = 0

    def commit(self, session: Session) -> None:
        newest = journal.head(session)
        told = newest.kind if newest is not None and newest.seq > self._told else ""
        if told:
            self._fuse.reach(f"before commit of {told}")
        super().commit(session)
        if newest is not None and told:
            self._told = newest.seq
            self._fuse.reach(f"after commit of {told}")


class FusedChain(FakeChain):
    """A chain whose broadcasts pass a fuse, before and after."""

    fuse: Fuse

    def send(self, raw: bytes) -> SendAnswer:
        self.fuse.reach("before send")
        answer = super().send(raw)
        self.fuse.reach("after send")
        return answer


class RoomClient(SignerClient):
    """The daemon's client with the signer's core behind it, in this process."""

    def __init__(self, room: VaultRoom, fuse: Fuse) -> None:
        super().__init__(Path("unused.sock"))
        self.room = room
        self.fuse = fuse
        self.is_away = False
        self.calls: list[str] = []

    def sign_all(self, asks: Sequence[SignAsk]) -> Iterator[list[Signed | Refused | NotReady]]:
        for ask in asks:
            order, nonce = ask.order, ask.nonce
            yield [
                self.sign(ask.order_id, ask.fees, order=order, approvals=ask.approvals, nonce=nonce)
            ]

    def call(self, verb: str, body: Body) -> Answer:
        if self.is_away:
            raise SignerUnavailableError("the signer is away")
        self.calls.append(verb)
        if verb in _WRITES:
            self.fuse.reach(f"before {verb}")
        if self.epoch is not None and verb in FENCED:
            body = {**body, "epoch": str(self.epoch)}
        answer = self.room.call(verb, body)
        if verb in _WRITES:
            self.fuse.reach(f"after {verb}")
        return served(verb, encode_answer(answer))


_WRITES = frozenset(
    {"lodge", "sign", "bump", "cancel", "veto", "motion", "freeze", "isolate", "activate"}
)


class Belt:
    """Everything wired; see the module's text."""

    def __init__(self, directory: Path, *, law: Law | None = None, hot: int = 10 * ETH) -> None:
        self.directory = directory
        self.clock = FakeClock()
        self.fuse = Fuse()
        self.law = law or make_law().law
        self.room = VaultRoom(directory, self.clock, law=self.law)
        self.chain = FusedChain()
        self.chain.fuse = self.fuse
        self._salts = itertools.count(2**64)  # apart from those of `vault_room`
        self.resend_after_s, self.bump_after_s = 30.0, 90.0
        self.depth = 1
        self.fund("vault", 1_000 * ETH)
        self.fund("hot-a", hot)
        self.fund("hot-b", 60 * ETH)
        self.fund("sponsor", 5 * ETH)
        self.chain.mine(3)
        self._open()
        with self.ledger.write() as session:
            row = ExposureRow(state="RUNNING", why="first start", who="daemon", changed_at=0)
            now = self.clock.unix()
            moves.create(session, Exposure, row, actor=Owner.DAEMON, why="start", now=now)
        adopt(self.world, self.clock())

    # --- driving ---

    def watch(self) -> tuple[Outcome, ...]:
        """Run one tick of the watch lane."""
        return watch_tick(self.world, self.clock())

    def money(self) -> tuple[Outcome, ...]:
        """Run one tick of the money lane."""
        return money_tick(self.world, self.clock())

    def round(self, *, mines: bool = True) -> None:
        """Both lanes once, then a block and its time."""
        self.watch()
        self.money()
        if mines:
            self.chain.mine()
        self.clock.advance(BLOCK_S)

    def next_block(self) -> None:
        """Let one block and its time pass."""
        self.chain.mine()
        self.clock.advance(BLOCK_S)

    def run(self, rounds: int) -> None:
        """Several rounds."""
        for _ in range(rounds):
            self.round()

    def until(self, holds: Callable[[], bool], *, most: int = 40) -> None:
        """Run rounds until something holds; fails after `most`."""
        for _ in range(most):
            if holds():
                return
            self.round()
        raise AssertionError(f"not reached within {most} rounds")

    def crash_at(self, number: int) -> None:
        """Die at that passage of the fuse from now on."""
        self.fuse.passed = 0
        self.fuse.trail.clear()
        self.fuse.blows_at = number

    def restart(self) -> None:
        """Start both processes again over what is on disk."""
        self.fuse.blows_at = None
        self.room.reopen()
        self.ledger.close()
        self._open()

    # --- what people do ---

    def fund(self, name: str, amount: int, asset: Address = NATIVE) -> None:
        """Give coins to a wallet by its name."""
        self.chain.fund(address_of(name), amount, asset)

    def approve(self, refill: Refill | Withdrawal, *people: str) -> None:
        """Hand in approvals, as the API does after it verified them."""
        digest = refill.order_id or ""
        for name in people:
            signature = sign(name, bytes.fromhex(digest[2:]))
            with self.ledger.write() as session:
                marks.receive_signature(
                    session,
                    "approval",
                    digest=digest,
                    treasurer=recover_address(bytes.fromhex(digest[2:]), signature),
                    signature=signature,
                    now=self.clock.unix(),
                )

    def veto(self, found: Withdrawal, name: str) -> None:
        """Hand in a veto, as the API does after it verified it."""
        digest = found.order_id or ""
        raw = bytes.fromhex(digest[2:])
        with self.ledger.write() as session:
            marks.receive_signature(
                session,
                "veto",
                digest=digest,
                treasurer=address_of(name),
                signature=sign(name, veto_digest(raw, self.world.deployment)),
                now=self.clock.unix(),
            )

    def ask_withdrawal(
        self, amount: int, to: str, *, key: str = "key-1", asset: Address = NATIVE
    ) -> Withdrawal:
        """Ask for a payout, as the API does."""
        now = self.clock.unix()
        row = WithdrawalRow(
            idempotency_key=key,
            body_digest="0x00",
            chain_id=CHAIN_ID,
            pool="main",
            destination=address_of(to),
            asset=asset,
            amount=amount,
            state="ACCEPTED",
            created_at=now,
            changed_at=now,
            reasons=[],
        )
        with self.ledger.write() as session:
            return moves.create(session, Withdrawal, row, actor=Owner.API, why="asked", now=now)

    def approvers(self, refill: Refill) -> set[Address]:
        """Return who approved a refill so far."""
        with self.ledger.read() as session:
            return {a.treasurer for a in refills.approvals(session, refill.order_id)}

    def settle_one(self) -> Refill:
        """Take one refill all the way; return it as it ended."""
        self.watch()
        refill = self.only_refill()
        self.approve(refill, "alice", "bob")
        self.until(lambda: not self.open_refills() and not self.open_transfers())
        return self.refill(refill.id)

    # --- looking ---

    def refills(self) -> list[Refill]:
        """Return all refills, oldest first."""
        from policies.lifecycles import RefillState

        with self.ledger.read() as session:
            return list(refills.in_states(session, CHAIN_ID, *RefillState))

    def open_refills(self) -> list[Refill]:
        """Return refills that may still move money."""
        with self.ledger.read() as session:
            return list(refills.open_ones(session, CHAIN_ID))

    def open_transfers(self) -> list[Transfer]:
        """Return transfers that are not over."""
        with self.ledger.read() as session:
            return list(transfers.open_ones(session, CHAIN_ID))

    def only_refill(self) -> Refill:
        """Return the one refill there is."""
        found = self.refills()
        assert len(found) == 1, found
        return found[0]

    def refill(self, refill_id: int) -> Refill:
        """Return a refill as it is now."""
        with self.ledger.read() as session:
            found = refills.refill(session, refill_id)
        assert found is not None
        return found

    def transfers(self) -> list[Transfer]:
        """Return all transfers, by nonce."""
        from policies.lifecycles import TransferState

        with self.ledger.read() as session:
            return list(transfers.in_states(session, CHAIN_ID, *TransferState))

    def transfer_of(self, purpose: str) -> Transfer:
        """Return the one transfer of a purpose."""
        (found,) = (t for t in self.transfers() if t.purpose.value == purpose)
        return found

    def withdrawal(self, withdrawal_id: int) -> Withdrawal:
        """Return a withdrawal as it is now."""
        with self.ledger.read() as session:
            found = requests.withdrawal(session, withdrawal_id)
        assert found is not None
        return found

    def withdrawal_under(self, key: str) -> Withdrawal | None:
        """Return the withdrawal that was asked for under a key."""
        with self.ledger.read() as session:
            return requests.by_key(session, key)

    def standing(self, name: str) -> Standing:
        """Return how a wallet stands."""
        with self.ledger.read() as session:
            found = standings.wallet(session, name)
        assert found is not None
        return found

    def is_halted(self) -> bool:
        """Say whether exposure is halted."""
        with self.ledger.read() as session:
            found = standings.exposure(session)
        return found is None or found.state is ExposureState.HALTED

    def paid(self, source: str, destination: Address) -> int:
        """Return how many mined transactions of the present chain went that way."""
        return sum(
            1
            for block in self.chain._blocks  # the fake's own truth, not what the stations see
            for transaction in block.transactions
            if transaction.sender == address_of(source) and transaction.payee == destination
        )

    def _open(self) -> None:
        self.ledger = FusedLedger(fresh_ledger(self.directory), self.fuse)
        self.signer = RoomClient(self.room, self.fuse)
        self.world = World(
            ledger=self.ledger,
            chain=self.chain,
            signer=self.signer,
            settings=ChainSettings(
                name="devnet",
                endpoints=("http://127.0.0.1:8545",),
                finality=Finality(kind=FinalityKind.DEPTH, depth_blocks=2),
                poll_s=1,
                deadline_s=5,
                stale_after_s=60,
                resend_after_s=self.resend_after_s,
                bump_after_s=self.bump_after_s,
                vault_in_flight=self.depth,
                hot_in_flight=self.depth,
            ),
            deployment=self.room.book.deployment,
            draw_salt=lambda: next(self._salts).to_bytes(15, "big") + b"\0",
        )
