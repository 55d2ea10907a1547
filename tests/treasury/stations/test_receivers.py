"""Payouts to contracts that the law names: nothing goes where another code or none is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from policies.law import Law, Receiver
from policies.lifecycles import TransferState, WithdrawalState
from policies.tokens import TokenFacts
from tests.fakes.belt import Belt
from tests.fakes.nodes import RealNode
from tests.laws import ETH, address_of, make_law
from treasury.dev.contracts.deploy import Deployer
from treasury.ledger.queries import transfers
from treasury.payouts.receivers import objections

HASH = bytes(range(32))
SAFE = address_of("safe")


def law_with(*receivers: Receiver) -> Law:
    """Return the sample law with contracts that it names."""
    rows = [{"address": r.address, "code_hash": "0x" + r.code_hash.hex()} for r in receivers]
    return make_law(**{"chains.devnet.receivers": rows}).law


@pytest.fixture
def belt(directory: Path, quiet: None) -> Belt:
    """A belt whose law names a contract wallet; a customer asked for money to it."""
    made = Belt(directory, law=law_with(Receiver(address=SAFE, code_hash=HASH)), hot=60 * ETH)
    made.watch()
    made.ask_withdrawal(2 * ETH, "safe", key="one")
    return made


def place(belt: Belt, code: bytes | None) -> None:
    """Let every endpoint tell this Keccak-256 of the code at the contract wallet's address."""
    nothing = TokenFacts(
        asset=SAFE, decimals=None, symbol=None, code=code, behind=(None, None, None)
    )
    belt.chain.tokens[SAFE] = nothing


def codes(belt: Belt) -> list[str]:
    """Return the codes of the withdrawal's reasons."""
    return [reason.code for reason in belt.withdrawal(1).reasons]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (b"", "receiver_missing"),
        (bytes(32), "receiver_code"),
        (None, "receiver_unknown"),
    ],
)
def test_nothing_goes_to_other_code(belt: Belt, code: bytes | None, reason: str) -> None:
    """R4.11: undeployed, another contract, or unknown: held, not signed; others are paid."""
    place(belt, code)
    belt.ask_withdrawal(ETH, "customer", key="two")
    belt.run(6)

    assert (belt.withdrawal(1).state, codes(belt)) == (WithdrawalState.HELD, [reason])
    assert belt.withdrawal(2).state is WithdrawalState.PAID
    assert belt.paid("hot-a", SAFE) == 0


def test_once_deployed_it_is_paid(belt: Belt) -> None:
    """What was held goes as soon as the law's own code is there."""
    place(belt, b"")
    belt.run(2)
    place(belt, HASH)
    belt.run(6)

    assert belt.withdrawal(1).state is WithdrawalState.PAID
    assert belt.paid("hot-a", SAFE) == 1


def test_a_contract_gets_gas_to_receive_with(belt: Belt) -> None:
    """Native coin runs the code of a contract wallet: a plain transfer's gas would revert there."""
    place(belt, HASH)
    belt.ask_withdrawal(ETH, "customer", key="two")
    belt.run(8)
    ids = {t.id: t.destination for t in belt.transfers()}
    with belt.ledger.read() as session:
        found = transfers.attempts_of(session, ids)

    assert {ids[number]: [a.gas_limit for a in group] for number, group in found.items()} == {
        SAFE: [150_000],
        address_of("customer"): [21_000],
    }


def test_code_that_changed_before_the_signature_stops_it(belt: Belt) -> None:
    """R4.11: looked at when it was queued and again before it is signed; no nonce is spent."""
    place(belt, HASH)
    cheap, belt.chain.base_fee = belt.chain.base_fee, 10**15
    belt.money()
    belt.chain.base_fee = cheap
    place(belt, bytes(32))
    belt.money()
    (transfer,) = belt.transfers()

    assert (transfer.state, transfer.nonce) == (TransferState.QUEUED, None)
    assert [reason.code for reason in transfer.reasons] == ["receiver_code"]


@pytest.mark.sockets
def test_real_nodes_tell_code_from_none(dev_chain: RealNode, directory: Path, quiet: None) -> None:
    """R4.11: a deployed contract of the law is no reason; its twin elsewhere and none are."""
    deployer = Deployer(dev_chain.node)
    deployer.fund()
    good = deployer.deploy("MintableToken", "Good", "GOOD", 6).address
    other = deployer.deploy("Multicall").address
    nowhere = address_of("nowhere")
    world = Belt(directory).world
    with dev_chain.connect() as chain:
        head = chain.head()
        (facts,) = chain.token_facts([good], head)
        assert facts.code
        expected = [Receiver(address=a, code_hash=facts.code) for a in (good, other, nowhere)]
        places = {good, other, nowhere, address_of("customer")}
        found = objections(replace(world, chain=chain), law_with(*expected), places, head)

    assert {place: why[0].code for place, why in found.items()} == {
        other: "receiver_code",
        nowhere: "receiver_missing",
    }
