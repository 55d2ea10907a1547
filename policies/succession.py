"""Which standby takes over when a pool's active wallet is cut off.

A thief who has one machine or one token may have all that shares its fate, so a standby of
another fate group comes first. An unhealthy or unknown standby never takes over: no successor is
better than one that cannot pay or is already stolen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from policies.law import Pool, Wallet
from policies.lifecycles import WalletState
from policies.terms import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One member of the pool, in the order of the law.

    `is_healthy`: its key answers, its nonce agrees with the chain, no drop is unexplained; None
    when unknown. `balance`: native coin or the pool's asset, None when unknown.
    """

    wallet: Wallet
    state: WalletState
    is_healthy: bool | None
    balance: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """The successor (None: nobody can), and why each other one was passed over."""

    successor: Wallet | None
    reasons: tuple[Reason, ...]


def choose_successor(fallen: Wallet, candidates: Sequence[Candidate]) -> Succession:
    """Choose who takes over: healthy first of all, then another fate group, then the fuller one.

    Among equals the order of the law decides, so that daemon and people expect the same wallet.
    """
    judged = [(c, _objection(fallen, c)) for c in candidates if c.wallet.name != fallen.name]
    fit = [candidate for candidate, objection in judged if objection is None]
    reasons = [objection for _, objection in judged if objection is not None]
    if not fit:
        reasons.append(Reason(code="no_successor", text=f"nobody can take over for {fallen.name}"))
        return Succession(successor=None, reasons=tuple(reasons))
    best = min(fit, key=lambda c: (_shares_fate(fallen, c), -(c.balance or 0)))
    if _shares_fate(fallen, best):
        text = f"{best.wallet.name} shares the fate group {fallen.fate_group} of {fallen.name}"
        reasons.append(Reason(code="same_fate_group", text=text))
    return Succession(successor=best.wallet, reasons=tuple(reasons))


def took_over(wallet: Wallet, pool: Pool, *, active: str | None, isolated: Collection[str]) -> bool:
    """Say whether a wallet is its pool's active one while another member is isolated.

    As long as that lasts the pool is in an emergency; reinstating or retiring the other ends it.
    """
    return active == wallet.name and any(m in isolated for m in pool.members if m != wallet.name)


def _objection(fallen: Wallet, candidate: Candidate) -> Reason | None:
    name = candidate.wallet.name
    if candidate.wallet.chain != fallen.chain:
        return Reason(code="other_chain", text=f"{name} lives on another chain")
    if candidate.wallet.key == fallen.key or candidate.wallet.address == fallen.address:
        return Reason(code="same_key", text=f"{name} has the same key as {fallen.name}")
    if candidate.state is not WalletState.STANDBY:
        return Reason(code="not_standby", text=f"{name} is {candidate.state}")
    if candidate.is_healthy is None:
        return Reason(code="health_unknown", text=f"nobody knows whether {name} is healthy")
    if not candidate.is_healthy:
        return Reason(code="unhealthy", text=f"{name} is not healthy")
    return None


def _shares_fate(fallen: Wallet, candidate: Candidate) -> bool:
    return candidate.wallet.fate_group == fallen.fate_group
