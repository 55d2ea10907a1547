"""One siege from the first law to the last page of the book."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

from hsm.process.desk import Door
from hsm.wire.fields import blob, to_hex
from hsm.wire.message import Body, Result
from policies.consent import (
    describe_motion,
    motion_digest,
    motion_to_json,
    payload_digest,
    transfer_from_json,
)
from policies.law import Law, canonical_law, law_digest
from policies.terms import NATIVE, Address, MotionKind, MotionTerms, Purpose, TransferTerms
from tests.hsm.adversary.crowd import Crowd
from tests.hsm.adversary.judge import Judge
from tests.hsm.adversary.line import Line
from tests.hsm.adversary.thief import Thief
from tests.hsm.adversary.treasurers import Treasurers
from tests.laws import sign

PAGE = 50


class Siege:
    """A thief, the treasurers and the judge before one signer."""

    def __init__(self, line: Line, versions: tuple[Law, Law], seed: int) -> None:
        """Begin under the first of the two laws, which is in force already."""
        self.line = line
        status = line.ask([("status", {})])[0]
        assert status is not None
        deployment = blob(status.body, "deployment")
        active = {pool.name: {pool.active} for pool in versions[0].pools}
        self.judge = Judge(Crowd(laws=[((0, 0), versions[0])], may_be_active=active))
        self.thief = Thief(line, self.judge, deployment=deployment, seed=seed)
        self.people = Treasurers(line, self.thief, versions=versions)

    def go_on(self, goes_on: Callable[[], bool]) -> None:
        """Let both sides act as long as the condition holds."""
        while goes_on():
            self.people.act()
            self.thief.act()

    def audit(self) -> None:
        """Judge everything that the book ever signed, heard or not."""
        after, more = 0, True
        places: dict[tuple[int, Address, int], set[Purpose]] = defaultdict(set)
        while more:
            body: Body = {"seq": str(after), "limit": str(PAGE)}
            page = self.line.ask([("orders_since", body)])[0]
            assert page is not None
            orders = page.body["orders"]
            assert isinstance(orders, list)
            for order in orders:
                terms = self._audit(order)
                place = (terms.chain_id, terms.source, int(order["nonce"]))
                places[place].add(terms.purpose)
                after = int(order["seq"])
            more = page.body["more"] == "1"
        self.judge.judge_nonces(places)

    def _audit(self, order: Body) -> TransferTerms:
        order_id = blob(order, "orderId")
        terms = transfer_from_json(order["order"])
        now = self.line.span()[1]
        attempts = order["attempts"]
        assert isinstance(attempts, list)
        for attempt in attempts:
            unheard = blob(attempt, "hash") not in self.judge.seen
            assert not unheard or order_id in self.judge.waiting, "signed, and nobody asked"
            if unheard:
                since, asked = self.judge.waiting[order_id]
                self.judge.saw(order_id, terms, attempt, span=(since, now), asked=asked)
        return terms

    def report(self) -> str:
        """Return what was tried and what came of it."""
        counts, acts = self.judge.counts, self.thief.acts
        groups: dict[str, Counter[str]] = defaultdict(Counter)
        for name, count in counts.items():
            group, _, rest = name.rpartition(": ")
            groups[group or "answers"][rest] = count
        lines = [f"acts: {_told(acts)}"]
        lines += [f"{name}: {_told(found)}" for name, found in groups.items()]
        lines.append(f"refilled with a quorum: {dict(self.judge.vault_moved())}")
        lines.append(f"laws in force: {len(self.judge.crowd.laws)}")
        return "\n".join(lines)


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def adopt_first(line: Line, law: Law, now: int) -> None:
    """Put the first law in force at the treasurers' door."""
    status = line.ask([("status", {})])[0]
    assert status is not None
    payload = {"lawDigest": to_hex(law_digest(law))}
    terms = MotionTerms(
        what=describe_motion(MotionKind.ADOPT, payload),
        kind=MotionKind.ADOPT,
        salt=bytes(16),
        payload_digest=payload_digest(payload),
        maker=NATIVE,
        proposed_at=now,
        expires_at=now + 60,
        law_digest=bytes(32),
    )
    digest = motion_digest(terms, blob(status.body, "deployment"))
    body: Body = {
        "motion": motion_to_json(terms),
        "law": canonical_law(law).decode(),
        "signatures": [to_hex(sign(name, digest)) for name in ("alice", "bob")],
    }
    answer = line.ask([("adopt", body)], Door.PEOPLE)[0]
    assert answer is not None
    assert answer.result is Result.OK, answer.reasons
