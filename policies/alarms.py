"""Alarms: which lines of the journal ring, how loud, what ends them, and when they are told again.

An alarm is an edge, not a level: it is told when it begins, when nobody acknowledges it, and when
it is over. While it is open the same cause only counts. Two things keep it from chattering:
what is over must stay over for `settle_s` before the alarm ends, and a new cause within that time
goes on with the old alarm and tells nobody.

Every alarm is about one subject ("wallet:hot-a"), so that two wallets ring twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

FIRST_PAUSE_S = 5
LONGEST_PAUSE_S = 3_600


class Severity(StrEnum):
    """How loud an alarm is: something to read, something to do today, something to do now."""

    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"


_LOUDNESS = {Severity.NOTICE: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


class Event(StrEnum):
    """Why people are told of an alarm."""

    RAISED = "raised"
    ESCALATED = "escalated"
    OVER = "over"
    NEWS = "news"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Ring:
    """One alarm of the catalogue: its page in the runbook, and the lines that end it.

    `subject`: the kind of subject whose lines count ("wallet"); `ends`: kinds of journal lines.
    """

    severity: Severity
    page: str
    ends: frozenset[str] = frozenset()


def _ring(severity: Severity, page: str, *ends: str) -> Ring:
    return Ring(severity, page, frozenset(ends))


CATALOGUE: Mapping[str, Ring] = {
    "incident_open": _ring(Severity.CRITICAL, "incident", "incident_contained", "incident_closed"),
    "exposure_halted": _ring(Severity.CRITICAL, "halted", "exposure_running"),
    "transfer_usurped": _ring(Severity.CRITICAL, "usurped"),
    "signature_rejected": _ring(Severity.CRITICAL, "signer-not-ready"),
    "order_rejected": _ring(Severity.CRITICAL, "signer-not-ready"),
    "unknown_order_adopted": _ring(Severity.WARNING, "restore"),
    "wallet_frozen": _ring(Severity.CRITICAL, "held", "wallet_unfrozen", "wallet_retired"),
    "wallet_held": _ring(
        Severity.WARNING, "held", "wallet_calm", "wallet_unfrozen", "wallet_isolated"
    ),
    "wallet_stirred": _ring(Severity.CRITICAL, "retired-wallet", "wallet_quiet"),
    "signing_refused": _ring(Severity.WARNING, "signing-refused", "signing_agreed"),
    "authority_changed": _ring(Severity.CRITICAL, "authority-changed"),
    "power_unread": _ring(Severity.WARNING, "power-unread", "power_read"),
    "allowance_found": _ring(Severity.WARNING, "allowance-found"),
    "token_quarantined": _ring(Severity.WARNING, "asset-quarantined", "token_released"),
    "refill_proposed": _ring(
        Severity.NOTICE,
        "refill-waits",
        "refill_approved",
        "refill_rejected",
        "refill_expired",
        "refill_withdrawn",
    ),
    "refill_failed": _ring(Severity.WARNING, "refill-failed"),
    "refill_expired": _ring(Severity.WARNING, "refill-waits"),
    "motion_proposed": _ring(
        Severity.NOTICE, "refill-waits", "motion_carried", "motion_rejected", "motion_expired"
    ),
    "withdrawal_held": _ring(
        Severity.NOTICE, "held", "withdrawal_queued", "withdrawal_refused", "withdrawal_cancelled"
    ),
    "signer_silent": _ring(Severity.CRITICAL, "signer-not-ready", "signer_ready"),
    "unlock_awaited": _ring(
        Severity.WARNING, "signer-not-ready", "transfer_in_flight", "transfer_cancelled"
    ),
    "chain_unseen": _ring(Severity.CRITICAL, "nodes", "chain_seen"),
    "endpoint_dissented": _ring(Severity.WARNING, "dissent"),
    "finality_broken": _ring(Severity.CRITICAL, "finality-broken"),
    "finality_lost": _ring(Severity.WARNING, "standstill", "finality_back"),
    "head_lost": _ring(Severity.WARNING, "standstill", "head_back"),
    "drill_overdue": _ring(Severity.WARNING, "drill", "drill_fresh"),
    "checkpoint_overdue": _ring(Severity.WARNING, "checkpoint-overdue", "checkpoint_fresh"),
    "no_standby": _ring(Severity.WARNING, "no-standby", "standby_ready"),
    "sponsor_low": _ring(Severity.WARNING, "gas-sponsor-low", "sponsor_filled"),
    "transfer_stuck": _ring(
        Severity.WARNING,
        "transfer-stuck",
        "transfer_mined",
        "transfer_cancelled",
        "transfer_usurped",
        "transfer_moves",
    ),
    "above_cap": _ring(Severity.WARNING, "above-cap", "below_cap"),
    "vault_low": _ring(Severity.WARNING, "vault-low", "vault_filled"),
    "residuals_left": _ring(Severity.WARNING, "residuals", "residuals_gone"),
    "nonce_gap": _ring(Severity.CRITICAL, "nonce-gap", "nonce_filled"),
    "fees_too_high": _ring(Severity.WARNING, "fees-above-the-ceiling", "fees_bearable"),
    "live_wallet_unfollowed": _ring(Severity.CRITICAL, "live-wallet", "live_wallet_followed"),
    "signer_frozen": _ring(Severity.CRITICAL, "signer-frozen", "signer_thawed"),
    "denylist_old": _ring(Severity.WARNING, "denylists", "denylist_fresh"),
    "exposure_exceeded": _ring(Severity.CRITICAL, "exposure", "exposure_bounded"),
    "delivery_dead": _ring(Severity.WARNING, "alerts", "delivery_revived"),
}
"""Every kind of journal line that rings. What has no end rings until somebody acknowledges it."""

NEWS: Mapping[str, Severity] = {
    "incident_closed": Severity.NOTICE,
    "live_wallets_published": Severity.WARNING,
    "law_in_force": Severity.NOTICE,
    "drill_done": Severity.NOTICE,
    "drill_failed": Severity.WARNING,
}
"""What is told once and rings at nobody: it needs no answer."""

ENDINGS: Mapping[str, frozenset[str]] = {
    ending: frozenset(kind for kind, ring in CATALOGUE.items() if ending in ring.ends)
    for ending in {end for ring in CATALOGUE.values() for end in ring.ends}
}
"""By the kind of a journal line: the alarms about the same subject that it ends."""


def is_loud_enough(severity: Severity, least: Severity) -> bool:
    """Say whether an alarm is at least as loud as a channel wants to hear."""
    return _LOUDNESS[severity] >= _LOUDNESS[least]


def next_level(
    *, level: int, last_level: int, told_at: int, is_acknowledged: bool, now: int, silence_s: int
) -> int | None:
    """Return the level that must be told now because nobody answered; None: nobody yet.

    Levels count from 0; `told_at` is when the present level was told (unix seconds).
    """
    if is_acknowledged or level >= last_level or now - told_at < silence_s:
        return None
    return level + 1


def pause_after(tries: int) -> int:
    """Return the seconds to wait after so many failed deliveries: doubled each time, up to 1 h."""
    doubled: int = FIRST_PAUSE_S << min(tries - 1, 20)
    return min(LONGEST_PAUSE_S, doubled)
