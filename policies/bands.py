"""Floor, target and cap: what one wallet's balance of one asset asks for.

    projected = observed + inbound - outbound

Below the floor: refill up to the target. Above the cap: sweep down to `sweep_to`. Exactly at the
floor or exactly at the cap: hold; both bounds belong to the band. Unknown or stale: hold, in both
directions. All amounts are base units, exact to the last one.

A refill raises exposure, so everything must speak for it: wallet ACTIVE and calm, no refill open,
cooldown over, window open (or below the urgent floor), vault able to give. A sweep lowers it, so
it asks nobody: neither alarm nor schedule nor cooldown stops it, only a fee that cannot be paid.

In an emergency, when the wallet took over from an isolated one, a refill waits for no schedule and
no cooldown, and brings at most what the emergency tier still gives: who took one key may have the
next. What is beyond that goes the ordinary way.

Not guaranteed: that an amount is still right when it is signed. `judge_release` asks again.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.band_facts import BandFacts, Hold, Refill, Sweep
from policies.law import Band
from policies.lifecycles import WalletState
from policies.runway import is_within
from policies.terms import Reason

__all__ = [
    "BandFacts",
    "Hold",
    "Refill",
    "Sweep",
    "assess",
    "is_urgent",
    "judge_release",
]

_ROUNDING_SHARE = 20


def assess(facts: BandFacts, band: Band) -> Hold | Refill | Sweep:
    """Say what the balance asks for: hold, refill or sweep, with all reasons."""
    projected = facts.projected
    doubts = tuple(_doubts(facts))
    if projected is None or doubts:
        return Hold(reasons=doubts)
    if is_within(band, projected, facts.outflow_per_h, facts.lead_time_s):
        text = f"projected {facts.show(projected)} lies within the band"
        return Hold(reasons=(Reason(code="within_band", text=text),))
    if projected > band.cap:
        return _sweep(facts, band, projected)
    return _refill(facts, band, projected, tuple(_wants_refill(facts, band, projected)))


def judge_release(facts: BandFacts, band: Band, amount: int) -> tuple[Reason, ...]:
    """Say why an approved refill of `amount` must not go out now; empty means that it may.

    Asked once for the facts at the head and once for those at the finalised block; the refill
    itself is not yet `inbound`. Its own being open, and the cooldown, are no obstacle here.
    """
    projected = facts.projected
    doubts = tuple(_doubts(facts))
    if projected is None or doubts:
        return doubts
    room = band.target - projected
    reasons = list(_wallet_blocks(facts))
    if amount > (facts.emergency_left or 0):
        reasons.extend(_window_blocks(facts, band, projected))
    if amount > room:
        text = f"only {facts.show(max(room, 0))} are missing to the target now"
        reasons.append(Reason(code="above_target", text=text))
    reasons.extend(_vault_blocks(facts, band))
    available = _vault_gives(facts, band)
    if available is not None and amount > available:
        text = f"the vault can give {facts.show(available)} only"
        reasons.append(Reason(code="vault_short", text=text))
    return tuple(reasons)


def is_urgent(band: Band, projected: int) -> bool:
    """Say whether the balance is so low that the refill schedule does not matter."""
    return projected < band.urgent_floor


def _doubts(facts: BandFacts) -> Iterator[Reason]:
    """Tell what makes the balance itself doubtful: these stop both directions."""
    if facts.observed is None or facts.observed_at is None:
        yield Reason(code="balance_unknown", text="the balance is unknown; unknown is never zero")
        return
    age = facts.now - facts.observed_at
    if age > facts.stale_after_s:
        text = f"the balance is {age} s old, {facts.stale_after_s} s are allowed"
        yield Reason(code="stale", text=text)
    if age < 0:
        yield Reason(code="stale", text="the balance was read after now; check the clock")


def _wants_refill(facts: BandFacts, band: Band, projected: int) -> Iterator[Reason]:
    shown = facts.show(projected)
    if projected < band.floor:
        text = f"projected {shown} is below the floor {facts.show(band.floor)}"
        yield Reason(code="below_floor", text=text)
    if is_urgent(band, projected):
        text = f"projected {shown} is below the urgent floor {facts.show(band.urgent_floor)}"
        yield Reason(code="urgent", text=text)
    if projected >= band.floor:
        text = (
            f"projected {shown} falls to the floor before the {facts.lead_time_s} s "
            f"that approval takes (outflow {facts.show(facts.outflow_per_h)} per hour)"
        )
        yield Reason(code="short_runway", text=text)


def _refill(
    facts: BandFacts, band: Band, projected: int, wanted: tuple[Reason, ...]
) -> Hold | Refill:
    blocks = (
        *_wallet_blocks(facts),
        *_pace_blocks(facts, band, projected),
        *_vault_blocks(facts, band),
    )
    missing = band.target - projected
    amount, limits = _limited(facts, band, missing)
    if amount < band.minimum_move:
        text = (
            f"{facts.show(max(amount, 0))} is less than the minimum move "
            f"{facts.show(band.minimum_move)}"
        )
        limits = (*limits, Reason(code="below_minimum_move", text=text))
        return Hold(reasons=(*wanted, *blocks, *limits))
    if blocks:
        return Hold(reasons=(*wanted, *blocks, *limits))
    return Refill(amount=_rounded(amount, band), reasons=(*wanted, *limits))


def _emergency(facts: BandFacts, band: Band) -> int | None:
    """Return what an emergency refill may bring, None when the refill goes the ordinary way."""
    left = facts.emergency_left
    return left if left is not None and left >= band.minimum_move else None


def _limited(facts: BandFacts, band: Band, missing: int) -> tuple[int, tuple[Reason, ...]]:
    """Reduce what is missing to what may come, and say what reduced it."""
    amount, reasons = missing, []
    emergency = _emergency(facts, band)
    if emergency is not None:
        amount = min(amount, emergency)
        text = f"it took over from an isolated wallet: an emergency gives {facts.show(emergency)}"
        reasons.append(Reason(code="emergency", text=text))
    if amount > band.cap:
        # The signer's refill window is as large as the cap: what a stolen key may cost bounds
        # each refill even while more than the balance is on its way out.
        amount = band.cap
        text = f"one refill never exceeds the cap {facts.show(band.cap)}"
        reasons.append(Reason(code="cap_limits", text=text))
    if facts.window_left is not None and amount > facts.window_left:
        amount = max(facts.window_left, 0)
        text = f"the signer's refill window has {facts.show(amount)} left"
        reasons.append(Reason(code="window_short", text=text))
    available = _vault_gives(facts, band)
    if available is not None and amount > available:
        amount = available
        text = f"the vault can give {facts.show(available)} only"
        reasons.append(Reason(code="vault_short", text=text))
    return amount, tuple(reasons)


def _rounded(amount: int, band: Band) -> int:
    """Round down to the coarsest power of ten that gives up at most a 20th of target - floor."""
    allowed = (band.target - band.floor) // _ROUNDING_SHARE
    step: int = 10 ** len(str(amount))
    while amount % step > allowed or amount - amount % step < band.minimum_move:
        step //= 10
    return amount - amount % step


def _wallet_blocks(facts: BandFacts) -> Iterator[Reason]:
    if facts.wallet_state is not WalletState.ACTIVE:
        text = f"the wallet is {facts.wallet_state}; only an ACTIVE one is refilled"
        yield Reason(code="not_active", text=text)
    if not facts.is_calm:
        yield Reason(code="not_calm", text="its outflow is not explained; guard comes first")
    if facts.is_quarantined:
        text = f"{facts.asset.symbol} is quarantined; nothing in it moves toward exposure"
        yield Reason(code="quarantined", text=text)


def _pace_blocks(facts: BandFacts, band: Band, projected: int) -> Iterator[Reason]:
    if facts.has_open_refill:
        yield Reason(code="refill_open", text="a refill for this wallet and asset is open")
    if _emergency(facts, band) is not None:
        return
    if facts.last_refill_at is not None:
        wait = facts.last_refill_at + band.cooldown_s - facts.now
        if wait > 0:
            yield Reason(code="cooldown", text=f"the cooldown lasts {wait} s more")
    yield from _window_blocks(facts, band, projected)


def _window_blocks(facts: BandFacts, band: Band, projected: int) -> Iterator[Reason]:
    if not facts.is_window_open and not is_urgent(band, projected):
        yield Reason(
            code="window_closed", text="the refill schedule is closed, and it is not urgent"
        )


def _vault_blocks(facts: BandFacts, band: Band) -> Iterator[Reason]:
    if facts.vault_balance is None or facts.vault_native is None:
        yield Reason(code="vault_unknown", text="the vault's balance is unknown")
    elif facts.vault_native < facts.fee_ceiling + band.fee_headroom:
        yield Reason(code="vault_fees", text="the vault lacks native coin for the fee and headroom")


def _vault_gives(facts: BandFacts, band: Band) -> int | None:
    """Return the most that the vault can send, None when unknown."""
    if facts.vault_balance is None:
        return None
    fees = facts.fee_ceiling + band.fee_headroom if facts.asset.is_native else 0
    return max(facts.vault_balance - fees, 0)


def _sweep(facts: BandFacts, band: Band, projected: int) -> Hold | Sweep:
    """Sweep down to `sweep_to`, keeping the fee, and never below the floor before inbound lands."""
    text = f"projected {facts.show(projected)} is above the cap {facts.show(band.cap)}"
    above = Reason(code="above_cap", text=text)
    fee = facts.fees_claimed + (facts.fee_ceiling if facts.asset.is_native else 0)
    present = projected - facts.inbound
    amount = min(projected - band.sweep_to, present - band.floor) - fee
    blocks = list(_sweep_blocks(facts))
    if amount < band.minimum_move:
        text = f"less than the minimum move {facts.show(band.minimum_move)} can go now"
        blocks.append(Reason(code="below_minimum_move", text=text))
    if blocks:
        return Hold(reasons=(above, *blocks))
    return Sweep(amount=amount, reasons=(above,))


def _sweep_blocks(facts: BandFacts) -> Iterator[Reason]:
    if facts.wallet_state not in (WalletState.ACTIVE, WalletState.STANDBY):
        text = f"the wallet is {facts.wallet_state}; its balance is evacuated, not swept"
        yield Reason(code="not_sweepable", text=text)
    if facts.asset.is_native:
        return  # the fee is kept back from the amount itself
    if facts.wallet_native is None:
        yield Reason(code="gas_unknown", text="the wallet's native balance is unknown")
    elif facts.wallet_native < facts.fee_ceiling:
        yield Reason(code="no_gas", text="the wallet lacks native coin for the fee of a sweep")
