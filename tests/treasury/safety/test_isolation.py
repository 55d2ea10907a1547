"""Isolation: a whole fate group falls in one commit, and the signer knew before the ledger did."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.lifecycles import RefillState, WalletState
from tests.fakes.belt import Belt
from tests.laws import ETH, address_of, make_law
from treasury.ledger.queries import standings

THIEF = address_of("thief")


@pytest.fixture
def shared(directory: Path, quiet: None) -> Belt:
    """A belt whose two hot wallets share a host; hot-a is low, so a refill is proposed."""
    law = make_law(**{"wallets.hot-b.fate_group": "rack-1"}).law
    belt = Belt(directory, law=law)
    belt.run(2)
    return belt


def states(belt: Belt) -> list[WalletState | None]:
    """Return how both hot wallets stand."""
    return [belt.standing(name).state for name in ("hot-a", "hot-b")]


def test_one_stolen_key_takes_the_whole_host(shared: Belt) -> None:
    """R2.5: both wallets of the host fall at the first look, each with its incident."""
    shared.chain.spend(address_of("hot-a"), THIEF, ETH)
    shared.chain.mine()
    shared.watch()
    with shared.ledger.read() as session:
        incidents = standings.incidents(session, only_open=True)

    assert [WalletState.ISOLATED] * 2 == states(shared)
    assert {"hot-a", "hot-b"} == {incident.wallet for incident in incidents}
    assert RefillState.WITHDRAWN is shared.refills()[0].state
