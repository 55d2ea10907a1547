"""The last rule before the key: collects every refusal, or lets the order pass.

Unknown purpose, missing fact, empty rule list, an exception inside a rule: refused. While an
adopted law waits to come into force, an order must pass under both laws, so that what the new
law forbids is forbidden at once and what it allows is not allowed yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hsm.guard.facts import Facts
from hsm.guard.purposes import BY_PURPOSE, LIMITS
from hsm.guard.rules import EVERY_ORDER, Rule, no, nobody_vetoed
from hsm.wire.answers import AttemptKind
from policies.terms import Reason

CANCEL_RULES = frozenset({"names_are_ours", "fees_are_bounded", "key_is_pinned"})
"""A cancel moves nothing to nobody, so only its cost and its key are judged."""

BUMP_RULES = CANCEL_RULES | {
    "source_may_sign",
    "destination_may_receive",
    "nothing_is_frozen",
    "refill_route",
    "home_route",
    "withdrawal_destination",
}
"""After the first signature only the cost, a freeze, a veto and the state of both ends can stop
an attempt: consent was given, and expiry, window and law bound the first signature."""

LATER = frozenset({"consent_is_given", "maker_has_signed", "nothing_is_frozen", "fees_are_bounded"})
"""What may still come right between lodging and signing."""

NOT_VETOED = Rule(name="nobody_vetoed", check=nobody_vetoed)


class Verdict(NamedTuple):
    """All refusals (none: it may be signed), and the earliest time when it is merely too early."""

    refusals: tuple[Reason, ...]
    not_before: int | None = None


def judge(views: Sequence[Facts]) -> Verdict:
    """Judge one order under every law that binds now; `views` has the facts under each."""
    refusals = [reason for facts in views for reason in _refusals(facts)]
    if not views:
        refusals.append(no("no_law", "no law is adopted: nothing is signed before genesis"))
    unique = tuple(dict.fromkeys(refusals))
    return Verdict(refusals=unique, not_before=None if unique else _not_before(views))


def judge_lodged(views: Sequence[Facts]) -> tuple[Reason, ...]:
    """Return why an order can never be signed as it stands.

    What may still come right until then (windows too) is left out.
    """
    later = LIMITS | LATER
    if not views:
        return judge(views).refusals
    return tuple(
        dict.fromkeys(
            reason
            for facts in views
            for reason in _reasons([r for r in rules_for(facts) if r.name not in later], facts)
        )
    )


def rules_for(facts: Facts) -> tuple[Rule, ...]:
    """Return the rules that judge this attempt."""
    rules = EVERY_ORDER + BY_PURPOSE.get(facts.terms.purpose, ())
    if facts.kind is AttemptKind.CANCEL:
        return tuple(rule for rule in rules if rule.name in CANCEL_RULES)
    if facts.kind is AttemptKind.BUMP:
        return (*(rule for rule in rules if rule.name in BUMP_RULES), NOT_VETOED)
    if facts.order is not None and facts.order.nonce is not None:
        return tuple(rule for rule in rules if rule.name not in LIMITS)
    return rules


def _refusals(facts: Facts) -> list[Reason]:
    found = _reasons(rules_for(facts), facts)
    if facts.terms.purpose not in BY_PURPOSE:
        found.insert(0, no("unknown_purpose", "there are no rules for this purpose"))
    return found


def _reasons(rules: Sequence[Rule], facts: Facts) -> list[Reason]:
    found: list[Reason] = []
    for rule in rules:
        try:
            found.extend(rule.check(facts))
        except Exception as error:  # noqa: BLE001 - a rule that breaks is a refusal
            found.append(no("rule_failed", f"rule {rule.name} failed ({type(error).__name__})"))
    return found


def _not_before(views: Sequence[Facts]) -> int | None:
    """Return when the time-lock ends, None when it is over or there is none."""
    latest = None
    for facts in views:
        if facts.kind is AttemptKind.CANCEL or not facts.is_first_signature:
            continue
        tally = facts.tally()
        seen_at = facts.quorum_at(tally)
        if seen_at is not None and seen_at + tally.time_lock_s > facts.now:
            latest = max(latest or 0, seen_at + tally.time_lock_s)
    return latest
