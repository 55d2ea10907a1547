"""The figures of the promise, as people read them: what each threat could cost at most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from policies.lifecycles import Owner, RefillState
from tests.fakes.office import OfficeForTests
from tests.laws import ETH, make_law

if TYPE_CHECKING:
    from tests.treasury.cli.conftest import Terminal

pytestmark = pytest.mark.sockets


def figure(terminal: Terminal, threat: str, name: str, *more: str) -> dict[str, Any]:
    """Return the ETH figure of a threat and a name."""
    figures = terminal("exposure", *more, "--json").document["figures"]
    key = (threat, name, "ETH")
    return next(f for f in figures if (f["threat"], f["name"], f["asset"]) == key)


def test_active_wallet_may_cost_its_cap_and_what_is_on_its_way(
    office: OfficeForTests, terminal: Terminal
) -> None:
    """The cap counts even while the balance is low, and a released refill on top of it."""
    office.see("hot-a", 4 * ETH)
    assert str(100 * ETH) == figure(terminal, "stolen key", "hot-a")["at_most"]
    office.propose()
    office.move_refill(1, RefillState.APPROVED)
    office.move_refill(1, RefillState.RELEASED, Owner.RELEASE)

    found = figure(terminal, "stolen key", "hot-a")
    assert str(140 * ETH) == found["at_most"]
    assert ["cap", "refill #1 in flight"] == [part["text"] for part in found["parts"]]


def test_balance_above_the_cap_counts_in_full(office: OfficeForTests, terminal: Terminal) -> None:
    """What is not swept yet can be stolen."""
    office.see("hot-a", 120 * ETH)
    assert str(120 * ETH) == figure(terminal, "stolen key", "hot-a")["at_most"]


def test_standby_wallet_may_cost_what_it_holds(office: OfficeForTests, terminal: Terminal) -> None:
    """It receives no refill; while its balance is unknown the cap is assumed."""
    assert str(100 * ETH) == figure(terminal, "stolen key", "hot-b")["at_most"]
    office.see("hot-b", 3 * ETH)
    assert str(3 * ETH) == figure(terminal, "stolen key", "hot-b")["at_most"]


def test_a_group_above_max_loss_is_said_in_capitals(
    office: OfficeForTests, terminal: Terminal
) -> None:
    """R2.14: two wallets on one host fall together; the sum is held against max_loss."""
    office.law = make_law(
        **{"wallets.hot-b.fate_group": "rack-1", "chains.devnet.max_loss": {"ETH": "150 ETH"}}
    ).law
    together = figure(terminal, "stolen together", "rack-1")
    page = terminal("exposure").out

    assert (str(200 * ETH), True) == (together["at_most"], together["is_above"])
    assert "ABOVE MAX LOSS" in page
    assert "rack-1 ETH = 100 ETH (hot-a) + 100 ETH (hot-b)" in page
    assert 100 >= max(len(line) for line in page.splitlines())


def test_a_slower_reaction_costs_more_windows(terminal: Terminal) -> None:
    """Windows of an hour: half an hour sees one of them in full, three hours see four."""
    quick = figure(terminal, "corrupt payout service", "main", "--reaction", "30m")
    slow = figure(terminal, "corrupt payout service", "main", "--reaction", "3h")

    assert (str(20 * ETH), str(80 * ETH)) == (quick["at_most"], slow["at_most"])


def test_who_alone_moves_nothing_is_said_so(terminal: Terminal) -> None:
    """A lying minority and one bribed treasurer cost nothing, and the page says why."""
    assert "0" == figure(terminal, "lying node minority", "devnet")["at_most"]
    assert "0" == figure(terminal, "one bribed treasurer", "devnet")["at_most"]
    assert "2 treasurers carry a motion" in terminal("exposure").out
