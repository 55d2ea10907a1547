"""Listen: one credible voice freezes, moves nothing, and everything odd is told once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from policies.lifecycles import WalletState
from policies.terms import NATIVE, Address
from tests.fakes.belt import CHAIN_ID, Belt
from tests.laws import ETH, address_of, make_law
from treasury.chain.port import Dissent, Readings, ReadRequest, Sighting, Standstill, Topic
from treasury.ledger import journal
from treasury.ledger.queries import watch

HOT = address_of("hot-a")


def kinds(belt: Belt) -> list[str]:
    """Return what the journal tells, oldest first."""
    with belt.ledger.read() as session:
        return [entry.kind for entry in journal.tail(session, limit=1_000)]


def dissent(topic: Topic = Topic.BALANCE) -> Dissent:
    """Return a word against the others."""
    return Dissent(endpoint="node-b", topic=topic, subject=HOT, said="1", agreed="2")


def voice(belt: Belt, **seen: Mapping[object, object]) -> Sighting:
    """Return what node-b alone sees at the head: the truth, with some cells of its own."""
    request = ReadRequest(wallets=(HOT,), assets=(NATIVE,), with_code=True)
    truth = belt.chain.read_balances(request, belt.chain.head())
    changed = {name: {**getattr(truth, name), **cells} for name, cells in seen.items()}
    readings: Readings = dataclasses.replace(truth, **changed)  # type: ignore[arg-type]
    return Sighting(endpoint="node-b", readings=readings)


@pytest.mark.parametrize(
    "seen",
    [
        {"nonces": {HOT: 7}},
        {"codes": {HOT: bytes.fromhex("ef0100") + bytes(20)}},
        {"balances": {(HOT, NATIVE): 1 * ETH}},
    ],
    ids=["foreign nonce", "delegation", "robbed"],
)
def test_one_credible_voice_freezes_and_moves_nothing(calm: Belt, seen: dict[str, object]) -> None:
    """R4.7: a single endpoint that sees a theft is enough to freeze, and not to isolate or move."""
    calm.chain.dissents.append(dissent())
    calm.chain.lone_voices.append(voice(calm, **seen))  # type: ignore[arg-type]
    calm.watch()

    standing = calm.standing("hot-a")
    assert standing.frozen
    assert "node-b alone reports" in standing.frozen_why
    assert standing.state is WalletState.ACTIVE
    assert not calm.transfers()


def test_a_voice_that_agrees_when_asked_again_freezes_nothing(calm: Belt) -> None:
    """A single wrong answer is told as an alarm; asked again, the endpoint says what all say."""
    calm.chain.dissents.append(dissent())
    calm.chain.lone_voices.append(voice(calm))
    calm.watch()

    assert not calm.standing("hot-a").frozen
    assert "endpoint_dissented" in kinds(calm)


def test_what_is_less_than_the_least_move_is_rounding(calm: Belt) -> None:
    """A token may round by a few base units; no wallet is frozen for that on one word."""
    calm.chain.dissents.append(dissent())
    calm.chain.lone_voices.append(voice(calm, balances={(HOT, NATIVE): 60 * ETH - 2}))
    calm.watch()

    assert not calm.standing("hot-a").frozen


@pytest.mark.parametrize(("lost", "frozen"), [(ETH - 1, False), (ETH, True)])
def test_a_loss_of_the_least_move_is_a_theft(calm: Belt, lost: int, frozen: bool) -> None:
    """What could be a transfer of ours could be a thief's: from there on one word freezes."""
    calm.chain.dissents.append(dissent())
    calm.chain.lone_voices.append(voice(calm, balances={(HOT, NATIVE): 60 * ETH - lost}))
    calm.watch()

    assert calm.standing("hot-a").frozen is frozen


def test_our_own_payment_is_no_theft_to_a_lone_voice(calm: Belt) -> None:
    """What our books explain freezes nothing, whichever block the endpoint stands at."""
    calm.ask_withdrawal(2 * ETH, "customer-1")
    calm.money()
    calm.chain.mine()
    calm.chain.dissents.append(dissent(Topic.NONCE))
    calm.watch()

    assert not calm.standing("hot-a").frozen
    assert calm.chain.transaction_nonce(HOT, calm.chain.head()) == 1


def test_without_a_quorum_single_voices_are_still_heard(calm: Belt) -> None:
    """R4.8: below the quorum nothing is sent, the alarm rings once, and theft still freezes."""
    robbed = voice(calm, balances={(HOT, NATIVE): 0})
    calm.chain.is_down = True
    calm.watch()
    calm.chain.lone_voices.append(robbed)
    calm.watch()
    calm.watch()

    assert calm.standing("hot-a").frozen
    assert kinds(calm).count("quorum_lost") == 1

    calm.chain.is_down = False
    calm.chain.lone_voices.clear()
    calm.watch()
    calm.watch()

    assert kinds(calm).count("quorum_back") == 1


@pytest.mark.parametrize("what", ["finality", "head"])
def test_what_stands_still_rings_once_and_resumes_by_itself(calm: Belt, what: str) -> None:
    """R4.13: a stalled finality is told when it begins and when it is over, and how long it was."""
    calm.chain.standstills.append(Standstill(what=what, unmoved_s=600))
    calm.watch()
    calm.clock.advance(25)
    calm.watch()
    calm.chain.standstills.clear()
    outcomes = calm.watch()
    with calm.ledger.read() as session:
        told = [entry for entry in journal.tail(session, limit=100) if entry.kind.startswith(what)]

    assert [f"{what}_lost", f"{what}_back"] == [entry.kind for entry in told]
    assert '{"after_s":"25"}' == told[1].body
    assert f"{what} is back" in [deed for outcome in outcomes for deed in outcome.deeds]


@pytest.mark.parametrize(("unmoved_s", "rings"), [(59.9, 0), (60.0, 1)])
def test_a_short_standstill_is_nothing(calm: Belt, unmoved_s: float, rings: int) -> None:
    """Blocks come irregularly: what is younger than a stale reading rings no alarm."""
    calm.chain.standstills.append(Standstill(what="head", unmoved_s=unmoved_s))
    calm.watch()

    assert kinds(calm).count("head_lost") == rings


def test_nobody_asks_single_endpoints_while_they_agree(calm: Belt) -> None:
    """Every endpoint for itself is asked when one dissents, and at no other time."""
    calm.chain.lone_voices.append(voice(calm, nonces={HOT: 7}))
    calm.watch()
    agreed = calm.standing("hot-a").frozen
    calm.chain.dissents.append(dissent())
    calm.watch()

    assert (agreed, calm.standing("hot-a").frozen) == (False, True)


def test_a_wallet_without_a_band_may_lose_nothing(calm: Belt) -> None:
    """No rule says what a drop of the gas sponsor could be: a single wei less is a theft."""
    sponsor = address_of("sponsor")
    coins = calm.chain.balance(sponsor)
    calm.chain.dissents.append(dissent())
    calm.chain.lone_voices.append(
        voice(calm, nonces={sponsor: 0}, balances={(sponsor, NATIVE): coins - 1})
    )
    calm.watch()

    assert calm.standing("sponsor").frozen


def test_an_endpoint_behind_the_anchor_tells_of_the_past(calm: Belt) -> None:
    """What it saw before our books began to count is explained; at that block it is a theft."""
    with calm.ledger.read() as session:
        anchored = watch.anchors(session, CHAIN_ID)[HOT, NATIVE].block_number
    found = []
    for number in (anchored - 1, anchored):
        robbed = voice(calm, balances={(HOT, NATIVE): 0})
        at = dataclasses.replace(robbed.readings.stamp, number=number)
        readings = dataclasses.replace(robbed.readings, stamp=at)
        calm.chain.lone_voices[:] = [dataclasses.replace(robbed, readings=readings)]
        calm.chain.dissents.append(dissent())
        calm.watch()
        found.append(calm.standing("hot-a").frozen)

    assert [False, True] == found


def test_an_isolated_wallet_is_not_frozen_besides(calm: Belt) -> None:
    """What is cut off already needs no second stop, and no second reason."""
    calm.room.isolate("hot-a")
    calm.money()
    calm.chain.dissents.append(dissent())
    calm.chain.lone_voices.append(voice(calm, nonces={HOT: 7}))
    calm.watch()

    assert WalletState.ISOLATED is calm.standing("hot-a").state
    assert not calm.standing("hot-a").frozen


def test_the_same_dissent_is_told_once_an_hour(calm: Belt) -> None:
    """R4.7: a node that always lies rings once, not at every block."""
    for _ in range(3):
        calm.chain.dissents.append(dissent(Topic.RECEIPT))
        calm.watch()
    first = kinds(calm).count("endpoint_dissented")
    calm.clock.advance(3_600)
    calm.chain.dissents.append(dissent(Topic.RECEIPT))
    calm.watch()

    assert (first, kinds(calm).count("endpoint_dissented")) == (1, 2)


def test_a_wallet_that_is_cut_off_or_frozen_is_left_alone(calm: Belt) -> None:
    """A freeze that stands keeps its reason; Address types are those of the law."""
    robbed = voice(calm, nonces={HOT: 9})
    calm.chain.dissents.append(dissent())
    calm.chain.lone_voices.append(robbed)
    calm.watch()
    why = calm.standing("hot-a").frozen_why
    calm.chain.lone_voices.append(voice(calm, nonces={Address(HOT): 11}))
    calm.chain.dissents.append(dissent())
    calm.watch()

    assert why == calm.standing("hot-a").frozen_why
    assert kinds(calm).count("wallet_frozen") == 1


def test_shared_custody_is_no_theft_to_a_lone_voice(directory: Path, quiet: None) -> None:
    """Another engine signs for that wallet: nonces that are not ours freeze only our own."""
    shared = {
        "wallets.hot-a.custody": "shared",
        "pools.main.assets.ETH.band.unexplained_max": "0.5 ETH",
    }
    belt = Belt(directory, law=make_law(**shared).law, hot=60 * ETH)
    belt.run(2)
    belt.chain.dissents.append(dissent())
    belt.chain.lone_voices.append(voice(belt, nonces={HOT: 7, address_of("hot-b"): 7}))
    belt.watch()

    assert [False, True] == [belt.standing(name).frozen for name in ("hot-a", "hot-b")]
