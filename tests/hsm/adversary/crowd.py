"""The treasurers: what they really signed, stopped and adopted, as the judge remembers it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from policies.law import Law, Pool, law_digest
from policies.terms import TransferTerms
from tests.hsm.adversary.accounts import Span


@dataclass
class Crowd:
    """Truth about consent; `event` orders everything that happens in this program.

    `laws` are the adopted ones, each with the span in which it came into force.
    """

    laws: list[tuple[Span, Law]]
    event: int = 0
    given: dict[bytes, dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))
    shown: dict[bytes, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    vetoed: dict[bytes, int] = field(default_factory=dict)
    isolated: dict[str, int] = field(default_factory=dict)
    frozen: int | None = None
    ever_isolated: set[str] = field(default_factory=set)
    reinstated: dict[str, int] = field(default_factory=dict)
    may_be_active: dict[str, set[str]] = field(default_factory=dict)
    activated: int = 0

    def isolate(self, wallet: str) -> None:
        """Remember that the signer has isolated a wallet."""
        self.event += 1
        self.isolated.setdefault(wallet, self.event)
        self.ever_isolated.add(wallet)

    def reinstate(self, wallet: str) -> None:
        """Remember that the signer takes a wallet for a healthy one from now on."""
        self.event += 1
        self.reinstated[wallet] = self.event

    def may_have_taken_over(self, wallet: str, pool: Pool, event: int) -> bool:
        """Tell whether a wallet may have stood in for an isolated one since something was asked."""
        is_active = event <= self.activated or wallet in self.may_be_active[pool.name]
        others = [member for member in pool.members if member != wallet]
        fallen = [m for m in others if m in self.isolated or self.reinstated.get(m, -1) > event]
        return is_active and bool(fallen)

    def activate(self, pool: str, wallet: str, *, surely: bool) -> None:
        """Remember that a wallet became the active one of its pool, or perhaps did."""
        self.event += 1
        self.activated = self.event
        self.may_be_active[pool] = {wallet} | (set() if surely else self.may_be_active[pool])

    def vetoed_before(self, order_id: bytes, event: int) -> bool:
        """Tell whether a veto had been taken when something was asked."""
        return self.vetoed.get(order_id, event) < event

    def isolated_before(self, wallet: str, event: int) -> bool:
        """Tell whether a wallet was isolated when something was asked."""
        return self.isolated.get(wallet, event) < event

    def frozen_before(self, event: int) -> bool:
        """Tell whether exposure was frozen when something was asked."""
        return self.frozen is not None and self.frozen < event

    def laws_in(self, span: Span) -> list[Law]:
        """Return every law that may have been in force at some moment of a span."""
        found = []
        for number, ((begin, _), law) in enumerate(self.laws):
            later = self.laws[number + 1 :]
            end = later[0][0][1] if later else None
            if begin <= span[1] and (end is None or span[0] <= end):
                found.append(law)
        return found

    def law_at(self, span: Span) -> Law:
        """Return one of them, for limits that are the same in all."""
        return self.laws_in(span)[0]

    def approved(self, order_id: bytes, terms: TransferTerms, span: Span) -> Collection[str]:
        """Return whose approvals count: the most people that one law of that time allows."""
        best: set[str] = set()
        for law in self.laws_in(span):
            if law_digest(law) != terms.law_digest:
                continue
            people = {
                name
                for name in self.given[order_id]
                for person in law.roster.treasurers
                if person.name == name and person.address != terms.maker
            }
            best = max(best, people, key=len)
        return best

    def show(self, order_id: bytes, signatures: Collection[bytes], at: int) -> None:
        """Remember when the signer was first shown each true approval of an order."""
        for name, signature in self.given[order_id].items():
            if signature in signatures:
                self.shown[order_id].setdefault(name, at)

    def shown_since(self, order_id: bytes, needed: int) -> int | None:
        """Return since when the signer can have seen that many approvals."""
        seen = sorted(self.shown[order_id].values())
        return seen[needed - 1] if 0 < needed <= len(seen) else None
