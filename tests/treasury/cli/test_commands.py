"""Motions, withdrawals, the halt, the journal: whole commands against a real daemon's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlmodel import col, update

from policies.consent import terms_to_json, transfer_digest
from policies.lifecycles import Owner, WithdrawalState
from policies.terms import Purpose
from tests.fakes.office import OfficeForTests
from tests.laws import DEPLOYMENT, ETH, address_of, make_terms
from treasury.ledger import facts, moves, queries
from treasury.ledger.tables import ApprovalRow, IncidentRow, WithdrawalRow

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Terminal

pytestmark = pytest.mark.sockets
CUSTOMER = "0x" + "11" * 20


def test_motion_from_proposal_to_approval(office: OfficeForTests, terminal: Terminal) -> None:
    """A motion is made by one treasurer and approved by others, decoded each time."""
    terminal.later_s = 0
    made = terminal(
        "motion", "propose", "rotate", "pool=main", "wallet=hot-b", *terminal.key("bob")
    )
    assert (0, "proposed as motion #1: other treasurers approve it now\n") == (made.code, made.out)
    shown = terminal("motion", "show", "1")
    assert "Make hot-b the active wallet of pool main" in shown.out
    assert f"bob {address_of('bob')}" in shown.out
    own = terminal("motion", "approve", "1", *terminal.key("bob"))
    assert 1 == own.code
    approved = terminal("motion", "approve", "1", *terminal.key("carol"))
    assert approved.out.endswith("Motion #1: approved, 1 of 2 approvals are in\n")
    listed = terminal("motion", "list", "--state", "proposed")
    assert "#1  PROPOSED  1 of 2" in listed.out


def test_motion_is_rejected_by_a_veto(office: OfficeForTests, terminal: Terminal) -> None:
    """One signed veto is enough."""
    terminal.later_s = 0
    terminal("motion", "propose", "resume", "why=calm again", *terminal.key("bob"))
    found = terminal("motion", "reject", "1", *terminal.key("alice"))
    assert found.out.endswith("Motion #1: vetoed, the next tick ends it\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["resume"], "takes exactly: why="),
        (["resume", "why="], "takes exactly: why="),
        (["rotate", "wallet=hot-b"], "takes exactly: pool=… wallet=…"),
        (["retire", "wallet=hot-b", "x=1"], "takes exactly: wallet="),
    ],
)
def test_motion_needs_its_exact_payload(
    office: OfficeForTests, terminal: Terminal, words: list[str], told: str
) -> None:
    """What belongs to a motion is named when it is missing or too much."""
    found = terminal("motion", "propose", *words, *terminal.key("bob"))
    assert 2 == found.code
    assert told.encode("unicode_escape").decode() in found.err


def test_one_person_halts(office: OfficeForTests, terminal: Terminal) -> None:
    """R8.11: halting needs nobody else; the status says so at once, the journal for ever."""
    assert 0 == terminal("halt", "--why", "smoke in the hall").code
    with office.ledger.read() as session:
        assert queries.standings.is_halted(session)
    assert "HALTED 2 min" not in terminal("status").out
    assert "HALTED 0 s ago: smoke in the hall" in terminal("status").out
    assert "exposure_halted by api" in terminal("journal", "tail", "--limit", "1").out


def test_one_person_freezes_a_wallet(office: OfficeForTests, terminal: Terminal) -> None:
    """No withdrawal leaves it; the list shows it; one person lifts it again."""
    frozen = terminal("wallet", "freeze", "hot-a", "--why", "odd payouts")
    assert (0, "hot-a is frozen: no withdrawal leaves it\n") == (frozen.code, frozen.out)
    assert "FROZEN" in terminal("wallet", "list").out
    assert "hot-a is not frozen\n" == terminal("wallet", "unfreeze", "hot-a", "--why", "ok").out
    assert 1 == terminal("wallet", "freeze", "vault", "--why", "x").code


def test_halt_needs_a_socket_with_the_power(office: OfficeForTests, terminal: Terminal) -> None:
    """The reader's socket halts nothing, and names the ones that do."""
    found = terminal("halt", "--why", "x", "--socket", str(office.sockets / "reader.sock"))
    assert 77 == found.code
    assert "use the socket of operator or treasurer" in found.err


def test_journal_that_was_tampered_with_is_found(
    office: OfficeForTests, terminal: Terminal
) -> None:
    """R7.1: a line that was rewritten under the triggers is named, with exit code 1."""
    assert "the journal is whole" in terminal("journal", "verify").out
    with office.ledger.write() as session:
        connection = session.connection()
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in list(names):
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("UPDATE journal SET body = '{}' WHERE seq = 3")
    found = terminal("journal", "verify")
    assert 1 == found.code
    assert "the journal is broken at line 3: line 3 was changed after it was written" in found.err


def test_withdrawal_is_asked_once_under_its_key(office: OfficeForTests, terminal: Terminal) -> None:
    """The same key gives the same withdrawal; another body under it is refused."""
    words = ["withdrawal", "create", "main", CUSTOMER, "0.5 ETH", "--key", "order-7"]
    first, second = terminal(*words, "--json"), terminal(*words, "--json")
    assert 0 == first.code
    assert first.document == second.document
    words[4] = "0.6 ETH"
    other = terminal(*words)
    assert 1 == other.code
    assert "the key order-7 was used for withdrawal 1 with another body" in other.err
    listed = terminal("withdrawal", "list", "--state", "accepted")
    assert f"#1  ACCEPTED  main  0.5 ETH  {CUSTOMER}" in listed.out


def test_held_withdrawal_is_decoded_and_approved(
    office: OfficeForTests, terminal: Terminal
) -> None:
    """Treasurers see what they sign: sender, customer, amount, digest."""
    hold_withdrawal(office)
    shown = terminal("withdrawal", "show", "1")
    assert "Withdraw 4.5 ETH from hot-a to" in shown.out
    assert "NOT ONE OF OUR WALLETS" in shown.out
    found = terminal("withdrawal", "approve", "1", *terminal.key("alice"))
    assert (0, "") == (found.code, found.err)
    assert found.out.endswith("Withdrawal #1: approved, 1 approval is in\n")
    with office.ledger.read() as session:
        assert 1 == len(session.exec(ApprovalRow.__table__.select()).all())  # type: ignore[attr-defined]


def test_held_withdrawal_is_rejected(office: OfficeForTests, terminal: Terminal) -> None:
    """A veto of one treasurer is taken in."""
    hold_withdrawal(office)
    found = terminal("withdrawal", "reject", "1", *terminal.key("carol"))
    assert found.out.endswith("Withdrawal #1: vetoed, the next tick ends it\n")


def test_withdrawal_that_waits_for_nobody_takes_no_approval(
    office: OfficeForTests, terminal: Terminal
) -> None:
    """Nothing is signed where nobody asked."""
    terminal("withdrawal", "create", "main", CUSTOMER, "0.5 ETH", "--key", "k")
    found = terminal("withdrawal", "approve", "1", *terminal.key("alice"))
    assert 1 == found.code
    assert "withdrawal #1 is ACCEPTED and waits for no treasurer" in found.err


def test_incident_is_listed_with_its_reason(office: OfficeForTests, terminal: Terminal) -> None:
    """People read what happened, and the number that a motion to close it needs."""
    assert "no incidents\n" == terminal("incident", "list", "--open").out
    row = IncidentRow(
        wallet="hot-a",
        state="OPEN",
        opened_at=office.clock.unix(),
        changed_at=office.clock.unix(),
        reasons=[{"code": "unexplained", "text": "3 ETH left without an order of ours"}],
    )
    with office.ledger.write() as session:
        now = office.clock.unix()
        moves.create(session, facts.Incident, row, actor=Owner.GUARD, why="t", now=now)
    assert "#1  OPEN   hot-a   2 min 5 s ago" in terminal("incident", "list").out
    assert "3 ETH left without an order of ours" in terminal("incident", "list", "--open").out
    assert "- 3 ETH left without" in terminal("incident", "show", "1").out
    assert "hot-a (incident): #1 is OPEN" in terminal("status").out


def test_missing_things_are_not_found(office: OfficeForTests, terminal: Terminal) -> None:
    """A mistyped id is one clear line and exit code 1, whatever the subject."""
    for subject in ("refill", "transfer", "motion", "withdrawal", "incident"):
        found = terminal(subject, "show", "99")
        assert (1, "") == (found.code, found.out)
        assert f"treasuryctl: there is no {subject} 99\n" == found.err
    assert 1 == terminal("wallet", "show", "../../v1/halt").code
    assert 1 == terminal("refill", "list", "--state", "nosuch").code
    assert 1 == terminal("refill", "list", "--asset", "DOGE").code


def test_csv_is_for_spreadsheets_and_starts_no_formula(
    office: OfficeForTests, terminal: Terminal
) -> None:
    """A key that begins like a formula is quoted."""
    terminal("withdrawal", "create", "main", CUSTOMER, "0.5 ETH", "--key", "=1+1")
    found = terminal("withdrawal", "list", "--csv")
    assert "'=1+1" in found.out
    assert found.out.startswith("id,idempotency_key,state,chain,")


def hold_withdrawal(office: OfficeForTests) -> None:
    """Write a withdrawal that waits for treasurers, as `release` leaves it."""
    now = office.clock.unix()
    terms = make_terms(
        office.law,
        what="Withdraw 4.5 ETH from hot-a to 0x1111111111111111111111111111111111111111 on devnet",
        purpose=Purpose.WITHDRAWAL,
        source=address_of("hot-a"),
        destination=CUSTOMER,
        amount=9 * ETH // 2,
    )
    with office.ledger.write() as session:
        row = WithdrawalRow(
            idempotency_key="k",
            body_digest="0x",
            chain_id=31337,
            pool="main",
            destination=CUSTOMER,
            asset=terms.asset,
            amount=terms.amount,
            state="ACCEPTED",
            created_at=now,
            changed_at=now,
            reasons=[],
        )
        found = moves.create(session, facts.Withdrawal, row, actor=Owner.API, why="t", now=now)
        moves.move(session, found, WithdrawalState.HELD, actor=Owner.RELEASE, why="t", now=now)
        session.connection().execute(
            update(WithdrawalRow)
            .where(col(WithdrawalRow.id) == found.id)
            .values(
                order_id="0x" + transfer_digest(terms, DEPLOYMENT).hex(),
                terms=terms_to_json(terms),
            )
        )


def test_lists_of_what_happened_take_times_and_spreadsheets(
    office: OfficeForTests, terminal: Terminal
) -> None:
    """Journal, incidents and alarms are narrowed by time and written as CSV like every list."""
    office.propose()
    everything = terminal("journal", "tail", "--since", "2026-01-01", "--csv")
    nothing = terminal("journal", "tail", "--since", "5s")
    lines = everything.out.splitlines()
    assert lines[0].startswith("seq,at,actor,kind,subject")
    assert "refill_proposed" in everything.out
    assert "no line since then\n" == nothing.out
    for subject in ("incident", "alarm"):
        assert 0 == terminal(subject, "list", "--since", "1h", "--csv").code


def test_a_withdrawal_is_found_by_its_key(office: OfficeForTests, terminal: Terminal) -> None:
    """What a service asks itself after a lost answer."""
    for key in ("order-1", "order-2"):
        terminal("withdrawal", "create", "main", address_of("customer"), "1 ETH", "--key", key)
    found = terminal("withdrawal", "list", "--key", "order-2", "--json").document
    assert ["order-2"] == [withdrawal["idempotency_key"] for withdrawal in found]
