"""The guard itself: all reasons, and everything that breaks, lacks or is unknown refuses."""

from __future__ import annotations

import dataclasses
from typing import NoReturn, cast

import pytest

from hsm.guard import guard
from hsm.guard.facts import Asked, Facts
from hsm.guard.guard import NOT_VETOED, judge, judge_lodged, rules_for
from hsm.guard.purposes import BY_PURPOSE, LIMITS
from hsm.guard.rules import EVERY_ORDER, Rule, Where
from hsm.wire.answers import AttemptKind
from policies.terms import Purpose
from tests.fakes.vault_room import FEES, VaultRoom, codes
from tests.laws import address_of

CASES = [(p, rule.name) for p in Purpose for rule in (*EVERY_ORDER, *BY_PURPOSE[p])]
ALL_RULES = {rule.name: rule for rule in EVERY_ORDER} | {
    rule.name: rule for rules in BY_PURPOSE.values() for rule in rules
}


def facts_of(room: VaultRoom, purpose: Purpose) -> Facts:
    """Return the facts of a good order of a purpose."""
    from hsm.book import law as book_law
    from hsm.verbs.room import Door, Room, pinned_addresses
    from hsm.wire.draft import Draft

    here = Room(
        book=room.book,
        tokens=room.tokens,
        settings=room.settings,
        door=Door.SIGNER,
        pinned=pinned_addresses(room.settings),
        now=room.clock.unix(),
        laws=book_law.laws_at(room.book, room.clock.unix()),
        draft=Draft(),
    )
    terms = room.order(purpose)
    room.lodge(terms, "alice", "bob", "carol")
    return here.views(Asked(terms=terms, order_id=room.id_of(terms), fees=FEES))[0]


def break_it(_facts: Facts) -> NoReturn:
    """Stand for a rule with a bug."""
    raise RuntimeError("a bug")


@pytest.mark.parametrize(("purpose", "name"), CASES)
def test_a_rule_that_breaks_refuses(
    room: VaultRoom, monkeypatch: pytest.MonkeyPatch, purpose: Purpose, name: str
) -> None:
    """Whatever rule raises, the order is refused and the rule is named (R1.10)."""
    facts = facts_of(room, purpose)

    def broken(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        return tuple(dataclasses.replace(r, check=break_it) if r.name == name else r for r in rules)

    monkeypatch.setattr(guard, "EVERY_ORDER", broken(EVERY_ORDER))
    monkeypatch.setattr(guard, "BY_PURPOSE", {p: broken(r) for p, r in BY_PURPOSE.items()})
    refusals = judge([facts]).refusals

    assert any(r.code == "rule_failed" and name in r.text for r in refusals)


def test_without_a_law_everything_is_refused() -> None:
    """No view of any law is a refusal, not an empty list of objections."""
    assert ["no_law"] == [reason.code for reason in judge([]).refusals]
    assert ["no_law"] == [reason.code for reason in judge_lodged([])]


def test_an_unknown_purpose_is_refused(room: VaultRoom) -> None:
    """A purpose without rules cannot pass by having none to break."""
    facts = facts_of(room, Purpose.SWEEP)
    terms = dataclasses.replace(facts.terms, purpose=cast("Purpose", "gift"))
    found = judge([dataclasses.replace(facts, terms=terms)]).refusals

    assert "unknown_purpose" in {reason.code for reason in found}


def test_every_rule_says_where_it_runs() -> None:
    """Each rule carries a name and the processes that run it."""
    for rule in ALL_RULES.values():
        assert rule.where is Where.BOTH
        assert rule.check.__doc__
    assert set(ALL_RULES) >= LIMITS


def test_a_cancel_is_judged_by_cost_and_key_alone(room: VaultRoom) -> None:
    """A move of nothing to oneself needs no consent, but its key and cost are checked."""
    facts = dataclasses.replace(facts_of(room, Purpose.REFILL), kind=AttemptKind.CANCEL)

    assert {"names_are_ours", "fees_are_bounded", "key_is_pinned"} == {
        rule.name for rule in rules_for(facts)
    }


def test_a_bump_is_judged_by_cost_veto_and_both_ends(room: VaultRoom) -> None:
    """After the first signature windows and expiry bind no more, a veto does."""
    facts = dataclasses.replace(facts_of(room, Purpose.REFILL), kind=AttemptKind.BUMP)
    found = rules_for(facts)

    assert NOT_VETOED in found
    assert not LIMITS & {rule.name for rule in found}
    assert "consent_is_given" not in {rule.name for rule in found}


def test_a_key_missing_from_the_settings_is_refused(room: VaultRoom) -> None:
    """An address in the law without its pinned key in the settings signs nothing."""
    facts = facts_of(room, Purpose.SWEEP)
    other = {**facts.pinned_addresses, "hot-a": address_of("mallory")}
    for pinned in ({}, other):
        found = judge([dataclasses.replace(facts, pinned_addresses=pinned)]).refusals
        assert "key_differs" in {reason.code for reason in found}


def test_lodging_tells_at_once_what_can_never_be_signed(room: VaultRoom) -> None:
    """A wrong route is refused when it is lodged, before anybody signs it."""
    answer = room.lodge(room.order(destination=address_of("mallory")))

    assert {"not_a_hot_wallet"} == codes(answer)
