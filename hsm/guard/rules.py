"""Rules that hold for every purpose: identity, words, time, fees, keys, marks, halt, consent.

A rule is a pure function from facts to the reasons why not. It never raises for "no".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from hsm.book.law import Mark
from hsm.guard.facts import Facts
from hsm.wire.answers import AttemptKind
from policies.consent import describe_transfer
from policies.law import Custody
from policies.limits import judge_moves
from policies.terms import NATIVE, Purpose, Reason

CLOCK_SKEW_S = 60
LONGEST_LIFE_S = 86_400
LEAST_GAS = 21_000
MOST_GAS = 2_000_000
MOST_NONCE = 2**53
TOWARD_SAFETY = (Purpose.SWEEP, Purpose.EVACUATION)


class Where(StrEnum):
    """Which processes run a rule."""

    BOTH = "signer+daemon"
    DAEMON = "daemon only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One named rule of the guard."""

    name: str
    check: Callable[[Facts], Iterator[Reason]]
    where: Where = Where.BOTH


def no(code: str, text: str) -> Reason:
    """Make a reason."""
    return Reason(code=code, text=text)


def names_are_ours(facts: Facts) -> Iterator[Reason]:
    """Require that chain, asset and source stand in the law."""
    if facts.chain is None:
        yield no("unknown_chain", f"chain {facts.terms.chain_id} is not in the law")
        return
    if facts.asset is None:
        yield no("unknown_asset", f"asset {facts.terms.asset} is not in the law of this chain")
    if facts.source is None:
        yield no("unknown_source", f"{facts.terms.source} is not one of our wallets")


def words_match(facts: Facts) -> Iterator[Reason]:
    """Require that the sentence that people read is the one that the fields mean."""
    expected = describe_transfer(facts.terms, facts.law)
    if facts.terms.what != expected:
        yield no("words_differ", f"the terms say {facts.terms.what!r} but mean {expected!r}")


def amount_is_positive(facts: Facts) -> Iterator[Reason]:
    """Require that something moves."""
    yield from judge_moves(facts.terms.amount)


def law_is_in_force(facts: Facts) -> Iterator[Reason]:
    """Require that terms toward exposure name the law in force; moves to safety outlive it."""
    if facts.terms.purpose in TOWARD_SAFETY or not facts.is_first_signature:
        return
    if facts.terms.law_digest != facts.in_force_digest:
        yield no("law_changed", "the terms were made under another law; propose again")


def time_is_right(facts: Facts) -> Iterator[Reason]:
    """Require that the first signature comes before the expiry, and no terms live too long."""
    terms = facts.terms
    if not facts.is_first_signature:
        return
    if facts.now >= terms.expires_at:
        yield no("expired", f"the terms expired at {terms.expires_at}, it is {facts.now}")
    if terms.proposed_at > facts.now + CLOCK_SKEW_S:
        yield no("from_the_future", f"the terms were proposed at {terms.proposed_at}, after now")
    longest = _longest_life(facts)
    if terms.expires_at - terms.proposed_at > longest:
        yield no("lives_too_long", f"terms of this kind live at most {longest} s")


def _longest_life(facts: Facts) -> int:
    if facts.terms.purpose is not Purpose.REFILL:
        return LONGEST_LIFE_S
    pool, asset = facts.pool, facts.asset
    rule = pool.refills.get(asset.symbol) if pool and asset else None
    return LONGEST_LIFE_S if rule is None else rule.expiry_s


def fees_are_bounded(facts: Facts) -> Iterator[Reason]:
    """Require that an attempt costs at most what the terms allow, and they what the law does."""
    terms, fees, chain = facts.terms, facts.fees, facts.chain
    if chain is not None and terms.max_fee > chain.fee_ceiling:
        yield no("fee_ceiling", f"maxFee {terms.max_fee} is above the law's {chain.fee_ceiling}")
    if fees.total > terms.max_fee:
        yield no("fee_too_high", f"this costs up to {fees.total}, the terms allow {terms.max_fee}")
    if fees.max_priority_fee_per_gas > fees.max_fee_per_gas:
        yield no("tip_too_high", "the priority fee is above the maximum fee")
    if not LEAST_GAS <= fees.gas_limit <= MOST_GAS:
        yield no("gas_limit", f"the gas limit must lie between {LEAST_GAS} and {MOST_GAS}")


def key_is_pinned(facts: Facts) -> Iterator[Reason]:
    """Require that the settings pin a transaction key with the source's address."""
    source = facts.source
    if source is not None and facts.pinned_addresses.get(source.key) != source.address:
        yield no(
            "key_differs",
            f"the settings have no transaction key {source.key!r} with address {source.address}",
        )


def source_may_sign(facts: Facts) -> Iterator[Reason]:
    """Require that a retired wallet signs nothing; an isolated one only evacuations and cancels."""
    mark = facts.mark_of(facts.source)
    if facts.kind is AttemptKind.CANCEL or mark is None:
        return
    if mark is Mark.RETIRED:
        yield no("source_retired", f"{facts.terms.source} is retired")
    elif facts.terms.purpose is not Purpose.EVACUATION:
        yield no("source_isolated", f"{facts.terms.source} is isolated: only evacuation leaves it")


def destination_may_receive(facts: Facts) -> Iterator[Reason]:
    """Require that nothing of ours goes to an isolated or retired wallet of ours.

    Gas from the sponsor is an exception, within its own ceilings: without it the tokens of a wallet
    whose coins were stolen first could not be brought home.
    """
    mark = facts.mark_of(facts.destination)
    if mark is Mark.ISOLATED and facts.terms.purpose is Purpose.TOP_UP:
        return
    if mark is not None and facts.kind is not AttemptKind.CANCEL:
        yield no(f"destination_{mark.value}", f"{facts.terms.destination} is {mark.value}")


def nothing_is_frozen(facts: Facts) -> Iterator[Reason]:
    """Require that while frozen nothing goes toward exposure."""
    if facts.is_frozen and facts.terms.purpose not in TOWARD_SAFETY:
        yield no("frozen", "exposure is frozen until a motion resumes it")


def custody_allows(facts: Facts) -> Iterator[Reason]:
    """Require moves to safety alone in shared custody, where nonces are not ours to assign."""
    source = facts.source
    if source is None or source.custody is Custody.EXCLUSIVE:
        return
    if facts.terms.purpose not in TOWARD_SAFETY:
        yield no("shared_custody", f"{source.name} is in shared custody: only sweep and evacuate")
    elif facts.claimed_nonce is None and facts.is_first_signature:
        yield no("nonce_missing", f"{source.name} is in shared custody: claim the chain's nonce")


def claim_is_heard(facts: Facts) -> Iterator[Reason]:
    """Require that the daemon's word on a nonce counts only where a lie gains nothing."""
    claim, source = facts.claimed_nonce, facts.source
    if claim is None or source is None:
        return
    isolated = facts.mark_of(source) is Mark.ISOLATED
    evacuates = facts.terms.purpose is Purpose.EVACUATION
    if not (isolated and evacuates) and source.custody is not Custody.SHARED:
        yield no("nonce_claimed", "the book assigns nonces; only an evacuation may claim one")
    if claim > MOST_NONCE:
        yield no("nonce_claimed", f"the claimed nonce {claim} cannot exist")
    if facts.is_claim_taken and not evacuates:
        yield no("nonce_taken", f"nonce {claim} belongs to another order")


def salt_is_fresh(facts: Facts) -> Iterator[Reason]:
    """Require that no order with this salt, or a later one of its series, was recorded.

    A daemon that lost its ledger makes the same salt for the same payout again, and finds out here.
    """
    if facts.is_salt_used and facts.is_first_signature:
        yield no("salt_used", "this order or a later one of its payment was recorded before")


def consent_is_given(facts: Facts) -> Iterator[Reason]:
    """Require that a quorum signed exactly these terms, and nobody vetoed them."""
    tally = facts.tally()
    if not tally.reached:
        yield from tally.reasons or (no("no_consent", "the law's consent is not reached"),)


def maker_has_signed(facts: Facts) -> Iterator[Reason]:
    """Require the signature of the person whom the terms name as maker.

    Else a stolen daemon could name a treasurer as maker, to keep that vote from counting.
    """
    maker = facts.terms.maker
    if maker != NATIVE and maker not in facts.approvals:
        yield no("maker_missing", f"the terms name {maker} as maker, who has not signed them")


def nobody_vetoed(facts: Facts) -> Iterator[Reason]:
    """Require that no treasurer vetoed the order, also after its first signature."""
    for address in facts.vetoed_by:
        person = facts.law.treasurer_at(address)
        if person is not None:
            yield no("vetoed", f"{person.name} vetoed it")


EVERY_ORDER: tuple[Rule, ...] = (
    Rule(name="names_are_ours", check=names_are_ours),
    Rule(name="words_match", check=words_match),
    Rule(name="amount_is_positive", check=amount_is_positive),
    Rule(name="law_is_in_force", check=law_is_in_force),
    Rule(name="time_is_right", check=time_is_right),
    Rule(name="fees_are_bounded", check=fees_are_bounded),
    Rule(name="key_is_pinned", check=key_is_pinned),
    Rule(name="source_may_sign", check=source_may_sign),
    Rule(name="destination_may_receive", check=destination_may_receive),
    Rule(name="nothing_is_frozen", check=nothing_is_frozen),
    Rule(name="custody_allows", check=custody_allows),
    Rule(name="claim_is_heard", check=claim_is_heard),
    Rule(name="salt_is_fresh", check=salt_is_fresh),
    Rule(name="maker_has_signed", check=maker_has_signed),
    Rule(name="consent_is_given", check=consent_is_given),
)
