"""What tokens are and did, told by several endpoints."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policies.crypto import parse_address
from policies.tokens import Movement, TokenFacts
from tests.fakes.chain import FakeChain
from tests.fakes.witness import Mouth, pool_of
from treasury.chain.errors import DisagreementError
from treasury.chain.port import Receipt, TokenTransfer, Topic

ALICE = parse_address("0x" + "a1" * 20)
BOB = parse_address("0x" + "b0" * 20)
TOKEN = parse_address("0x" + "70" * 20)
FACTS = TokenFacts(asset=TOKEN, decimals=6, symbol="EUR", code=b"\x01" * 32, behind=(b"", b"", b""))
ORDER = TokenTransfer(asset=TOKEN, source=ALICE, destination=BOB, asked=30)


def _told_more(told: Movement) -> Movement:
    return replace(told, arrived=31)


def _other_decimals(told: list[TokenFacts]) -> list[TokenFacts]:
    return [replace(facts, decimals=18) for facts in told]


def test_one_liar_changes_neither_facts_nor_movement_and_is_named() -> None:
    """R4.7: the quorum's word counts, and who says otherwise is a dissent."""
    truth = FakeChain()
    truth.tokens[TOKEN] = FACTS
    at = truth.mine()
    receipt = Receipt(
        transaction_hash=f"0x{1:064x}",
        block_number=at.number,
        block_hash=at.hash,
        succeeded=True,
        gas_used=1,
        effective_gas_price=1,
    )
    honest, third, liar = (Mouth(truth, name) for name in ("honest", "third", "liar"))
    liar.lies |= {"token_facts": _other_decimals, "token_movement": _told_more}
    pool = pool_of(liar, honest, third)
    assert list(pool.token_facts([TOKEN], at)) == [FACTS]
    assert pool.token_movement(ORDER, receipt).arrived == 30
    dissents = pool.take_dissents()
    assert {(d.endpoint, d.topic) for d in dissents} == {("liar", Topic.CONTRACT)}
    assert dissents[-1].subject == receipt.transaction_hash


def test_without_a_quorum_there_are_no_facts() -> None:
    """R4.8: two endpoints that differ are no witness for a token."""
    truth = FakeChain()
    truth.tokens[TOKEN] = FACTS
    at = truth.mine()
    honest, liar = Mouth(truth, "honest"), Mouth(truth, "liar")
    liar.lies["token_facts"] = _other_decimals
    with pytest.raises(DisagreementError):
        pool_of(honest, liar).token_facts([TOKEN], at)
