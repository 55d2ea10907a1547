"""The daemon's preview and the signer's rules give the same refusals for the same facts.

Both ask `policies.limits`; what could differ is the sums that they bring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from hsm.book.spends import Totals
from hsm.guard.facts import Facts
from hsm.guard.purposes import BY_PURPOSE
from hsm.guard.rules import Rule
from hsm.wire.answers import AttemptKind, Fees
from policies.law import Law, law_digest
from policies.limits import (
    WindowFacts,
    WithdrawalFacts,
    judge_refill,
    judge_token_fee,
    judge_top_up,
    judge_withdrawal,
)
from policies.terms import NATIVE, Address, Purpose, Reason, TransferTerms
from tests.laws import ETH, NOON, USDC, address_of, make_law, make_terms

CUSTOMER, DENIED = (address_of(name) for name in ("customer", "denied"))
LAW = make_law(
    **{
        "pools.main.deny": [DENIED],
        "pools.main.assets.USDC.withdrawal": {
            "per_transfer": "5000 USDC",
            "window_s": 3600,
            "window_amount": "20000 USDC",
            "window_count": 4,
            "first_use_amount": "8000 USDC",
        },
        "pools.main.assets.ETH.withdrawal.window_count": 4,
    }
).law
POOL = LAW.pools[0]
COIN, TOKEN = LAW.assets[0], LAW.assets[1]
WINDOW_S = 3600
HOT, VAULT, SPONSOR = (address_of(name) for name in ("hot-a", "vault", "sponsor"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """A former movement."""

    at: int
    asset: Address
    amount: int
    fee: int
    first_use: bool


def _totals(
    terms: TransferTerms, *, outgoing: Sequence[Spend], incoming: Sequence[Spend]
) -> Totals:
    """Sum up the past as the signer's book does, for the windows of `LAW`."""
    out = [s for s in outgoing if s.at > NOON - WINDOW_S]
    same = [s for s in out if s.asset == terms.asset]
    fees = sum(s.fee for s in out)
    return Totals(
        refilled=sum(s.amount for s in incoming if s.asset == terms.asset),
        withdrawn=sum(s.amount for s in same),
        withdrawn_new=sum(s.amount for s in same if s.first_use),
        withdrawals=len(out),
        withdrawal_fees=fees,
        native_cost=fees + sum(s.amount for s in out if s.asset == NATIVE),
        topped_up=sum(s.amount + s.fee for s in out),
    )


def _facts(
    terms: TransferTerms,
    *,
    outgoing: Sequence[Spend] = (),
    incoming: Sequence[Spend] = (),
    recipient_since: int | None = None,
    law: Law = LAW,
) -> Facts:
    return Facts(
        terms=terms,
        order_id=bytes(32),
        kind=AttemptKind.ORIGINAL,
        fees=Fees(gas_limit=21_000, max_fee_per_gas=1, max_priority_fee_per_gas=1),
        now=NOON,
        law=law,
        is_coming=False,
        in_force_digest=law_digest(law),
        order=None,
        claimed_nonce=None,
        is_claim_taken=False,
        is_salt_used=False,
        approvals={},
        vetoed_by=(),
        marks={},
        active={"main": "hot-a"},
        is_frozen=False,
        pinned_addresses={},
        totals=_totals(terms, outgoing=outgoing, incoming=incoming),
        recipient_since=recipient_since,
    )


def _signer_says(facts: Facts, *names: str) -> set[str]:
    rules: dict[str, Rule] = {rule.name: rule for rule in BY_PURPOSE[facts.terms.purpose]}
    return {reason.code for name in names for reason in rules[name].check(facts)}


def _daemon_says(reasons: tuple[Reason, ...]) -> set[str]:
    return {reason.code for reason in reasons}


@st.composite
def spends(draw: st.DrawFn) -> Spend:
    """Draw a former movement, also right at the edge of the window."""
    asset = draw(st.sampled_from([COIN, TOKEN]))
    unit = ETH if asset.is_native else 1000 * USDC
    age = draw(st.sampled_from([0, 1, WINDOW_S - 1, WINDOW_S, WINDOW_S + 1]))
    return Spend(
        at=NOON - age,
        asset=asset.address,
        amount=draw(st.integers(1, 6)) * unit,
        fee=draw(st.sampled_from([0, ETH // 100])),
        first_use=draw(st.booleans()),
    )


def _window(past: Sequence[Spend], asset: Address) -> WindowFacts:
    """Sum up a window as the contract tells it."""
    inside = [s for s in past if s.at > NOON - WINDOW_S]
    same = [s for s in inside if s.asset == asset]
    fees = sum(s.fee for s in inside) if asset == NATIVE else 0
    return WindowFacts(
        amount=sum(s.amount for s in same) + fees,
        count=len(inside),
        first_use_amount=sum(s.amount for s in same if s.first_use),
    )


@settings(max_examples=300, deadline=None)
@given(
    st.lists(spends(), max_size=6),
    st.sampled_from([COIN, TOKEN]),
    st.integers(1, 6),
    st.sampled_from([-1, 0, 1]),
    st.tuples(
        st.sampled_from([CUSTOMER, DENIED, VAULT, NATIVE, TOKEN.address]),
        st.sampled_from([None, NOON - WINDOW_S - 1, NOON - WINDOW_S, NOON - WINDOW_S + 1]),
    ),
)
def test_withdrawals_are_refused_for_the_same_reasons(
    past: list[Spend],
    asset: object,
    units: int,
    step: int,
    recipient: tuple[Address, int | None],
) -> None:
    """R2.0: what the preview lets pass the signer signs, and the other way round, code by code."""
    destination, paid_at = recipient
    token = asset == TOKEN
    chosen = TOKEN if token else COIN
    terms = make_terms(
        LAW,
        purpose=Purpose.WITHDRAWAL,
        source=HOT,
        destination=destination,
        asset=chosen.address,
        amount=units * (1000 * USDC if token else ETH) + step,
    )
    signer = _signer_says(
        _facts(terms, outgoing=past, recipient_since=paid_at),
        "withdrawal_limits",
        "withdrawal_destination",
        "withdrawal_fees",
    )
    is_first_use = paid_at is None or paid_at > NOON - WINDOW_S
    seen = WithdrawalFacts(
        asset=chosen,
        destination=destination,
        amount=terms.amount,
        max_fee=terms.max_fee,
        window=_window(past, chosen.address),
        is_first_use=is_first_use,
    )
    preview = judge_withdrawal(seen, law=LAW, pool=POOL, in_signer=True)
    if token:
        rule, native = POOL.withdrawals["ETH"], _window(past, NATIVE)
        preview += judge_token_fee(rule.window_amount, max_fee=terms.max_fee, native_window=native)

    assert signer == _daemon_says(preview)


@settings(max_examples=100, deadline=None)
@given(st.lists(spends(), max_size=30), st.integers(1, 101 * ETH))
def test_refills_are_refused_for_the_same_reasons(past: list[Spend], amount: int) -> None:
    """R2.14: the cap bounds signed refills in both processes alike."""
    terms = make_terms(LAW, amount=amount)
    day = POOL.refills["ETH"].window_s
    signed = sum(s.amount for s in past if s.asset == NATIVE and s.at > NOON - day)

    signer = _signer_says(_facts(terms, incoming=past), "refill_window")
    preview = judge_refill(
        COIN, POOL.bands["ETH"], amount=amount, window=WindowFacts(amount=signed)
    )

    assert signer == _daemon_says(preview)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(spends(), max_size=3),
    st.integers(ETH // 2 - 1, ETH // 2 + 1),
    st.sampled_from([COIN, TOKEN]),
)
def test_top_ups_are_refused_for_the_same_reasons(
    past: list[Spend], amount: int, asset: object
) -> None:
    """R2.14: gas for others is bounded in both processes alike."""
    chosen = TOKEN if asset == TOKEN else COIN
    rule = LAW.top_ups[0]
    terms = make_terms(
        LAW,
        purpose=Purpose.TOP_UP,
        source=SPONSOR,
        destination=HOT,
        asset=chosen.address,
        amount=amount,
    )
    given_away = sum(s.amount + s.fee for s in past if s.at > NOON - rule.window_s)

    signer = _signer_says(_facts(terms, outgoing=past), "top_up_route", "top_up_limits")
    preview = judge_top_up(
        chosen,
        rule,
        amount=amount,
        max_fee=terms.max_fee,
        window=WindowFacts(amount=given_away),
    )

    assert signer == _daemon_says(preview)
