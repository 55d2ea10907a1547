"""Count approvals: whose signature counts, how many are needed, how long to wait.

A signature counts once, when it recovers to a treasurer of the law that the terms name, who is
not the maker. One signed veto ends the matter. Unknown signatures are reasons, never errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policies.crypto import BadSignatureError, recover_address
from policies.law import Law, RefillRule, Tier, Treasurer, law_digest
from policies.terms import NATIVE, Address, MotionTerms, Purpose, Reason, TransferTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The count for one digest: `reached` says that enough distinct treasurers signed.

    `reasons` tell why signatures did not count and what is still missing; `time_lock_s` is the
    wait after the quorum was seen.
    """

    required: int
    counted: tuple[Treasurer, ...]
    reached: bool
    time_lock_s: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Towards:
    """What a refill's tier depends on besides its amount.

    `rolling_amount` is what was already signed toward the same wallet in the tier's window, so
    that splitting a refill does not dodge a tier. `is_emergency`: the wallet took over from an
    isolated one.
    """

    rolling_amount: int = 0
    is_emergency: bool = False


_NOBODY = Tier(up_to=None, approvals=0, time_lock_s=0)


def tier_for(tiers: Sequence[Tier], amount: int) -> Tier | None:
    """Return the first tier whose bound is at or above the amount; None when there is none."""
    return next((t for t in tiers if t.up_to is None or amount <= t.up_to), None)


def tally_transfer(
    terms: TransferTerms,
    digest: bytes,
    signatures: Sequence[bytes],
    *,
    law: Law,
    vetoed_by: Sequence[Address] = (),
    towards: Towards | None = None,
) -> Tally:
    """Count approvals of transfer terms; `towards` tells of the wallet that a refill goes to."""
    tier = _tier_of(terms, law, towards or Towards())
    if tier is None:
        reason = Reason(code="no_tier", text="the law has no rule of consent for this transfer")
        return _refusal(reason)
    return _count(terms, digest, signatures, law=law, vetoed_by=vetoed_by, tier=tier)


def tally_motion(
    terms: MotionTerms,
    digest: bytes,
    signatures: Sequence[bytes],
    *,
    law: Law,
    vetoed_by: Sequence[Address] = (),
) -> Tally:
    """Count approvals of motion terms under the roster of `law`."""
    tier = Tier(up_to=None, approvals=law.roster.quorum, time_lock_s=0)
    return _count(terms, digest, signatures, law=law, vetoed_by=vetoed_by, tier=tier)


def _refill_tier(rule: RefillRule, amount: int, towards: Towards) -> Tier | None:
    first = rule.emergency if towards.is_emergency else None
    tiers = rule.tiers if first is None else (first, *rule.tiers)
    return tier_for(tiers, amount + towards.rolling_amount)


def _tier_of(terms: TransferTerms, law: Law, towards: Towards) -> Tier | None:
    """Return the consent that a transfer needs; toward safety nobody, toward exposure M of N."""
    if terms.purpose in (Purpose.SWEEP, Purpose.EVACUATION, Purpose.TOP_UP):
        return _NOBODY
    asset = law.asset_at(terms.chain_id, terms.asset)
    hot = terms.destination if terms.purpose is Purpose.REFILL else terms.source
    wallet = law.wallet_at(terms.chain_id, hot)
    pool = law.pool_of(wallet.name) if wallet else None
    if asset is None or pool is None:
        return None
    if terms.purpose is Purpose.REFILL:
        rule = pool.refills.get(asset.symbol)
        return _refill_tier(rule, terms.amount, towards) if rule else None
    limit = pool.withdrawals.get(asset.symbol)
    if limit is None:
        return None
    held = limit.hold_above is not None and terms.amount > limit.hold_above
    return Tier(up_to=None, approvals=limit.hold_approvals if held else 0, time_lock_s=0)


def _count(
    terms: TransferTerms | MotionTerms,
    digest: bytes,
    signatures: Sequence[bytes],
    *,
    law: Law,
    vetoed_by: Sequence[Address],
    tier: Tier,
) -> Tally:
    counted: dict[Address, Treasurer] = {}
    reasons: list[Reason] = []
    for signature in signatures:
        verdict = _vote(digest, signature, terms.maker, law)
        if isinstance(verdict, Reason):
            reasons.append(verdict)
        else:
            counted[verdict.address] = verdict
    reasons.extend(_veto_reasons(law, vetoed_by))
    vetoed = any(reason.code == "vetoed" for reason in reasons)
    stale = tier.approvals > 0 and terms.law_digest != law_digest(law)
    if stale:
        text = "the terms were made under another law; propose again"
        reasons.append(Reason(code="law_changed", text=text))
    if len(counted) < tier.approvals:
        text = f"{len(counted)} of {tier.approvals} approvals"
        reasons.append(Reason(code="quorum_missing", text=text))
    return Tally(
        required=tier.approvals,
        counted=tuple(counted.values()),
        reached=len(counted) >= tier.approvals and not vetoed and not stale,
        time_lock_s=tier.time_lock_s,
        reasons=tuple(reasons),
    )


def _vote(digest: bytes, signature: bytes, maker: Address, law: Law) -> Treasurer | Reason:
    try:
        address = recover_address(digest, signature)
    except BadSignatureError as error:
        return Reason(code="bad_signature", text=f"a signature does not count: {error}")
    person = law.treasurer_at(address)
    if person is None:
        text = f"a signature of {address} does not count: not in the roster, or over other terms"
        return Reason(code="not_in_roster", text=text)
    if address == maker != NATIVE:
        text = f"{person.name} made the proposal and does not count as a checker"
        return Reason(code="maker_is_checker", text=text)
    return person


def _veto_reasons(law: Law, vetoed_by: Sequence[Address]) -> list[Reason]:
    people = [person for a in vetoed_by if (person := law.treasurer_at(a)) is not None]
    return [Reason(code="vetoed", text=f"{person.name} vetoed it") for person in people]


def _refusal(reason: Reason) -> Tally:
    return Tally(required=0, counted=(), reached=False, time_lock_s=0, reasons=(reason,))
