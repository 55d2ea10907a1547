"""Proof isolates, one source freezes, and a late receipt is only waited for."""

from __future__ import annotations

from policies.outflow import CALM, Verdict
from policies.outflow.proof import GRACE_BLOCKS, Agreement, ProofFacts, judge_proof

QUORUM = Agreement(sources=2, quorum=2)
ONE = Agreement(sources=1, quorum=2)


def test_nothing_proven_is_calm() -> None:
    """Equal nonces, no code and no drop say nothing."""
    assert CALM == judge_proof(ProofFacts(agreement=QUORUM, chain_nonce=7, ledger_nonce=7))


def test_foreign_nonce_isolates_under_the_quorum_and_freezes_on_one_source() -> None:
    """A nonce that we did not sign is proof (R2.1)."""
    for agreement, verdict in ((QUORUM, Verdict.ISOLATE), (ONE, Verdict.FREEZE)):
        said = judge_proof(ProofFacts(agreement=agreement, chain_nonce=9, ledger_nonce=7))

        assert verdict == said.verdict
        assert "2 more than we signed" in said.findings[0].observed


def test_foreign_nonce_in_shared_custody_is_no_proof() -> None:
    """Where another engine signs too its nonces are expected."""
    facts = ProofFacts(agreement=QUORUM, is_exclusive=False, chain_nonce=9, ledger_nonce=7)

    assert CALM == judge_proof(facts)


def test_code_on_the_account_isolates() -> None:
    """A delegation designator on a wallet needs our signature, which nobody gave."""
    said = judge_proof(ProofFacts(agreement=QUORUM, code=b"\xef\x01\x00" + b"\x11" * 20))

    assert said.verdict is Verdict.ISOLATE


def test_unexplained_drop_holds_within_the_grace_and_isolates_after_it() -> None:
    """Two blocks for a late receipt, then it is an incident."""
    verdicts = [
        judge_proof(
            ProofFacts(agreement=QUORUM, unexplained=5, unexplained_blocks=blocks, asset="ETH")
        ).verdict
        for blocks in (0, GRACE_BLOCKS - 1, GRACE_BLOCKS)
    ]

    assert [Verdict.HOLD, Verdict.HOLD, Verdict.ISOLATE] == verdicts


def test_own_books_need_no_chain() -> None:
    """A reused r and an unordered signature isolate without any source."""
    none = Agreement(sources=0, quorum=2)
    said = judge_proof(ProofFacts(agreement=none, reused_r=True, unordered=1))

    assert said.verdict is Verdict.ISOLATE
    assert {"reused_r", "unordered_signature"} == {finding.rule for finding in said.findings}


def test_every_proof_is_named() -> None:
    """Several proofs give several findings and the strictest verdict."""
    said = judge_proof(ProofFacts(agreement=ONE, chain_nonce=1, code=b"\x01", unexplained=1))

    assert len(said.findings) == 3
    assert said.verdict is Verdict.FREEZE
