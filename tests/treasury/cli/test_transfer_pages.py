"""Transfers on paper: what moved, with which transactions, for how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policies.consent import terms_to_json, transfer_digest
from policies.lifecycles import AttemptState, Owner, TransferState
from policies.terms import Purpose, TransferTerms
from tests.fakes.office import OfficeForTests
from tests.laws import DEPLOYMENT, ETH, address_of, make_terms
from tests.treasury.cli.test_golden import compare
from treasury.ledger import facts, moves
from treasury.ledger.tables import AttemptRow, TransferRow

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Terminal

pytestmark = pytest.mark.sockets
GWEI = 10**9


def queue(office: OfficeForTests, terms: TransferTerms, cause: str) -> facts.Transfer:
    """Write a queued transfer as a station would."""
    now = office.clock.unix()
    row = TransferRow(
        order_id="0x" + transfer_digest(terms, DEPLOYMENT).hex(),
        cause=cause,
        purpose=terms.purpose.value,
        chain_id=terms.chain_id,
        source=terms.source,
        destination=terms.destination,
        asset=terms.asset,
        amount=terms.amount,
        max_fee=terms.max_fee,
        terms=terms_to_json(terms),
        state=TransferState.QUEUED.value,
        created_at=now,
        expires_at=terms.expires_at,
        changed_at=now,
        reasons=[],
    )
    with office.ledger.write() as session:
        return moves.create(session, facts.Transfer, row, actor=Owner.RELEASE, why="test", now=now)


def attempt(transfer: facts.Transfer, number: int, kind: str, now: int) -> AttemptRow:
    """Return a row of a signed attempt."""
    return AttemptRow(
        transfer_id=transfer.id,
        number=number,
        kind=kind,
        raw="0x02",
        hash="0x" + f"{number:02x}" * 32,
        gas_limit=21_000,
        max_fee_per_gas=(20 + number) * GWEI + 1,
        max_priority_fee_per_gas=GWEI,
        l1_fee=0,
        state=AttemptState.SIGNED.value,
        signed_at=now,
    )


@pytest.fixture
def moved(office: OfficeForTests) -> OfficeForTests:
    """A refill's transfer that was bumped once and mined, and a sweep that waits."""
    now = office.clock.unix()
    transfer = queue(office, make_terms(office.law), "refill:17")
    with office.ledger.write() as session:
        flying = moves.move(
            session,
            transfer,
            TransferState.IN_FLIGHT,
            actor=Owner.DISPATCH,
            why="signed",
            now=now,
            nonce=3,
        )
        for number, kind in ((1, "original"), (2, "bump")):
            row = attempt(flying, number, kind, now)
            moves.create(session, facts.Attempt, row, actor=Owner.DISPATCH, why="signed", now=now)
        moves.move(
            session,
            flying,
            TransferState.MINED,
            actor=Owner.CONFIRM,
            why="receipt",
            now=now,
            block_number=120,
            block_hash="0x" + "ab" * 32,
            settled_fee=21_000 * 20 * GWEI,
        )
    sweep = make_terms(
        office.law,
        what="Sweep 5 ETH from hot-a to vault on devnet",
        purpose=Purpose.SWEEP,
        source=address_of("hot-a"),
        destination=address_of("vault"),
        amount=5 * ETH,
    )
    queue(office, sweep, "sweep:hot-a:1")
    return office


def test_pages_of_transfers_are_as_they_were(moved: OfficeForTests, terminal: Terminal) -> None:
    """The list, and one transfer with both of its transactions in full."""
    listed, shown = terminal("transfer", "list"), terminal("transfer", "show", "1")
    assert (0, 0) == (listed.code, shown.code)
    compare("transfer_list", listed.out)
    compare("transfer_show", shown.out)
    assert "0x" + "02" * 32 in shown.out
    assert "22.000000001 gwei per gas" in shown.out


def test_transfers_are_narrowed(moved: OfficeForTests, terminal: Terminal) -> None:
    """By purpose, state and wallet."""

    def ids(*words: str) -> list[int]:
        return [row["id"] for row in terminal("transfer", "list", "--json", *words).document]

    assert [2, 1] == ids("--wallet", "hot-a")
    assert [2] == ids("--purpose", "sweep")
    assert [1] == ids("--state", "mined")
    assert [] == ids("--wallet", "hot-b")
    assert 1 == terminal("transfer", "list", "--wallet", "nobody").code


def test_order_id_finds_the_transfer(moved: OfficeForTests, terminal: Terminal) -> None:
    """The key of both books works here, too."""
    order_id = terminal("transfer", "show", "1", "--json").document["order_id"]
    assert 1 == terminal("transfer", "show", order_id, "--json").document["id"]
