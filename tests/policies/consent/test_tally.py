"""Counting approvals: who counts, how many are needed, and everything that voids them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from policies.consent import (
    Tally,
    Towards,
    motion_digest,
    tally_motion,
    tally_transfer,
    tier_for,
    transfer_digest,
    veto_digest,
)
from policies.crypto import SECP256K1_N, checksum_address
from policies.law import Law, LawError, Tier, law_digest
from policies.terms import NATIVE, Address, MotionKind, MotionTerms, Purpose, TransferTerms
from tests.laws import DEPLOYMENT, ETH, NOON, TOKEN, USDC, address_of, make_law, make_terms, sign

LAW = make_law().law
TERMS = make_terms(LAW)
OTHER_DEPLOYMENT = bytes(32)


def _tally(
    terms: TransferTerms,
    signers: Sequence[str],
    *,
    law: Law = LAW,
    signed: TransferTerms | None = None,
    deployment: bytes = DEPLOYMENT,
    vetoed_by: Sequence[Address] = (),
    rolling_amount: int = 0,
) -> Tally:
    """Tally approvals that `signers` gave to `signed` (or to the terms themselves)."""
    given = transfer_digest(signed or terms, deployment)
    signatures = [sign(name, given) for name in signers]
    digest = transfer_digest(terms, DEPLOYMENT)
    return tally_transfer(
        terms,
        digest,
        signatures,
        law=law,
        vetoed_by=vetoed_by,
        towards=Towards(rolling_amount=rolling_amount),
    )


def _codes(tally: Tally) -> list[str]:
    return [reason.code for reason in tally.reasons]


def test_two_of_three_reach_the_quorum() -> None:
    """R8.5: M distinct treasurers carry a refill, and their names are told."""
    tally = _tally(TERMS, ["bob", "carol"])

    assert tally.reached
    assert tally.required == 2
    assert ["bob", "carol"] == [person.name for person in tally.counted]
    assert tally.reasons == ()


@pytest.mark.parametrize("signers", [[], ["alice"], ["bob"], ["bob", "bob"], ["bob"] * 7])
def test_one_person_is_not_two(signers: list[str]) -> None:
    """R8.5: the same person counts once, however often they sign."""
    tally = _tally(TERMS, signers)

    assert not tally.reached
    assert len(set(signers)) == len(tally.counted)
    assert ["quorum_missing"] == _codes(tally)
    assert f"{len(set(signers))} of 2 approvals" == tally.reasons[0].text


@pytest.mark.parametrize("name", ["alice", "Alice", "ALICE"])
def test_nobody_stands_in_the_roster_with_two_keys(name: str) -> None:
    """R8.5: a second key of one person is refused with the law, so it never counts."""
    with pytest.raises(LawError, match=r"roster.treasurers.name = alice: stands 2 times"):
        make_law(**{"roster.treasurers.1.name": name})


def test_two_encodings_of_one_signature_are_one_approval() -> None:
    """R8.4: v as 27 or as 0 changes the bytes, not the person."""
    digest = transfer_digest(TERMS, DEPLOYMENT)
    first = sign("alice", digest)
    again = first[:64] + bytes([first[64] - 27])

    tally = tally_transfer(TERMS, digest, [first, again], law=LAW)

    assert not tally.reached
    assert len(tally.counted) == 1


@pytest.mark.parametrize("signers", list(itertools.permutations(["alice", "bob", "carol"], 2)))
def test_the_maker_is_no_checker(signers: tuple[str, str]) -> None:
    """R8.5: whoever proposed it does not count, even when the signature is good."""
    terms = make_terms(LAW, maker=address_of("alice"))

    tally = _tally(terms, signers)

    assert ("alice" not in signers) == tally.reached
    assert ("alice" in signers) == ("maker_is_checker" in _codes(tally))


def test_a_stranger_does_not_count() -> None:
    """R8.5: a signature of nobody in the roster is a reason, not an approval."""
    tally = _tally(TERMS, ["alice", "mallory"])

    assert not tally.reached
    assert ["not_in_roster", "quorum_missing"] == _codes(tally)
    assert address_of("mallory") in tally.reasons[0].text


def test_forged_and_malleable_signatures_do_not_count() -> None:
    """R8.4: high s, wrong length and random bytes are reasons and never exceptions."""
    digest = transfer_digest(TERMS, DEPLOYMENT)
    good = sign("alice", digest)
    high = (SECP256K1_N - int.from_bytes(good[32:64], "big")).to_bytes(32, "big")
    forged = [good[:32] + high + good[64:], good[:64], b"", b"\0" * 65, b"\xff" * 65]

    tally = tally_transfer(TERMS, digest, forged, law=LAW)

    assert tally.counted == ()
    assert ["bad_signature"] * 5 + ["quorum_missing"] == _codes(tally)


def _neighbour(value: object) -> object:
    if isinstance(value, Purpose):
        return Purpose.WITHDRAWAL
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1, *value[1:]])
    if isinstance(value, int):
        return value + 1
    assert isinstance(value, str)
    if value.startswith("0x"):
        return checksum_address(bytes([int(value[2:4], 16) ^ 1, *bytes.fromhex(value[4:])]))
    return value + "."


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(TransferTerms)])
def test_change_of_any_field_voids_every_approval(field: str) -> None:
    """R8.1: approvals of the terms as they were count for nothing after any change."""
    signed = _tally(TERMS, ["alice", "bob"])
    changes: dict[str, Any] = {field: _neighbour(getattr(TERMS, field))}
    changed = dataclasses.replace(TERMS, **changes)

    tally = _tally(changed, ["alice", "bob", "carol"], signed=TERMS)

    assert signed.reached
    assert tally.counted == ()
    assert not (tally.reached and tally.required)


def test_consent_for_another_chain_or_deployment_is_void() -> None:
    """R8.2: the same refill elsewhere is another refill."""
    elsewhere = make_terms(LAW, chain_id=1)

    assert not _tally(TERMS, ["alice", "bob"], signed=elsewhere).reached
    assert not _tally(TERMS, ["alice", "bob"], deployment=OTHER_DEPLOYMENT).reached


def test_consent_under_another_law_is_void() -> None:
    """R8.2: when the law changes, open proposals need a new proposal and new consent."""
    changed = make_law(**{"pools.main.assets.ETH.band.cap": "101 ETH"}).law

    tally = _tally(TERMS, ["alice", "bob"], law=changed)

    assert not tally.reached
    assert ["law_changed"] == _codes(tally)


def test_a_treasurer_who_left_takes_the_approvals_along() -> None:
    """R1.4: under the new roster a former treasurer's signature is a stranger's."""
    people = [{"name": n, "address": address_of(n)} for n in ("alice", "carol", "dora")]
    law = make_law(**{"roster.treasurers": people}).law
    terms = make_terms(law)

    tally = _tally(terms, ["alice", "bob"], law=law)

    assert not tally.reached
    assert ["not_in_roster", "quorum_missing"] == _codes(tally)


def test_one_veto_ends_it_whatever_the_count() -> None:
    """R2.10: toward safety one person is enough, even against everybody's approval."""
    tally = _tally(TERMS, ["alice", "bob", "carol"], vetoed_by=[address_of("bob")])

    assert not tally.reached
    assert len(tally.counted) == 3
    assert "bob vetoed it" in [reason.text for reason in tally.reasons]


def test_a_strangers_veto_is_no_veto() -> None:
    """Nobody outside the roster can stop a refill by signing."""
    assert _tally(TERMS, ["alice", "bob"], vetoed_by=[address_of("mallory")]).reached


def test_a_veto_signature_is_no_approval() -> None:
    """R8.1: a signature over the veto of these terms cannot be counted for them."""
    digest = transfer_digest(TERMS, DEPLOYMENT)
    vetoes = [sign(name, veto_digest(digest, DEPLOYMENT)) for name in ("alice", "bob")]

    tally = tally_transfer(TERMS, digest, vetoes, law=LAW)

    assert not tally.reached
    assert tally.counted == ()


@pytest.mark.parametrize(
    ("amount", "rolling", "required", "time_lock_s"),
    [
        (50 * ETH - 1, 0, 2, 0),
        (50 * ETH, 0, 2, 0),
        (50 * ETH + 1, 0, 3, 60),
        (10 * ETH, 40 * ETH - 1, 2, 0),
        (10 * ETH, 40 * ETH, 2, 0),
        (10 * ETH, 40 * ETH + 1, 3, 60),
        (1, 50 * ETH, 3, 60),
    ],
)
def test_tiers_by_amount_and_rolling_sum(
    amount: int, rolling: int, required: int, time_lock_s: int
) -> None:
    """R8.5: a bound belongs to its tier, and splitting a refill does not dodge the next one."""
    terms = make_terms(LAW, amount=amount)

    tally = _tally(terms, ["alice", "bob"], rolling_amount=rolling)

    assert required == tally.required
    assert time_lock_s == tally.time_lock_s
    assert (required == 2) == tally.reached


EMERGENCY = {"up_to": "30 ETH", "approvals": 3, "time_lock_s": 9}


@pytest.mark.parametrize(
    ("rolling", "is_emergency", "required", "time_lock_s"),
    [(0, True, 3, 9), (1, True, 2, 0), (0, False, 2, 0)],
)
def test_an_emergency_has_a_tier_of_its_own(
    rolling: int, is_emergency: bool, required: int, time_lock_s: int
) -> None:
    """Up to its bound, what was signed in the window included; beyond it the usual tiers count."""
    law = make_law(**{"pools.main.assets.ETH.refill.emergency": EMERGENCY}).law
    terms = make_terms(law, amount=30 * ETH)
    digest = transfer_digest(terms, DEPLOYMENT)
    towards = Towards(rolling_amount=rolling, is_emergency=is_emergency)
    tally = tally_transfer(terms, digest, (), law=law, towards=towards)

    assert (required, time_lock_s) == (tally.required, tally.time_lock_s)


def test_tiers_without_end_or_without_match() -> None:
    """A list of tiers that does not reach the amount gives no tier, which is a refusal."""
    small, large = (
        Tier(up_to=5, approvals=1, time_lock_s=0),
        Tier(up_to=None, approvals=2, time_lock_s=0),
    )

    assert tier_for([small, large], 5) is small
    assert tier_for([small, large], 6) is large
    assert tier_for([small], 6) is None
    assert tier_for([], 0) is None


@pytest.mark.parametrize("purpose", [Purpose.SWEEP, Purpose.EVACUATION, Purpose.TOP_UP])
def test_toward_safety_needs_nobody(purpose: Purpose) -> None:
    """R2.10: sweeps, evacuations and top-ups need no approval; the guard rules them."""
    tally = _tally(make_terms(LAW, purpose=purpose), [])

    assert tally.reached
    assert tally.required == 0


def test_moves_to_safety_outlive_a_law() -> None:
    """R2.10: a sweep that was drafted under the former law still goes home."""
    terms = make_terms(LAW, purpose=Purpose.SWEEP, law_digest=bytes(32))

    tally = _tally(terms, [])
    assert tally.reached
    assert (tally.required, tally.time_lock_s, tally.reasons) == (0, 0, ())


@pytest.mark.parametrize(("amount", "required"), [(4 * ETH - 1, 0), (4 * ETH, 0), (4 * ETH + 1, 1)])
def test_large_withdrawals_wait_for_treasurers(amount: int, required: int) -> None:
    """Above `hold_above`, and not at it, a withdrawal needs its approvals."""
    terms = make_terms(
        LAW,
        purpose=Purpose.WITHDRAWAL,
        source=address_of("hot-a"),
        destination=address_of("customer"),
        amount=amount,
    )

    assert (required, 0) == (_tally(terms, []).required, _tally(terms, []).time_lock_s)
    assert (required == 0) == _tally(terms, []).reached
    assert _tally(terms, ["alice"]).reached


def test_one_approval_is_consent_to_one_law_too() -> None:
    """R8.2: a withdrawal that needs a single treasurer is void under another law."""
    terms = make_terms(
        LAW,
        purpose=Purpose.WITHDRAWAL,
        source=address_of("hot-a"),
        destination=address_of("customer"),
        amount=4 * ETH + 1,
        law_digest=bytes(32),
    )
    tally = _tally(terms, ["alice"])

    assert ("law_changed" in _codes(tally), tally.reached) == (True, False)


def test_without_a_threshold_no_withdrawal_waits() -> None:
    """A law that leaves `hold_above` out holds none."""
    law = make_law(
        **{
            "pools.main.assets.USDC.withdrawal": {
                "per_transfer": "5",
                "window_s": 1,
                "window_amount": "5",
                "window_count": 1,
                "first_use_amount": "5",
            }
        }
    ).law
    terms = make_terms(
        law, purpose=Purpose.WITHDRAWAL, source=address_of("hot-a"), asset=TOKEN, amount=5 * USDC
    )

    assert _tally(terms, [], law=law).reached


@pytest.mark.parametrize(
    "changes",
    [
        {"destination": address_of("mallory")},
        {"destination": address_of("vault")},
        {"asset": address_of("mallory")},
        {"chain_id": 1},
        {"purpose": Purpose.WITHDRAWAL, "source": address_of("vault")},
        {"purpose": Purpose.WITHDRAWAL, "source": address_of("hot-a"), "asset": TOKEN},
    ],
)
def test_what_the_law_has_no_rule_for_is_refused(changes: dict[str, object]) -> None:
    """R1.10: no rule means no, however many sign."""
    tally = _tally(make_terms(LAW, **changes), ["alice", "bob", "carol"])

    assert not tally.reached
    assert ["no_tier"] == _codes(tally)


def test_an_asset_outside_the_pool_has_no_refill_rule() -> None:
    """R1.10: a token that the chain has but the pool does not is never refilled."""
    dai: Address = address_of("dai")
    law = make_law(**{"chains.devnet.tokens.DAI": {"address": dai, "decimals": 18}}).law

    assert ["no_tier"] == _codes(_tally(make_terms(law, asset=dai), ["alice", "bob"], law=law))


def _motion(law: Law, maker: Address = NATIVE) -> MotionTerms:
    return MotionTerms(
        what="Retire wallet hot-a for ever",
        kind=MotionKind.RETIRE,
        salt=bytes(16),
        payload_digest=bytes(32),
        maker=maker,
        proposed_at=NOON,
        expires_at=NOON + 60,
        law_digest=law_digest(law),
    )


@pytest.mark.parametrize(
    ("maker", "signers", "reached"),
    [
        (NATIVE, ["alice", "bob"], True),
        (NATIVE, ["alice"], False),
        (NATIVE, ["alice", "alice"], False),
        (address_of("alice"), ["alice", "bob"], False),
        (address_of("alice"), ["carol", "bob"], True),
        (NATIVE, ["alice", "mallory"], False),
    ],
)
def test_motions_need_the_rosters_quorum(maker: Address, signers: list[str], reached: bool) -> None:
    """R8.5: the roster's M, distinct, without the maker."""
    terms = _motion(LAW, maker)
    digest = motion_digest(terms, DEPLOYMENT)

    tally = tally_motion(terms, digest, [sign(name, digest) for name in signers], law=LAW)

    assert reached == tally.reached
    assert (tally.required, tally.time_lock_s) == (2, 0)


def test_a_vetoed_motion_and_one_under_another_law() -> None:
    """R8.2, R2.10: one veto or a changed law stops a motion too."""
    terms = _motion(LAW)
    digest = motion_digest(terms, DEPLOYMENT)
    signatures = [sign(name, digest) for name in ("alice", "bob")]
    other = make_law(activation_s=5).law

    vetoed = tally_motion(terms, digest, signatures, law=LAW, vetoed_by=[address_of("carol")])
    stale = tally_motion(terms, digest, signatures, law=other)

    assert ["vetoed"] == _codes(vetoed)
    assert ["law_changed"] == _codes(stale)
    assert not vetoed.reached
    assert not stale.reached
