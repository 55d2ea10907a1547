"""The figures of the promise: what a stolen key or a stolen daemon could cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from policies.lifecycles import Owner, RefillState
from tests.fakes.office import OfficeForTests
from tests.laws import ETH, make_law

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Terminal

pytestmark = pytest.mark.sockets


def row_of(document: Any, wallet: str) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a wallet's ETH row."""
    rows = document["stolen_key"]
    return next(row for row in rows if (row["wallet"], row["asset"]) == (wallet, "ETH"))


def test_active_wallet_may_cost_its_cap_and_what_is_on_its_way(
    office: OfficeForTests, terminal: Terminal
) -> None:
    """The cap counts even while the balance is low, and a released refill on top of it."""
    office.see("hot-a", 4 * ETH)
    assert str(100 * ETH) == row_of(terminal("exposure", "--json").document, "hot-a")["at_most"]
    office.propose()
    office.move_refill(1, RefillState.APPROVED)
    office.move_refill(1, RefillState.RELEASED, Owner.RELEASE)
    assert str(140 * ETH) == row_of(terminal("exposure", "--json").document, "hot-a")["at_most"]


def test_balance_above_the_cap_counts_in_full(office: OfficeForTests, terminal: Terminal) -> None:
    """What is not swept yet can be stolen."""
    office.see("hot-a", 120 * ETH)
    assert str(120 * ETH) == row_of(terminal("exposure", "--json").document, "hot-a")["at_most"]


def test_standby_wallet_may_cost_what_it_holds(office: OfficeForTests, terminal: Terminal) -> None:
    """It receives no refill; while its balance is unknown the cap is assumed."""
    assert str(100 * ETH) == row_of(terminal("exposure", "--json").document, "hot-b")["at_most"]
    office.see("hot-b", 3 * ETH)
    assert str(3 * ETH) == row_of(terminal("exposure", "--json").document, "hot-b")["at_most"]


def test_wallets_of_one_fate_group_are_summed(office: OfficeForTests, terminal: Terminal) -> None:
    """Two wallets on one host fall together; the sum is held against the law's max_loss."""
    office.law = make_law(
        **{"wallets.hot-b.fate_group": "rack-1", "chains.devnet.max_loss": {"ETH": "150 ETH"}}
    ).law
    found = terminal("exposure", "--json").document["stolen_together"]
    together = next(row for row in found if row["asset"] == "ETH")
    assert ("rack-1", str(200 * ETH), True) == (
        together["group"],
        together["at_most"],
        together["is_above"],
    )
    assert "200 ETH" in terminal("exposure").out
    assert "ABOVE MAX LOSS" in terminal("exposure").out


def test_windows_of_the_signer_bound_a_stolen_daemon(
    office: OfficeForTests, terminal: Terminal
) -> None:
    """Withdrawals of every hot wallet, and the sponsor's top-ups."""
    found = terminal("exposure", "--json").document["stolen_daemon"]
    assert {
        ("hot-a", "ETH", str(20 * ETH)),
        ("hot-b", "ETH", str(20 * ETH)),
        ("sponsor", "ETH", str(2 * ETH)),
    } == {(row["payer"], row["asset"], row["at_most"]) for row in found}
    page = terminal("exposure").out
    assert 100 >= max(len(line) for line in page.splitlines())
