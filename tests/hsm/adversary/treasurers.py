"""Honest treasurers under siege: they approve ahead, veto, isolate, and put things right again.

The thief sees everything that they sign. What they undo (an isolation, a freeze) counts as undone
for the judge from the moment it is sent, so that the judge never accuses too early.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping

from hsm.process.desk import Door
from hsm.wire.fields import to_hex
from hsm.wire.message import Answer, Body, Result
from policies.consent import (
    describe_motion,
    motion_digest,
    motion_to_json,
    payload_digest,
    transfer_digest,
    veto_digest,
)
from policies.crypto import keccak256
from policies.law import Law, canonical_law, law_digest
from policies.terms import NATIVE, MotionKind, MotionTerms, Purpose, TransferTerms
from tests.hsm.adversary.crowd import Crowd
from tests.hsm.adversary.line import Line
from tests.hsm.adversary.thief import Thief
from tests.laws import ETH, address_of, sign

HOT = ("hot-a", "hot-b", "hot-a-2", "hot-b-2")
STAGING = keccak256(b"the deployment where people practise")
TRIES = 20


class Treasurers:
    """Everybody who may sign, and what they do in a siege."""

    def __init__(self, line: Line, thief: Thief, *, versions: tuple[Law, Law]) -> None:
        """Serve beside a thief; `versions` are the laws between which they change."""
        self.line, self.thief = line, thief
        self.crowd: Crowd = thief.crowd
        self.dice: random.Random = thief.dice
        self.versions = versions

    def act(self) -> None:
        """Do one honest thing, or nothing."""
        if self.crowd.frozen is not None and self.dice.random() < 0.3:
            self.resume()
        elif self.dice.random() < 0.1 * len(self.crowd.isolated):
            self.reinstate()
        elif self.dice.random() < 0.3:
            self.dice.choices(_DEEDS, weights=_WEIGHTS)[0](self)

    @property
    def law(self) -> Law:
        """Return the law in force, or the older one while that is uncertain."""
        return self.crowd.law_at(self.line.span())

    def approve(self) -> None:
        """Approve refills ahead of time, one or many, with enough people or too few."""
        for _ in range(self.dice.choice([1, 1, 6])):
            amount = self.dice.choice([ETH, 20 * ETH, 40 * ETH, 60 * ETH])
            to = self.dice.choice(["hot-a", "hot-a", "hot-b"])
            self._approve(Purpose.REFILL, amount=amount, destination=address_of(to))

    def be_deceived(self) -> None:
        """Approve a refill of a stranger, or from the wrong place."""
        end = self.dice.choice(["destination", "source"])
        name = self.dice.choice(["thief", "sponsor", "hot-b"])
        self._approve(Purpose.REFILL, amount=ETH, **{end: address_of(name)})

    def approve_held(self) -> None:
        """Approve a withdrawal that is too large to go alone."""
        hot = address_of(self.dice.choice(["hot-a", "hot-b"]))
        self._approve(Purpose.WITHDRAWAL, amount=5 * ETH, source=hot)

    def _approve(self, purpose: Purpose, **changes: object) -> None:
        maker = self.dice.choice([NATIVE, NATIVE, address_of("alice")])
        terms = self.thief.order(purpose, maker=maker, **changes)
        order_id = self.thief.id_of(terms)
        names = [person.name for person in self.law.roster.treasurers]
        for name in self.dice.sample(names, self.dice.choice([1, 2, 2, 3])):
            self.crowd.given[order_id][name] = sign(name, order_id)
        self._hand_over(terms, list(self.crowd.given[order_id].values()))
        self.thief.ahead.append(terms)

    def practise(self) -> None:
        """Approve the same order where people practise: another deployment."""
        terms = self.thief.order(Purpose.REFILL)
        order_id = transfer_digest(terms, STAGING)
        self._hand_over(terms, [sign(name, order_id) for name in ("alice", "bob", "carol")])

    def _hand_over(self, terms: TransferTerms, signatures: list[bytes]) -> None:
        self.thief.keep(terms)
        self.thief.approvals += signatures
        del self.thief.approvals[:-60]

    def veto(self) -> None:
        """Stop one order for good."""
        if not self.thief.orders:
            return
        order_id = self.thief.id_of(self.dice.choice(self.thief.orders))
        name = self.dice.choice(["alice", "bob"])
        signature = sign(name, veto_digest(order_id, self.thief.deployment))
        body: Body = {"digest": to_hex(order_id), "signature": to_hex(signature)}
        answer = self.line.ask([("veto", body)], Door.PEOPLE)[0]
        if answer is not None:
            assert answer.result is Result.OK
            self.crowd.event += 1
            self.crowd.vetoed.setdefault(order_id, self.crowd.event)

    def isolate(self) -> None:
        """Cut one wallet off."""
        self.thief.isolate(self.dice.choice(HOT))

    def reinstate(self) -> None:
        """Take a wallet back after a look at it."""
        wallet = self.dice.choice(sorted(self.crowd.isolated))
        since = self.crowd.isolated.pop(wallet)
        answer = self._carry(MotionKind.REINSTATE, {"wallet": wallet})
        if answer.result is not Result.OK:
            self.crowd.isolated[wallet] = since
            return
        self.crowd.reinstate(wallet)

    def rotate(self) -> None:
        """Let another wallet of a pool take over."""
        pool, wallets = self.dice.choice([("main", HOT[:2]), ("second", HOT[2:])])
        well = [wallet for wallet in wallets if wallet not in self.crowd.isolated]
        if well:
            wallet = self.dice.choice(well)
            answer = self._carry(MotionKind.ROTATE, {"pool": pool, "wallet": wallet})
            if answer.result is Result.OK:
                self.crowd.activate(pool, wallet, surely=True)

    def resume(self) -> None:
        """Let exposure go on."""
        since, self.crowd.frozen = self.crowd.frozen, None
        if self._carry(MotionKind.RESUME, {}).result is not Result.OK:
            self.crowd.frozen = since

    def change_law(self) -> None:
        """Adopt the other version, once the last one is surely in force."""
        if self.line.span()[0] <= self.crowd.laws[-1][0][1]:
            return
        law = self.versions[1] if self.law is self.versions[0] else self.versions[0]
        payload = {"lawDigest": to_hex(law_digest(law))}
        terms = self._motion(MotionKind.ADOPT, payload)
        earliest = self.line.span()[0]
        body = {"law": canonical_law(law).decode(), **self._signed(terms)}
        answer = self._persist("adopt", body)
        if answer.result is not Result.OK:
            return
        delay = self.law.activation_s
        begin, end = earliest + delay, self.line.span()[1] + delay
        active_from = str(answer.body.get("activeFrom", ""))
        span = (int(active_from), int(active_from)) if active_from else (begin, end)
        self.crowd.laws.append((span, law))

    def _carry(self, kind: MotionKind, payload: Mapping[str, str]) -> Answer:
        terms = self._motion(kind, payload)
        text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
        return self._persist("motion", {"payload": text, **self._signed(terms)})

    def _motion(self, kind: MotionKind, payload: Mapping[str, str]) -> MotionTerms:
        now = self.line.span()[1]
        return MotionTerms(
            what=describe_motion(kind, payload),
            kind=kind,
            salt=self.dice.randbytes(16),
            payload_digest=payload_digest(payload),
            maker=NATIVE,
            proposed_at=now,
            expires_at=now + 3600,
            law_digest=law_digest(self.law),
        )

    def _signed(self, terms: MotionTerms) -> Body:
        # The first two stand in both rosters.
        digest = motion_digest(terms, self.thief.deployment)
        signatures = [to_hex(sign(name, digest)) for name in ("alice", "bob")]
        return {"motion": motion_to_json(terms), "signatures": signatures}

    def _persist(self, verb: str, body: Body) -> Answer:
        """Bring a motion until it is answered; the thief keeps a copy of it."""
        self.thief.motions.append((verb, body))
        del self.thief.motions[:-40]
        for _ in range(TRIES):
            answer = self.line.ask([(verb, body)], Door.PEOPLE)[0]
            if answer is not None:
                stale = {reason.code for reason in answer.reasons} <= {"law_changed"}
                assert stale or answer.result is Result.OK, answer
                return answer
            self.line.recover()
        raise AssertionError(f"{verb} was never answered")


_Deed = Callable[[Treasurers], None]
_DEEDS: tuple[_Deed, ...] = (
    Treasurers.approve,
    Treasurers.approve_held,
    Treasurers.be_deceived,
    Treasurers.practise,
    Treasurers.veto,
    Treasurers.isolate,
    Treasurers.rotate,
    Treasurers.change_law,
)
_WEIGHTS = (10, 4, 2, 2, 2, 0.4, 1, 0.6)
