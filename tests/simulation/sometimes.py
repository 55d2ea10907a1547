"""What must happen at least once over a range of seeds: a simulator that never rains proves little.

`FAULTS` are the faults and deeds by the names that the dice keep; the edges are all edges of
`policies.lifecycles` but those in `UNREACHED`, each of which says why no run must take it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from hsm.crashpoints import POINTS
from policies.lifecycles import MACHINES
from tests.simulation.endpoints import FORGED

FAULTS = frozenset(
    {
        *(f"signer_died_{point}" for point in POINTS if point != "answered"),
        *(f"crash_{when}_{what}" for when in ("before", "after") for what in ("commit", "send")),
        *(
            f"crash_{when}_{verb}"
            for when in ("before", "after")
            for verb in (
                *("lodge", "sign", "bump", "cancel", "orders_since", "status"),
                *("motion", "isolate", "activate", "veto"),
            )
        ),
        "both_crashed",
        "former_daemon_speaks",
        "an_hour_without_us",
        "daemon_restarts",
        "restored_older",
        "copied_back_older",
        "ledger_copied_back",
        "signs_three_at_once",
        "crash_over_restore",
        "lost_payout_asked_again",
        "signer_restarts",
        "signer_away",
        "signer_not_reached",
        "signer_answer_lost",
        "token_away",
        "token_fails",
        "read_failed",
        "balance_unknown",
        "nonce_unknown",
        "send_not_heard",
        "send_dropped",
        "send_answer_lost",
        "send_answer_odd",
        "node_says_accepted",
        "node_says_known",
        "node_says_nonce_low",
        "node_says_funds",
        "node_down",
        "node_lags",
        "reorg",
        "reorg_forgets",
        "chain_takes_back_what_is_final",
        "finality_broke",
        "mempool_forgets",
        "fees_jump",
        "token_paused",
        "deposit",
        "key_stolen",
        "vault_key_stolen",
        "tokens_drained",
        "delegated_by_7702",
        "approved_twice",
        "asked_alike_again",
        "asked_blindly_again",
        *(f"liar_forges_{method}" for method in FORGED),
        "liar_forgets_a_transaction",
        "person_halts",
        "person_isolates",
        "person_proposes",
        "veto_at_daemon",
        "veto_at_signer",
        "motion_rotate",
        "motion_reinstate",
        "motion_retire",
        "motion_skip_nonce",
        "motion_resume",
        "motion_close",
        "signed_original",
        "signed_bump",
        "signed_cancel",
        "signed_refill",
        "signed_sweep",
        "signed_withdrawal",
        "signed_top_up",
        "signed_evacuation",
    }
)
MARKS = frozenset(
    {
        "ledger_restored",
        "unknown_order_adopted",
        "quorum_lost",
        "quorum_back",
        "veto_received",
        "withdrawal_paid_by",
        "withdrawal_terms_renewed",
        "wallet_held",
        "wallet_calm",
        "wallet_frozen",
        "wallet_unfrozen",
        "finality_broken",
    }
)
"""Journal lines without an edge that must stand in some journal."""

UNREACHED: Mapping[str, str] = MappingProxyType(
    {
        "exposure: none -> HALTED": "only the daemon's first start over a red finding takes it",
        "withdrawal: QUEUED -> REFUSED": "the daemon's preview is as strict as the signer here",
    }
)


def edges() -> Iterator[str]:
    """Yield every edge of every lifecycle as the journal tells it."""
    for machine in MACHINES.values():
        for edge in machine.edges:
            yield f"{machine.name}: {edge.old or 'none'} -> {edge.new}"


def missing(seen: Mapping[str, int], taken: Mapping[str, int]) -> list[str]:
    """Return what should have happened and did not."""
    wanted = (set(edges()) - set(UNREACHED)) | MARKS
    return [
        *sorted(name for name in FAULTS if not seen.get(name)),
        *sorted(edge for edge in wanted if not taken.get(edge)),
    ]
