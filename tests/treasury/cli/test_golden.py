"""Every word that people see, held in golden files; `UPDATE_GOLDEN=1` writes them anew."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policies.consent import describe_transfer
from policies.lifecycles import RefillState
from policies.terms import Address
from tests.fakes.office import OfficeForTests
from tests.laws import ETH, TOKEN, USDC, address_of, make_terms

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Terminal

pytestmark = pytest.mark.sockets
GOLDEN = Path(__file__).parent / "golden"


def compare(name: str, text: str, *, is_wide: bool = False) -> None:
    """Compare with a golden file, whose lines keep within 100 columns unless it is for machines."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text
    assert is_wide or 100 >= max(len(line) for line in text.splitlines())


@pytest.fixture
def story(office: OfficeForTests) -> OfficeForTests:
    """An office with balances, an open refill and a closed one."""
    office.see("vault", 1000 * ETH)
    office.see("hot-a", 90_000 * USDC, Address(TOKEN))
    office.see("hot-a", 4 * ETH)
    number = office.propose(salt=b"\1" * 16, amount=15 * ETH + 1)
    office.move_refill(number, RefillState.REJECTED)
    office.propose()
    return office


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("status", ["status"]),
        ("pool_list", ["pool", "list"]),
        ("wallet_list", ["wallet", "list"]),
        ("wallet_show", ["wallet", "show", "hot-a"]),
        ("refill_list", ["refill", "list"]),
        ("refill_list_filtered", ["refill", "list", "--state", "proposed", "--asset", "ETH"]),
        ("refill_list_csv", ["refill", "list", "--csv", "--state", "REJECTED"]),
        ("pool_list_csv", ["pool", "list", "--csv"]),
        ("wallet_list_csv", ["wallet", "list", "--csv"]),
        ("watch_once", ["watch", "--once"]),
        ("refill_show", ["refill", "show", "#2"]),
        ("transfer_list_empty", ["transfer", "list"]),
        ("motion_list_empty", ["motion", "list"]),
        ("withdrawal_list_empty", ["withdrawal", "list"]),
        ("journal_tail", ["journal", "tail", "--limit", "2"]),
    ],
)
def test_output_is_as_it_was(
    story: OfficeForTests, terminal: Terminal, name: str, words: list[str]
) -> None:
    """Each command's page is exactly what was looked at and found good."""
    found = terminal(*words)
    assert (0, "") == (found.code, found.err)
    compare(name, found.out, is_wide=name.endswith("_csv"))


def test_page_before_signing_has_everything_that_counts(
    story: OfficeForTests, terminal: Terminal, tmp_path: Path
) -> None:
    """R8.6: full addresses, exact base units, chain, expiry, balances after, cap, digest."""
    found = terminal("refill", "approve", "2", *terminal.key("alice"))
    assert 0 == found.code
    compare("refill_approve", found.out)
    for needed in (
        address_of("vault"),
        address_of("hot-a"),
        "40000000000000000000 base units (18 decimals)",
        "devnet, id 31337",
        "2026-01-02 13:00:00 UTC",
        "44 ETH, within the cap of 100 ETH",
        "960 ETH",
    ):
        assert needed in found.out


def test_token_amounts_show_token_units_contract_and_decimals(
    story: OfficeForTests, terminal: Terminal
) -> None:
    """R8.6: a token refill names the contract, and base units by the token's decimals."""
    story.propose(asset=Address(TOKEN), amount=12_500_500_000, salt=b"\2" * 16)
    found = terminal("refill", "show", "3")
    compare("refill_show_token", found.out)
    assert "12500.5 USDC" in found.out
    assert f"token USDC at {TOKEN}" in found.out


def test_refill_above_the_cap_says_so(story: OfficeForTests, terminal: Terminal) -> None:
    """R8.6: what the balance would be afterwards is set against the cap in words."""
    story.see("hot-a", 70 * ETH)
    found = terminal("refill", "show", "2")
    assert "110 ETH, ABOVE the cap of 100 ETH" in found.out


def test_unknown_balances_are_called_unknown(story: OfficeForTests, terminal: Terminal) -> None:
    """A failed reading is neither zero nor an older value."""
    story.see("hot-a", None)
    found = terminal("refill", "show", "2")
    assert "balance of hot-a (hot)    unknown" in found.out


def test_words_that_differ_from_the_terms_are_flagged_in_show(
    office: OfficeForTests, terminal: Terminal
) -> None:
    """R8.7: a sentence that says less than the terms do is shown as a mismatch."""
    terms = make_terms(office.law, amount=50 * ETH)
    assert terms.what != describe_transfer(terms, office.law)
    office.write_refill(replace(terms, what="Refill hot-a with 5 ETH from vault on devnet"))
    found = terminal("refill", "show", "1")
    compare("refill_show_mismatch", found.out)
    assert "MISMATCH: the terms say 'Refill hot-a with 5 ETH" in found.out
