"""Sense: code on an account that signs for us is proof that somebody else has its key."""

from __future__ import annotations

import pytest

from policies.lifecycles import IncidentState, WalletState
from policies.terms import NATIVE
from tests.fakes.belt import Belt
from tests.laws import address_of
from treasury.ledger.queries import standings
from treasury.stations.sense import sense

DELEGATED = bytes.fromhex("ef0100") + b"\x11" * 20
FEES_MOST = 10**18


def test_a_delegation_isolates_at_the_next_look(calm: Belt) -> None:
    """R2.9, R4.9: no balance has moved yet; the wallet is isolated, replaced and evacuated."""
    calm.chain.set_code(address_of("hot-a"), DELEGATED)
    calm.chain.mine()
    calm.watch()
    isolated = calm.standing("hot-a")
    calm.run(8)
    with calm.ledger.read() as session:
        (incident,) = standings.incidents(session)

    assert WalletState.ISOLATED is isolated.state
    assert "23 bytes of code" in isolated.why
    assert WalletState.ACTIVE is calm.standing("hot-b").state
    assert calm.chain.balance(address_of("hot-a"), NATIVE) < FEES_MOST
    assert incident.state in (IncidentState.OPEN, IncidentState.CONTAINED)


@pytest.mark.parametrize("name", ["vault", "sponsor"])
def test_code_at_the_vault_or_the_sponsor_halts(calm: Belt, name: str) -> None:
    """Nothing goes toward exposure while somebody else can sign for the vault or the sponsor."""
    calm.chain.set_code(address_of(name), DELEGATED)
    calm.chain.mine()
    calm.watch()

    assert calm.is_halted()
    assert calm.standing(name).frozen


def test_ordinary_accounts_are_calm(calm: Belt) -> None:
    """No code, no word."""
    outcomes = {outcome.station: outcome for outcome in calm.watch()}

    assert outcomes["sense"].deeds == ()
    assert not calm.is_halted()


def test_a_signer_that_is_away_leaves_the_wallet_frozen(calm: Belt) -> None:
    """It is frozen at once, and isolated when the signer is back."""
    calm.chain.set_code(address_of("hot-a"), DELEGATED)
    calm.chain.mine()
    calm.signer.is_away = True
    calm.watch()
    frozen = calm.standing("hot-a")
    calm.signer.is_away = False
    calm.watch()

    assert (True, WalletState.ACTIVE) == (frozen.frozen, frozen.state)
    assert WalletState.ISOLATED is calm.standing("hot-a").state


def test_a_chain_that_does_not_answer_is_no_proof(calm: Belt) -> None:
    """Code that nobody could read isolates nobody, and the outcome says so."""
    calm.chain.set_code(address_of("hot-a"), DELEGATED)
    calm.chain.is_down = True
    outcome = sense(calm.world, calm.clock())

    assert outcome.unavailable
    assert WalletState.ACTIVE is calm.standing("hot-a").state


def test_before_the_first_look_nothing_is_asked(low: Belt) -> None:
    """A daemon that has not seen the chain yet says so."""
    assert "the chain was never seen" == sense(low.world, low.clock()).unavailable
