"""Proof: facts that need our key, or our balance to be gone, and no statistics at all.

Transfer logs are forgeable and are no part of this.  One credible source is enough to freeze;
isolation needs the read quorum of independent endpoints, but a reused r and a signature that
nobody ordered are proven by our own books and need no chain.
"""

from __future__ import annotations

from dataclasses import dataclass

from policies.outflow.verdict import CALM, PROOF_SCORE, Finding, Judgement, Verdict, strictest

GRACE_BLOCKS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How many independent sources say so, and how many the read quorum asks for."""

    sources: int
    quorum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofFacts:
    """What one look at the chain and our own books shows about one wallet.

    Nonces are the next one to use.  `unexplained` is a drop in base units that our ledger does
    not explain, `unexplained_blocks` for how many blocks it has lasted.  `code` is the account's
    code, empty for an ordinary account.  `reused_r` and `unordered` come from our own books.
    """

    agreement: Agreement
    is_exclusive: bool = True
    chain_nonce: int = 0
    ledger_nonce: int = 0
    code: bytes = b""
    unexplained: int = 0
    unexplained_blocks: int = 0
    asset: str = ""
    reused_r: bool = False
    unordered: int = 0


def judge_proof(facts: ProofFacts) -> Judgement:
    """Return the judgement on proof, with every reason; calm when there is none."""
    return strictest((
        _own_books(facts), _foreign_nonce(facts), _foreign_code(facts), _unexplained(facts),
    ))  # fmt: skip


def _said(verdict: Verdict, rule: str, observed: str, expected: str) -> Judgement:
    return Judgement(verdict, PROOF_SCORE, (Finding(rule, observed, expected),))


def _by_agreement(facts: ProofFacts) -> Verdict:
    """Return isolate under the read quorum, freeze for a single credible source."""
    if facts.agreement.sources <= 0:
        return Verdict.CALM
    enough = facts.agreement.sources >= facts.agreement.quorum
    return Verdict.ISOLATE if enough else Verdict.FREEZE


def _own_books(facts: ProofFacts) -> Judgement:
    spoken = []
    if facts.reused_r:
        spoken.append(_said(
            Verdict.ISOLATE, "reused_r",
            "two signatures of this wallet share their value r: the key can be computed from them",
            "every signature has an r of its own",
        ))  # fmt: skip
    if facts.unordered:
        spoken.append(_said(
            Verdict.ISOLATE, "unordered_signature",
            f"the signer's book has {facts.unordered} signatures that our ledger did not order",
            "the signer signs only what the daemon ordered",
        ))  # fmt: skip
    return strictest(tuple(spoken))


def _foreign_nonce(facts: ProofFacts) -> Judgement:
    if not facts.is_exclusive or facts.chain_nonce <= facts.ledger_nonce:
        return CALM
    return _said(
        _by_agreement(facts), "foreign_nonce",
        f"the chain counts {facts.chain_nonce} transactions of this wallet,"
        f" {facts.chain_nonce - facts.ledger_nonce} more than we signed",
        f"at most {facts.ledger_nonce}: nobody else has the key",
    )  # fmt: skip


def _foreign_code(facts: ProofFacts) -> Judgement:
    if not facts.code:
        return CALM
    return _said(
        _by_agreement(facts), "code_on_account",
        f"the account carries {len(facts.code)} bytes of code (a delegation needs our signature)",
        "an account that signs for us carries no code",
    )  # fmt: skip


def _unexplained(facts: ProofFacts) -> Judgement:
    if facts.unexplained <= 0:
        return CALM
    verdict = _by_agreement(facts)
    if facts.unexplained_blocks < GRACE_BLOCKS:
        # A receipt may be late: wait, but let nothing more out meanwhile.
        verdict = min(verdict, Verdict.HOLD)
    return _said(
        verdict, "unexplained_drop",
        f"{facts.unexplained} base units of {facts.asset or 'the asset'} left without an entry in"
        f" our ledger, for {facts.unexplained_blocks} blocks",
        f"every drop is explained within {GRACE_BLOCKS} blocks",
    )  # fmt: skip
