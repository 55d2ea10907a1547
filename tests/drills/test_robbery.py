"""A thief with a copy of a hot wallet's key at a running treasury: how fast, how much is saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drills.crook import MANNERS
from tests.drills.robbery import rob
from tests.fakes.nodes import chosen_nodes, require_node

pytestmark = [pytest.mark.sockets, pytest.mark.softhsm]


def test_a_delegated_wallet_is_emptied_by_us_before_the_thief_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R2.8, R4.9: the delegation alone is proof; what is left goes home, nobody is asked."""
    node = chosen_nodes()[-1]
    require_node(node)
    monkeypatch.setenv("TREASURY_CHAIN", node)

    robbery = rob(tmp_path / "d", "delegate_7702")

    assert robbery.saved_share > 0.3, robbery.line()
    assert all(left == 0 for symbol, left in robbery.residual.items() if symbol != "ETH")


@pytest.mark.soak
def test_every_manner_of_thief_on_every_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R2.8, R2.9: the table of answers; something is saved from each of them."""
    robberies = []
    for node in chosen_nodes():
        require_node(node)
        monkeypatch.setenv("TREASURY_CHAIN", node)
        for manner in MANNERS:
            robberies.append(rob(tmp_path / f"{node}-{manner}", manner))
            print(f"\n{node:7} {robberies[-1].line()}", end="")

    assert all(robbery.saved_share > 0.0 for robbery in robberies)
