"""What people and services do: approve, veto, dawdle, ask for payouts twice, halt, resume.

Everything goes through the functions behind the daemon's sockets, or to the signer's people door.
Each person remembers what was signed, so that a run can be judged without believing either book.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from fastapi import Response

from hsm.wire.fields import to_hex
from hsm.wire.message import Body, Result
from policies.consent import (
    describe_motion,
    describe_transfer,
    motion_digest,
    motion_to_json,
    payload_digest,
    terms_to_json,
    transfer_digest,
    veto_digest,
)
from policies.law import law_digest
from policies.lifecycles import IncidentState, MotionState, RefillState, WithdrawalState
from policies.terms import NATIVE, MotionKind, MotionTerms, Purpose, TransferTerms
from tests.laws import ETH, PEOPLE, address_of, sign
from tests.simulation.dice import Crash
from tests.simulation.world import CHAIN_ID, SimulatedWorld
from treasury.api import motions as motions_api
from treasury.api import refills as refills_api
from treasury.api import withdrawals as withdrawals_api
from treasury.api.errors import ApiError
from treasury.api.models import Halt, MotionProposal, RefillProposal, Signed, WithdrawalRequest
from treasury.api.scopes import EVERYWHERE
from treasury.ledger.facts import Refill, Withdrawal
from treasury.ledger.queries import refills, requests, standings


class People:
    """Treasurers, operators and a paying service; what they did is kept as truth."""

    def __init__(self, world: SimulatedWorld) -> None:
        """Begin with nothing asked and nothing signed."""
        self.world = world
        self.dice = world.dice
        self.approved: dict[str, dict[str, int]] = defaultdict(dict)
        self.vetoed: dict[str, set[str]] = defaultdict(set)
        self.payouts: dict[str, WithdrawalRequest] = {}
        self._motions = 0
        self._asked: set[str] = set()

    # --- treasurers ---

    def approve_something(self) -> None:
        """Let one person approve one thing that waits for it, perhaps twice."""
        waiting = self._waiting()
        if waiting:
            self.approve(self.dice.pick(waiting), self.dice.pick(PEOPLE))

    def approve_everything(self) -> None:
        """Let every person approve everything that waits."""
        for thing in self._waiting():
            for name in PEOPLE:
                self.approve(thing, name)

    def approve(self, thing: Refill | Withdrawal, name: str) -> None:
        """Let one person approve one thing."""
        order_id = thing.order_id or ""
        signature = sign(name, bytes.fromhex(order_id[2:]))
        if name in self.approved[order_id]:
            self.dice.seen["approved_twice"] += 1
        self.approved[order_id].setdefault(name, self.world.clock.unix())
        body = Signed(signature=to_hex(signature))
        ask = (
            refills_api.approve_refill
            if isinstance(thing, Refill)
            else withdrawals_api.approve_withdrawal
        )
        self._do(lambda: ask(self.world.office, str(thing.id), body, Response()))

    def veto_something(self) -> None:
        """Let one person veto one refill, at the daemon or straight at the signer."""
        waiting = self._open_refills()
        if not waiting:
            return
        refill, name = self.dice.pick(waiting), self.dice.pick(PEOPLE)
        digest = bytes.fromhex(refill.order_id[2:])
        signature = to_hex(sign(name, veto_digest(digest, self.world.world.deployment)))
        if self.dice.chance(0.5):
            self.dice.seen["veto_at_daemon"] += 1
            body = Signed(signature=signature)
            self._do(
                lambda: refills_api.veto_refill(self.world.office, str(refill.id), body, Response())
            )
            return
        self.dice.seen["veto_at_signer"] += 1
        told: Body = {"digest": to_hex(digest), "signature": signature}
        answer = self.world.signer.call_as_person("veto", told)
        if answer is not None and answer.result is Result.OK:
            self.vetoed[refill.order_id].add(name)

    def carry(
        self, kind: MotionKind, payload: dict[str, str], people: Sequence[str] = ("alice", "bob")
    ) -> None:
        """Let people sign a motion by way of the daemon; its maker does not count."""
        self._motions += 1
        self.dice.seen[f"motion_{kind.value}"] += 1
        now = self.world.clock.unix()
        terms = MotionTerms(
            what=describe_motion(kind, payload),
            kind=kind,
            salt=self._motions.to_bytes(16, "big"),
            payload_digest=payload_digest(payload),
            maker=address_of("carol"),
            proposed_at=now,
            expires_at=now + 3600,
            law_digest=law_digest(self.world.law),
        )
        digest = motion_digest(terms, self.world.world.deployment)
        body = MotionProposal(
            terms=motion_to_json(terms), payload=payload, signature=to_hex(sign("carol", digest))
        )
        self._do(lambda: motions_api.propose_motion(self.world.office, body))
        for name in people:
            signed = Signed(signature=to_hex(sign(name, digest)))
            self._do(
                lambda signed=signed: motions_api.approve_motion(  # type: ignore[misc]
                    self.world.office, to_hex(digest), signed, Response()
                )
            )

    def move_something(self) -> None:
        """Let a quorum, or too few, rotate, reinstate or retire a wallet."""
        wallet = self.dice.pick(("hot-a", "hot-b"))
        kind, payload = self.dice.pick(
            (
                (MotionKind.ROTATE, {"pool": "main", "wallet": wallet}),
                (MotionKind.ROTATE, {"pool": "main", "wallet": wallet}),
                (MotionKind.REINSTATE, {"wallet": wallet}),
                (MotionKind.RETIRE, {"wallet": wallet}),
            )
        )
        self.carry(kind, payload, self.dice.pick((("alice", "bob"), ("alice", "bob"), ("bob",))))

    def veto_motion(self) -> None:
        """Let one person veto a motion that waits."""
        with self.world.ledger.read() as session:
            waiting = requests.motions_in(session, MotionState.PROPOSED)
        if not waiting:
            return
        digest = self.dice.pick(waiting).digest
        signature = sign(
            "alice", veto_digest(bytes.fromhex(digest[2:]), self.world.world.deployment)
        )
        body = Signed(signature=to_hex(signature))
        self._do(lambda: motions_api.veto_motion(self.world.office, digest, body, Response()))

    def propose_refill(self) -> None:
        """Let a treasurer propose a refill of their own; then two others must approve."""
        now, law = self.world.clock.unix(), self.world.law
        self._motions += 1
        terms = TransferTerms(
            what="",
            purpose=Purpose.REFILL,
            salt=(2**64 + self._motions).to_bytes(15, "big") + b"\0",
            chain_id=CHAIN_ID,
            asset=NATIVE,
            source=address_of("vault"),
            destination=address_of(self.dice.pick(("hot-a", "hot-b"))),
            amount=self.dice.between(1, 60) * ETH,
            max_fee=ETH // 100,
            maker=address_of("alice"),
            proposed_at=now,
            expires_at=now + 3600,
            law_digest=law_digest(law),
        )
        terms = replace(terms, what=describe_transfer(terms, law))
        digest = transfer_digest(terms, self.world.world.deployment)
        body = RefillProposal(terms=terms_to_json(terms), signature=to_hex(sign("alice", digest)))
        self.dice.seen["person_proposes"] += 1
        self._do(lambda: refills_api.propose_refill(self.world.office, body))

    def resume(self) -> None:
        """Let a quorum end a halt and every freeze."""
        with self.world.ledger.read() as session:
            waiting = requests.motions_in(session, MotionState.PROPOSED)
        if not any(motion.kind == MotionKind.RESUME for motion in waiting):
            self.carry(MotionKind.RESUME, {"why": "people have looked"})

    def close_incidents(self) -> None:
        """Let a quorum close every incident that is contained."""
        with self.world.ledger.read() as session:
            found = standings.incidents(session, only_open=True)
        for incident in found:
            if incident.state is IncidentState.CONTAINED:
                outcome = self.dice.pick(("false_alarm", "false_alarm", "compromise"))
                payload = {"incident": str(incident.id), "outcome": outcome}
                payload["wallet"] = incident.wallet
                self.carry(MotionKind.CLOSE, payload)

    # --- one person ---

    def halt(self) -> None:
        """Let one person halt all exposure."""
        self.dice.seen["person_halts"] += 1
        body = Halt(why="a person is worried")
        self._do(lambda: motions_api.stop_exposure(self.world.office, body))

    def isolate(self, wallet: str) -> None:
        """Let one person isolate a wallet at the signer's people door."""
        self.dice.seen["person_isolates"] += 1
        self.world.signer.call_as_person("isolate", {"wallet": wallet, "why": "a person"})

    # --- a service ---

    def ask_payout(self, *, large: bool = False) -> None:
        """Let a service ask for a payout to a fresh address."""
        number = len(self.payouts) + 1
        amount = self.dice.between(41, 54) if large else self.dice.between(1, 30)
        body = WithdrawalRequest(
            pool="main",
            asset="ETH",
            destination=address_of(f"customer-{self.dice.seed}-{number}"),
            amount=str(amount * ETH // 10),
        )
        self.payouts[f"key-{number}"] = body
        self.ask_again(f"key-{number}")

    def ask_alike(self) -> None:
        """Let a service ask for another payout that is like one of before in all but its key."""
        if self.payouts:
            self.dice.seen["asked_alike_again"] += 1
            key = f"key-{len(self.payouts) + 1}"
            self.payouts[key] = self.payouts[self.dice.pick(sorted(self.payouts))]
            self.ask_again(key)

    def ask_blindly_again(self) -> None:
        """Let a service repeat one of its requests."""
        if self.payouts:
            self.dice.seen["asked_blindly_again"] += 1
            self.ask_again(self.dice.pick(sorted(self.payouts)))

    def ask_everything_again(self) -> None:
        """Let the service repeat all its requests, whatever became of them."""
        for key in sorted(self.payouts):
            self.ask_again(key)

    def ask_again(self, key: str) -> None:
        """Let a service repeat a request blindly, also one that a restored ledger lost."""
        with self.world.ledger.read() as session:
            is_lost = key in self._asked and requests.by_key(session, key) is None
        self._asked.add(key)
        self.dice.seen["lost_payout_asked_again"] += is_lost
        body = self.payouts[key]
        self._do(lambda: withdrawals_api.ask_withdrawal(self.world.office, body, key, EVERYWHERE))

    def take_back_payout(self) -> None:
        """Let a service cancel a payout that is not queued yet."""
        if not self.world.has_caught_up:
            return  # a file that was copied by hand does not know yet what was signed
        with self.world.ledger.read() as session:
            waiting = requests.withdrawals_in(
                session, CHAIN_ID, WithdrawalState.ACCEPTED, WithdrawalState.HELD
            )
        if waiting:
            number = str(self.dice.pick(waiting).id)
            cancel = withdrawals_api.cancel_withdrawal
            self._do(lambda: cancel(self.world.office, number, EVERYWHERE))

    # --- inside ---

    def _do(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Crash:
            self.world.restart()
        except ApiError as error:
            self.dice.note(f"api: {error}")

    def _waiting(self) -> list[Refill | Withdrawal]:
        with self.world.ledger.read() as session:
            held = requests.withdrawals_in(session, CHAIN_ID, WithdrawalState.HELD)
            proposed = refills.in_states(session, CHAIN_ID, RefillState.PROPOSED)
        return [*proposed, *(w for w in held if w.terms is not None)]

    def _open_refills(self) -> list[Refill]:
        with self.world.ledger.read() as session:
            return list(
                refills.in_states(session, CHAIN_ID, RefillState.PROPOSED, RefillState.APPROVED)
            )
