"""The sentence in which people read what they sign."""

from __future__ import annotations

import pytest

from policies.consent import describe_motion, describe_transfer
from policies.terms import NATIVE, MotionKind, Purpose
from tests.laws import ETH, TOKEN, USDC, address_of, make_law, make_terms

LAW = make_law().law
STRANGER = address_of("stranger")


@pytest.mark.parametrize(
    ("purpose", "source", "destination", "sentence"),
    [
        (Purpose.REFILL, "vault", "hot-a", "Refill hot-a with 40 ETH from vault on devnet"),
        (Purpose.SWEEP, "hot-a", "vault", "Sweep 40 ETH from hot-a to vault on devnet"),
        (Purpose.EVACUATION, "hot-a", "vault", "Evacuate 40 ETH from hot-a to vault on devnet"),
        (
            Purpose.WITHDRAWAL,
            "hot-a",
            "stranger",
            f"Withdraw 40 ETH from hot-a to {STRANGER} on devnet",
        ),
        (Purpose.TOP_UP, "sponsor", "hot-b", "Top up hot-b with 40 ETH from sponsor on devnet"),
        (
            Purpose.REFILL,
            "stranger",
            "stranger",
            f"Refill {STRANGER} with 40 ETH from {STRANGER} on devnet",
        ),
    ],
)
def test_every_purpose_has_its_sentence(
    purpose: Purpose, source: str, destination: str, sentence: str
) -> None:
    """R8.6: amount, both ends and the chain stand in it; a stranger's address in full."""
    terms = make_terms(
        LAW, purpose=purpose, source=address_of(source), destination=address_of(destination)
    )

    assert sentence == describe_transfer(terms, LAW)


def test_amounts_are_exact_to_the_last_unit() -> None:
    """R8.6: one wei more, or a token of another precision, reads differently."""
    odd = make_terms(LAW, amount=40 * ETH + 1)
    token = make_terms(LAW, asset=TOKEN, amount=40 * USDC)

    assert "40.000000000000000001 ETH" in describe_transfer(odd, LAW)
    assert "40 USDC" in describe_transfer(token, LAW)


def test_what_the_law_does_not_know_is_said() -> None:
    """R8.6: an unknown token or chain is never dressed up as a known one."""
    token = make_terms(LAW, asset=STRANGER)
    chain = make_terms(LAW, chain_id=1)

    assert f"Unknown asset {STRANGER} on chain 31337" == describe_transfer(token, LAW)
    assert f"Unknown asset {NATIVE} on chain 1" == describe_transfer(chain, LAW)


@pytest.mark.parametrize(
    ("kind", "payload", "sentence"),
    [
        (MotionKind.ADOPT, {"lawDigest": "0x12"}, "Adopt the law with digest 0x12"),
        (
            MotionKind.ROTATE,
            {"wallet": "hot-b", "pool": "main"},
            "Make hot-b the active wallet of pool main",
        ),
        (
            MotionKind.REINSTATE,
            {"wallet": "hot-a"},
            "Reinstate the isolated wallet hot-a as standby",
        ),
        (MotionKind.RETIRE, {"wallet": "hot-a"}, "Retire wallet hot-a for ever"),
        (
            MotionKind.CLOSE,
            {"incident": "7", "outcome": "false_alarm", "wallet": "hot-a"},
            "Close incident 7 of hot-a as false_alarm",
        ),
        (MotionKind.RESUME, {"why": "checked"}, "Resume exposure after the halt: checked"),
        (
            MotionKind.SKIP_NONCE,
            {"wallet": "hot-a", "nonce": "9"},
            "Skip the nonce of hot-a to 9",
        ),
        (MotionKind.SKIP_NONCE, {}, "Skip the nonce of ? to ?"),
    ],
)
def test_every_motion_has_its_sentence(
    kind: MotionKind, payload: dict[str, object], sentence: str
) -> None:
    """R8.6: what a motion does stands in one sentence; what its payload lacks is a "?"."""
    assert sentence == describe_motion(kind, payload)


def test_a_payload_cannot_reach_into_the_program() -> None:
    """Braces inside a payload's text stay text."""
    sentence = describe_motion(MotionKind.RESUME, {"why": "{wallet.__class__} {0}"})

    assert sentence == "Resume exposure after the halt: {wallet.__class__} {0}"
