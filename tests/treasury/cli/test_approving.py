"""From terms to an approval: keystores, other wallets, and everything that must stop it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policies.consent import transfer_digest, transfer_typed_data, veto_digest
from policies.crypto import recover_address
from policies.lifecycles import RefillState
from tests.fakes.law_file import as_toml
from tests.fakes.office import OfficeForTests
from tests.laws import DEPLOYMENT, ETH, address_of, make_law, make_terms, sign
from treasury.ledger import queries

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Terminal

pytestmark = pytest.mark.sockets


def approvals(office: OfficeForTests, number: int) -> list[str]:
    """Return who has approved a refill, by the ledger."""
    with office.ledger.read() as session:
        found = queries.refills.refill(session, number)
        assert found is not None
        return [a.treasurer for a in queries.refills.approvals(session, found.order_id)]


def test_keystore_signs_exactly_the_terms(office: OfficeForTests, terminal: Terminal) -> None:
    """The stored signature recovers to the treasurer over the digest of the stored terms."""
    number = office.propose()
    found = terminal("refill", "approve", str(number), *terminal.key("alice"))
    assert (0, "") == (found.code, found.err)
    assert found.out.endswith("Refill #1: approved, 1 of 2 approvals are in\n")
    with office.ledger.read() as session:
        refill = queries.refills.refill(session, number)
        assert refill is not None
        approval = queries.refills.approvals(session, refill.order_id)[0]
    digest = transfer_digest(refill.terms, DEPLOYMENT)
    assert address_of("alice") == recover_address(digest, approval.signature)
    assert 1 == office.woken


def test_second_approval_of_the_same_person_changes_nothing(
    office: OfficeForTests, terminal: Terminal
) -> None:
    """R8.5: one person counts once, and is told so."""
    office.propose()
    terminal("refill", "approve", "1", *terminal.key("alice"))
    found = terminal("refill", "approve", "#1", *terminal.key("alice"))
    assert 0 == found.code
    assert "this signature was there already, nothing changed" in found.out
    assert [address_of("alice")] == approvals(office, 1)


def test_order_id_names_a_refill_too(office: OfficeForTests, terminal: Terminal) -> None:
    """Both books' key works wherever the number does."""
    office.propose()
    order_id = terminal("refill", "show", "1", "--json").document["order_id"]
    assert 0 == terminal("refill", "approve", order_id, *terminal.key("bob")).code
    assert [address_of("bob")] == approvals(office, 1)


def test_other_wallets_sign_the_typed_data(office: OfficeForTests, terminal: Terminal) -> None:
    """--typed-data prints what a wallet signs on stdout alone; --signature takes its answer."""
    terms = make_terms(office.law)
    office.write_refill(terms)
    found = terminal("refill", "approve", "1", "--typed-data")
    assert transfer_typed_data(terms, DEPLOYMENT) == json.loads(found.out)
    assert "DIGEST, to compare with your wallet" in found.err
    signature = "0x" + sign("carol", transfer_digest(terms, DEPLOYMENT)).hex()
    assert 0 == terminal("refill", "approve", "1", "--signature", signature).code
    assert [address_of("carol")] == approvals(office, 1)


@pytest.mark.parametrize(
    ("signature", "code", "told"),
    [
        ("0x12", 65, "must be 0x and 130 hexadecimal digits"),
        ("0x" + "00" * 65, 65, "the signature does not count"),
        ("0x" + sign("alice", b"\7" * 32).hex(), 65, "is no treasurer of the law, or signed other"),
    ],
)
def test_foreign_signature_is_refused_before_it_is_sent(
    office: OfficeForTests, terminal: Terminal, signature: str, code: int, told: str
) -> None:
    """R8.4: a signature over anything else never leaves this program."""
    office.propose()
    found = terminal("refill", "approve", "1", "--signature", signature)
    assert code == found.code
    assert told in found.err
    assert [] == approvals(office, 1)


def test_stranger_is_told_before_signing(office: OfficeForTests, terminal: Terminal) -> None:
    """A key outside the roster signs nothing."""
    office.propose()
    found = terminal("refill", "approve", "1", *terminal.key("stranger"))
    assert 65 == found.code
    assert f"not signed: {address_of('stranger')} is no treasurer of the law" in found.err


def test_maker_is_not_checker(office: OfficeForTests, terminal: Terminal) -> None:
    """R8.5: who proposed does not approve."""
    office.propose(maker=address_of("alice"))
    found = terminal("refill", "approve", "1", *terminal.key("alice"))
    assert 1 == found.code
    assert "alice made this proposal, another treasurer must approve" in found.err


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("yes\n", 0), ("n\n", 1), ("", 1)])
def test_asks_before_signing(
    office: OfficeForTests,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
) -> None:
    """Only a typed yes signs; an empty answer and the end of input do not."""
    office.propose()
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    found = terminal("refill", "approve", "1", *terminal.key("alice", is_asked=True))
    assert code == found.code
    assert "Approve: Refill hot-a with 40 ETH from vault on devnet? [y/N]" in found.err
    assert (1 - code) == len(approvals(office, 1))


def test_expired_terms_are_not_signed(office: OfficeForTests, terminal: Terminal) -> None:
    """R8.2: nothing is signed that could not count."""
    office.propose()
    office.clock.advance(3600)
    found = terminal("refill", "approve", "1", *terminal.key("alice"))
    assert 65 == found.code
    assert "the terms have expired" in found.err


def test_own_copy_of_the_law_is_compared(
    office: OfficeForTests, terminal: Terminal, tmp_path: Path
) -> None:
    """R8.7: terms under a law that is not the treasurer's own copy are refused."""
    office.propose()
    own = tmp_path / "law.toml"
    own.write_text(as_toml(make_law(**{"pools.main.gas_reserve": "0.3 ETH"}).document))
    found = terminal("refill", "approve", "1", *terminal.key("alice"), "--law", str(own))
    assert 65 == found.code
    assert "another law than your copy of the law" in found.err
    own.write_text(as_toml(make_law().document))
    found = terminal("refill", "approve", "1", *terminal.key("alice"), "--law", str(own))
    assert 0 == found.code
    assert "LAW, your own copy" in found.out
    assert "as the daemon reports it" not in found.out


def test_terms_that_the_law_forbids_are_not_signed(
    office: OfficeForTests, terminal: Terminal
) -> None:
    """A refill from elsewhere, or above the cap, is a mismatch even when its sentence is right."""
    office.propose(source=address_of("sponsor"))
    found = terminal("refill", "approve", "1", *terminal.key("alice"))
    assert 65 == found.code
    assert "the law forbids it" in found.err
    assert "is not the vault of main" in found.err


def test_rejecting_is_signed_and_needs_no_fitting_terms(
    office: OfficeForTests, terminal: Terminal
) -> None:
    """A veto is toward safety: terms that do not fit are a reason for it."""
    terms = replace(make_terms(office.law, amount=90 * ETH), what="Refill hot-a with a little")
    office.write_refill(terms)
    found = terminal("refill", "reject", "1", *terminal.key("bob"))
    assert 0 == found.code
    assert found.out.endswith("Refill #1: vetoed, the next tick ends it\n")
    with office.ledger.read() as session:
        refill = queries.refills.refill(session, 1)
        assert refill is not None
        veto = queries.refills.vetoes(session, refill.order_id)[0]
    digest = veto_digest(transfer_digest(terms, DEPLOYMENT), DEPLOYMENT)
    assert address_of("bob") == recover_address(digest, veto.signature)


def test_closed_refill_takes_no_approval(office: OfficeForTests, terminal: Terminal) -> None:
    """R8.2: after a rejection no approval is taken."""
    office.propose()
    office.move_refill(1, RefillState.REJECTED)
    found = terminal("refill", "approve", "1", *terminal.key("alice"))
    assert 1 == found.code
    assert "refill 1 is REJECTED: only PROPOSED takes this" in found.err


def test_json_result_stays_alone_on_stdout(office: OfficeForTests, terminal: Terminal) -> None:
    """With --json the page goes to stderr, the result to stdout."""
    office.propose()
    found = terminal("refill", "approve", "1", *terminal.key("alice"), "--json")
    assert [address_of("alice")] == found.document["approved_by"]
    assert "TERMS, decoded here" in found.err


def test_proposal_is_signed_by_its_maker(office: OfficeForTests, terminal: Terminal) -> None:
    """A person's refill stands in the ledger with its maker, who does not count."""
    terminal.later_s = 0
    found = terminal("refill", "propose", "hot-a", "12.5 ETH", *terminal.key("alice"), "--json")
    assert 0 == found.code
    assert address_of("alice") == found.document["maker"]
    assert "Refill hot-a with 12.5 ETH from vault on devnet" == found.document["terms"]["what"]
    assert [] == found.document["approved_by"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["hot-z", "1 ETH"], 2, "'hot-z' is no hot wallet of the law"),
        (["vault", "1 ETH"], 2, "'vault' is no hot wallet of the law"),
        (["hot-a", "1"], 2, "write the amount with its symbol, one of ETH, USDC"),
        (["hot-a", "1e3 ETH"], 2, "'1e3 ETH' is not an amount"),
        (["hot-a", "0 ETH"], 65, "above zero and at most the cap"),
        (["hot-a", "101 ETH"], 65, "above zero and at most the cap"),
        (["hot-a", "1 ETH", "--max-fee", "1 ETH"], 65, "maxFee must be above zero"),
    ],
)
def test_nonsense_is_not_proposed(
    office: OfficeForTests, terminal: Terminal, words: list[str], code: int, told: str
) -> None:
    """Every slip of the keyboard is one clear line."""
    found = terminal("refill", "propose", *words, *terminal.key("alice"))
    assert code == found.code
    assert told in found.err
    assert 1 == found.err.count("\n")
