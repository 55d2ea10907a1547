"""Survey: a change of command halts, and an allowance that we did not sign is proof."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policies.crypto import parse_address
from policies.lifecycles import WalletState
from policies.terms import Address
from tests.fakes.belt import Belt
from tests.laws import TOKEN, address_of
from treasury.ledger import alarms
from treasury.stations.survey import survey

SAFE = parse_address("0x" + "5a" * 20)
ROUTER = parse_address("0x" + "5e" * 20)
HOT, USDC_AT = address_of("hot-a"), Address(TOKEN)
POWERS = {
    "owners": "0x" + "01" * 32,
    "threshold": "0x02",
    "modules": "",
    "guard": "0x" + "00" * 32,
    "master copy": "0x" + "11" * 32,
}


@pytest.fixture
def watched(calm: Belt) -> Belt:
    """A belt whose settings name a Safe and a spender, both seen once."""
    settings = replace(calm.world.settings, authorities=(SAFE,), spenders=(ROUTER,))
    calm.world = replace(calm.world, settings=settings)
    calm.chain.commanders[SAFE] = dict(POWERS)
    survey(calm.world, calm.clock())
    return calm


def is_ringing(belt: Belt) -> bool:
    """Say whether the alarm about the Safe rings."""
    with belt.ledger.read() as session:
        return alarms.rings(session, "authority_changed", f"contract:{SAFE}")


@pytest.mark.parametrize("power", POWERS)
def test_any_change_of_command_halts_and_rings(watched: Belt, power: str) -> None:
    """R2.12: an owner, the threshold, a module, the guard or slot 0: refills are paused at once."""
    before = watched.is_halted()
    watched.chain.commanders[SAFE][power] = "0x" + "99" * 32
    outcome = survey(watched.world, watched.clock())

    assert (False, True) == (before, watched.is_halted())
    assert is_ringing(watched)
    assert (f"halted: {power} of {SAFE} changed",) == outcome.deeds


def test_a_change_is_told_once(watched: Belt) -> None:
    """What is there after the halt is what later looks are compared with."""
    watched.chain.commanders[SAFE]["threshold"] = "0x01"
    survey(watched.world, watched.clock())

    assert () == survey(watched.world, watched.clock()).deeds


def test_what_a_node_could_not_read_is_no_change(watched: Belt) -> None:
    """Unknown is left out, and the change behind it is seen at the next look."""
    owners = watched.chain.commanders[SAFE].pop("owners")
    survey(watched.world, watched.clock())
    unread = watched.is_halted()
    watched.chain.commanders[SAFE]["owners"] = owners[:-2] + "77"
    survey(watched.world, watched.clock())

    assert (False, True) == (unread, watched.is_halted())


def test_an_allowance_that_we_did_not_sign_isolates(watched: Belt) -> None:
    """A permit to a known spender spends no nonce; the wallet falls before anything is taken."""
    watched.chain.allowances[HOT, USDC_AT, ROUTER] = 2**255
    watched.watch()

    found = watched.standing("hot-a")
    assert WalletState.ISOLATED is found.state
    assert f"{ROUTER} may take" in found.why


def test_an_allowance_from_before_is_known(calm: Belt) -> None:
    """What was allowed at the first look is no proof; when it is used up and renewed, it is."""
    settings = replace(calm.world.settings, spenders=(ROUTER,))
    calm.world = replace(calm.world, settings=settings)
    cell = (HOT, USDC_AT, ROUTER)
    states = []
    for amount in (500, 500, 100, 101):
        calm.chain.allowances[cell] = amount
        survey(calm.world, calm.clock())
        states.append(calm.standing("hot-a").state)

    assert [WalletState.ACTIVE] * 3 + [WalletState.ISOLATED] == states


def test_the_vaults_allowance_halts(watched: Belt) -> None:
    """A signature of the vault that is not ours stops all exposure."""
    watched.chain.allowances[address_of("vault"), USDC_AT, ROUTER] = 1
    survey(watched.world, watched.clock())

    assert watched.is_halted()


def test_without_anything_to_watch_nobody_is_asked(calm: Belt) -> None:
    """R2.15: settings without authorities and spenders cost no question."""
    asked: list[object] = []
    calm.chain.rights = calm.chain.authority = asked.append  # type: ignore[method-assign,assignment]
    survey(calm.world, calm.clock())

    assert [] == asked
