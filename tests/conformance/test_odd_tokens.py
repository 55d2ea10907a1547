"""Odd tokens: the transfer that we would sign, on real nodes, judged by what it really did.

Each case sends one transfer and holds receipt, balances and judgement against what the token is
known to do. What comes out is the right result, or reasons to quarantine the asset; never a wrong
result without a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from policies.fees import TOKEN_GAS
from policies.terms import Address
from tests.fakes.devchain import BOB
from tests.fakes.market import HELD, SENDER, SENT, Market, Prepare
from tests.fakes.nodes import RealNode
from treasury.dev.contracts.deploy import Contract

pytestmark = pytest.mark.sockets
EVERYTHING = 2**255
NOTHING_MOVED = {"token_logged", "token_left", "token_arrived"}


@pytest.fixture
def market(dev_chain: RealNode) -> Iterator[Market]:
    """Return a node on which Alice can pay for gas."""
    with closing(Market(dev_chain)) as made:
        yield made


def _false_in_spite(market: Market) -> Contract:
    token = market.token("FalseToken")
    market.deployer.do(token, "setContrary", True)
    return token


def _rebased(market: Market) -> Contract:
    token = market.token("RebasingToken")
    market.deployer.do(token, "rebase", 10**18 * 7 // 3)
    return token


def _proxied(market: Market) -> Contract:
    return market.proxied()[1]


def _thirsty(transfer: int) -> Prepare:
    def prepare(market: Market) -> Contract:
        token = market.token("GuzzlingToken")
        market.deployer.do(token, "setThirst", transfer, 0)
        return token

    return prepare


def _plain(name: str, *args: object) -> Prepare:
    return lambda market: market.token(name, *args)


@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(_plain("MintableToken"), id="good"),
        pytest.param(_plain("SilentToken"), id="returns nothing"),
        pytest.param(_plain("FalseToken"), id="returns false on failure"),
        pytest.param(_false_in_spite, id="returns false in spite of success"),
        pytest.param(_plain("FeeToken", 0), id="fee switched off"),
        pytest.param(_rebased, id="rebasing"),
        pytest.param(_plain("BlockingToken"), id="blocklist"),
        pytest.param(_plain("ZeroRefusingToken"), id="reverts on zero"),
        pytest.param(_plain("HookedToken"), id="hooks, to an ordinary account"),
        pytest.param(_thirsty(60_000), id="much gas"),
        pytest.param(_proxied, id="upgradeable"),
    ],
)
def test_a_token_that_moves_what_was_sent_is_settled(market: Market, prepare: Prepare) -> None:
    """R4.10: whatever the call returns, log and balances say that the amount has moved."""
    done = market.transfer(prepare(market))
    assert done.receipt.succeeded
    assert done.reasons == set()
    assert done.moved.left is not None
    assert done.moved.arrived is not None
    assert max(abs(done.moved.left - SENT), abs(done.moved.arrived - SENT)) <= 2


@pytest.mark.parametrize("decimals", [0, 6, 18, 27])
def test_decimals_do_not_change_what_moves(market: Market, decimals: int) -> None:
    """Base units move, however many of them make a unit."""
    done = market.transfer(market.token("SilentToken", decimals=decimals))
    assert (done.moved.left, done.moved.arrived, done.reasons) == (SENT, SENT, set())


def test_false_without_a_revert_is_not_a_payment(market: Market) -> None:
    """R4.10: a transaction that succeeded and moved nothing is found out by log and balances."""
    done = market.transfer(market.token("FalseToken"), HELD + 1)
    assert done.receipt.succeeded
    assert (done.moved.left, done.moved.arrived) == (0, 0)
    assert done.reasons == NOTHING_MOVED


def test_a_fee_on_transfer_is_measured_and_quarantines(market: Market) -> None:
    """R4.10: one per cent is missing at the other end, and that is a reason."""
    done = market.transfer(market.token("FeeToken", 100))
    assert done.receipt.succeeded
    assert (done.moved.left, done.moved.arrived) == (SENT, SENT * 99 // 100)
    assert done.reasons == {"token_logged", "token_arrived"}


def test_a_rebase_in_the_block_of_the_transfer_quarantines(market: Market) -> None:
    """R4.10: balances that changed by themselves are not taken for the transfer's doing."""
    token = market.token("RebasingToken")
    market.deployer.mint(token, [BOB], HELD)
    market.real.node.call("evm_setAutomine", False)
    digest = market.post(market.signed(token, BOB, SENT))
    market.deployer.submit(token, "rebase", 2 * 10**18)
    market.real.node.mine()
    done = market.judge(token, digest)
    assert done.receipt.succeeded
    assert {"token_left", "token_arrived"} & done.reasons


def _blocked(market: Market) -> tuple[Contract, Address]:
    token = market.token("BlockingToken")
    market.deployer.do(token, "setBlocked", BOB, True)
    return token, BOB


def _paused(market: Market) -> tuple[Contract, Address]:
    token = market.token("BlockingToken")
    market.deployer.do(token, "setPaused", True)
    return token, BOB


def _refusing_hook(market: Market) -> tuple[Contract, Address]:
    return _hooked(market, mood=1)


def _burning_hook(market: Market) -> tuple[Contract, Address]:
    return _hooked(market, mood=2)


def _hooked(market: Market, *, mood: int) -> tuple[Contract, Address]:
    receiver = market.deployer.deploy("HookReceiver")
    market.deployer.do(receiver, "setMood", mood)
    return market.token("HookedToken"), receiver.address


def _endless(market: Market) -> tuple[Contract, Address]:
    return _thirsty(EVERYTHING)(market), BOB


@pytest.mark.parametrize("prepare", [_blocked, _paused, _refusing_hook, _burning_hook, _endless])
def test_a_transfer_that_the_token_stops_moves_nothing(
    market: Market, prepare: Callable[[Market], tuple[Contract, Address]]
) -> None:
    """R4.10: it reverts, both balances stand, and the fee stays below the order's gas limit."""
    token, to = prepare(market)
    done = market.transfer(token, to=to)
    assert not done.receipt.succeeded
    assert (done.moved.left, done.moved.arrived) == (0, 0)
    assert done.reasons == NOTHING_MOVED
    assert done.receipt.gas_used <= TOKEN_GAS


def test_a_receiver_that_accepts_is_paid_through_its_hook(market: Market) -> None:
    """A contract that takes tokens is a destination like any other."""
    token, receiver = _hooked(market, mood=0)
    done = market.transfer(token, to=receiver)
    assert (done.moved.left, done.moved.arrived, done.reasons) == (SENT, SENT, set())


def test_other_transfers_of_the_same_block_are_not_ours(market: Market) -> None:
    """R4.10: what others move on the same accounts in that block is taken out."""
    token = market.token("MintableToken")
    market.real.node.call("evm_setAutomine", False)
    digest = market.post(market.signed(token, BOB, SENT))
    others = [
        market.deployer.submit(token, "mint", BOB, 77),
        market.deployer.submit(token, "burn", SENDER, 33),
    ]
    market.real.node.mine()
    done = market.judge(token, digest)
    blocks = {market.real.node.receipt(found)["blockHash"] for found in [digest, *others]}
    assert len(blocks) == 1
    assert (done.moved.logged, done.moved.left, done.moved.arrived) == (SENT, SENT, SENT)
