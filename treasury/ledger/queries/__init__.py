"""Named questions to the ledger, by subject. Each takes a session and returns frozen facts.

refills      refills, approvals, vetoes, what was refilled in a window
payouts      withdrawals that count in the signer's windows, and who was paid before
flows        transfers as balances see them, by the thousand
transfers    transfers, attempts, what is on its way to and from a wallet
watch        ticks, balances and nonces at head and at finality
standings    wallets, exposure, the law, incidents
requests     withdrawals and motions
tokens       how token contracts were judged, which are quarantined
outflows     how outflows were judged, what was learned from them
pace         outflow of wallets, and how long refills take
"""

from treasury.ledger.queries import (
    flows,
    outflows,
    pace,
    payouts,
    refills,
    requests,
    standings,
    tokens,
    transfers,
    watch,
)

__all__ = [
    "flows",
    "outflows",
    "pace",
    "payouts",
    "refills",
    "requests",
    "standings",
    "tokens",
    "transfers",
    "watch",
]
