"""Sorts what nodes say to a broadcast, by text first and by code where the text says nothing.

The texts are those of geth, Nethermind, Besu, Erigon, Reth, anvil, Hardhat, eth-tester, zkSync and
of hosted nodes. A text that is not listed is UNKNOWN, which never means that sending failed: the
receipts decide. "Nonce too low" can likewise mean that this very transaction is mined.
"""

from __future__ import annotations

import re

from treasury.chain.port import SendKind

# The first match wins. "Known" stands first, because some nodes add a reason after it, and words
# are bounded, because "unknown account" holds "known". Funds stand before the nonce, because a
# cumulative cost is told with nonces in it.
_PHRASES: dict[SendKind, tuple[str, ...]] = {
    SendKind.KNOWN: (
        r"\balready ?known\b",
        r"\bknown transaction\b",
        r"\balready imported\b",
        r"\balready in the (system|pool|mempool)\b",
        r"\btransaction already exists\b",
        r"\balready_exists\b",
        r"\bexisting tx with same hash\b",
        r"\bduplicate transaction\b",
    ),
    SendKind.FEE_CAP: (
        r"exceeds the (configured|fee) cap",
        r"fee ?cap exceeded",
    ),
    SendKind.FUNDS: (
        r"insufficient ?(funds|balance)",
        r"upfront cost exceeds account balance",
        r"doesn't have enough funds",
        r"does not have enough (funds|balance)",
        r"cannot afford txn gas",
        r"\boverdraft\b",
    ),
    SendKind.UNDERPRICED: (
        r"\bunderpriced\b",
        r"fee ?too ?low",
        r"\btip too low\b",
        r"\breplacementnotallowed\b",
        r"could not replace existing tx",
        r"future transaction tries to replace pending",
        r"insufficient gas price to replace",
        r"max fee per gas less than block base fee",
        r"is lower than block's base fee",
        r"gas ?price (is )?(too low|below)",
        r"maxfeepergas .*too low",
    ),
    SendKind.NONCE_LOW: (
        r"nonce (is )?too low",
        r"\boldnonce\b",
        r"\bownnoncealreadyused\b",
        r"nonce has already been used",
    ),
    SendKind.NONCE_HIGH: (
        r"nonce (is )?too (high|distant|far)",
        r"\bnonce ?gap\b",
        r"\bnoncetoofarinfuture\b",
        r"\bgapped-nonce\b",
        r"too distant from (current )?sender nonce",
        r"lower nonce exists",
    ),
    SendKind.TRANSIENT: (
        r"\btime(d)? ?-?out\b",
        r"deadline exceeded",
        r"connection (refused|reset)",
        r"too many requests",
        r"rate ?(limit|exceeded)",
        r"limit (exceeded|reached)",
        r"request count exceeded",
        r"\bcapacity\b",
        r"\bis full\b",
        r"(service|temporarily) unavailable",
        r"bad gateway",
        r"\bsync(ing)?\b",
        r"header not found",
        r"missing trie node",
        r"server (is )?busy",
        r"try again",
    ),
}
_PATTERNS = tuple((kind, re.compile("|".join(all_of))) for kind, all_of in _PHRASES.items())

_CODES = {
    -32005: SendKind.TRANSIENT,  # EIP-1474: limit exceeded
    -32002: SendKind.TRANSIENT,  # EIP-1474: resource unavailable
    429: SendKind.TRANSIENT,
    502: SendKind.TRANSIENT,
    503: SendKind.TRANSIENT,
    504: SendKind.TRANSIENT,
}

_EXPECTED_NONCE = re.compile(
    r"nonce:? expected (?:nonce )?(?:to be )?(?P<wanted>\d+),?(?: but)? got (?P<given>\d+)"
)


def classify(code: int, text: str) -> SendKind:
    """Return what a node's error to `eth_sendRawTransaction` means; never ACCEPTED."""
    lowered = text.lower()
    by_numbers = _by_nonce_numbers(lowered)
    if by_numbers is not None:
        return by_numbers
    for kind, pattern in _PATTERNS:
        if pattern.search(lowered):
            return kind
    return _CODES.get(code, SendKind.UNKNOWN)


def _by_nonce_numbers(lowered: str) -> SendKind | None:
    """Compare the two numbers where a node says only that the nonce is another one."""
    match = _EXPECTED_NONCE.search(lowered)
    if match is None:
        return None
    is_low = int(match["given"]) < int(match["wanted"])
    return SendKind.NONCE_LOW if is_low else SendKind.NONCE_HIGH
