"""Survey: a change of command halts, and an allowance that we did not sign is proof."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policies.crypto import parse_address
from policies.lifecycles import WalletState
from policies.terms import Address
from tests.fakes.belt import Belt
from tests.laws import TOKEN, address_of
from treasury.chain.authority import POWERS
from treasury.chain.errors import NodeError
from treasury.ledger import alarms
from treasury.stations.survey import UNREAD_S, survey

SAFE = parse_address("0x" + "5a" * 20)
ROUTER = parse_address("0x" + "5e" * 20)
HOT, USDC_AT = address_of("hot-a"), Address(TOKEN)
COMMANDERS = dict.fromkeys(POWERS, "") | {
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
    calm.chain.commanders[SAFE] = dict(COMMANDERS)
    survey(calm.world, calm.clock())
    return calm


def is_ringing(
    belt: Belt, kind: str = "authority_changed", subject: str = f"contract:{SAFE}"
) -> bool:
    """Say whether an alarm rings, if not told otherwise that the Safe's command changed."""
    with belt.ledger.read() as session:
        return alarms.rings(session, kind, subject)


@pytest.mark.parametrize("power", ["owners", "threshold", "modules", "guard", "master copy"])
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


@pytest.mark.parametrize("amount", [1, 2**255])
def test_an_allowance_from_before_rings(calm: Belt, amount: int) -> None:
    """R2.7: what was signed before anybody watched is told, and never taken as agreed."""
    settings = replace(calm.world.settings, spenders=(ROUTER,))
    calm.world = replace(calm.world, settings=settings)
    calm.chain.allowances[HOT, USDC_AT, ROUTER] = amount
    survey(calm.world, calm.clock())

    assert is_ringing(calm, "allowance_found", "wallet:hot-a")
    assert not is_ringing(calm, "allowance_found", "wallet:vault")


def test_who_commands_is_not_left_open_for_long(watched: Belt) -> None:
    """What no node tells for a minute rings, and is over when it is told again."""
    owners = watched.chain.commanders[SAFE].pop("owners")
    rings = []
    for _ in range(3):
        survey(watched.world, watched.clock())
        rings.append(is_ringing(watched, "power_unread"))
        watched.clock.advance(UNREAD_S // 2)
    watched.chain.commanders[SAFE]["owners"] = owners
    survey(watched.world, watched.clock())

    assert [False, False, True] == rings
    assert not is_ringing(watched, "power_unread")


def test_a_contract_that_nobody_can_read_from_the_start_rings(calm: Belt) -> None:
    """An address without an answer is no authority that is in order."""
    settings = replace(calm.world.settings, authorities=(SAFE,))
    calm.world = replace(calm.world, settings=settings)
    survey(calm.world, calm.clock())
    calm.clock.advance(UNREAD_S)
    survey(calm.world, calm.clock())

    assert is_ringing(calm, "power_unread")


@pytest.mark.parametrize("question", ["authority", "rights"])
def test_a_refused_question_stops_nobody_and_rings(
    watched: Belt, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R2.8: a node that refuses such questions does not keep the lane from its evacuations."""

    def refuse(*_: object) -> None:
        raise NodeError(question, -32005, "not with me")

    monkeypatch.setattr(watched.chain, question, refuse)
    outcome = survey(watched.world, watched.clock())
    watched.clock.advance(UNREAD_S)
    survey(watched.world, watched.clock())

    subjects = (f"contract:{SAFE}", "wallet:vault", "wallet:hot-a", "wallet:hot-b")
    assert not outcome.ends_lane
    assert 1 == sum(is_ringing(watched, "power_unread", subject) for subject in subjects)


def test_an_allowance_that_nobody_can_read_rings(watched: Belt) -> None:
    """Unknown is not none: a token that tells no allowance is watched by nobody."""
    watched.chain.allowances[HOT, USDC_AT, ROUTER] = None
    survey(watched.world, watched.clock())
    watched.clock.advance(UNREAD_S)
    survey(watched.world, watched.clock())

    assert is_ringing(watched, "power_unread", "wallet:hot-a")
    assert WalletState.ACTIVE is watched.standing("hot-a").state


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
