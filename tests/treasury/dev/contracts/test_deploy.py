"""Development contracts reach a development chain, and what they refuse is told."""

from __future__ import annotations

import pytest

from policies.crypto import parse_address
from tests.fakes.devchain import BOB
from tests.fakes.nodes import RealNode
from treasury.dev.contracts import ContractError
from treasury.dev.contracts.deploy import DEPLOYER_KEY, Deployer, deploy
from treasury.dev.node_client import DevelopmentNode, DevelopmentNodeError

pytestmark = pytest.mark.sockets
HOLDERS = [BOB, parse_address("0x" + "c0" * 20)]


@pytest.fixture
def deployer(dev_chain: RealNode) -> Deployer:
    """Return a deployer with gas money."""
    made = Deployer(dev_chain.node)
    made.fund()
    return made


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def test_a_token_is_deployed_minted_and_burnt(deployer: Deployer) -> None:
    """Name, decimals and balances are as asked for; many holders share a transaction."""
    token = deployer.deploy("SilentToken", "Silent Dollar", "SIL", 6)
    deployer.mint(token, HOLDERS, 500)
    deployer.do(token, "burn", BOB, 100)
    assert [_number(deployer.ask(token, "balanceOf", who)) for who in HOLDERS] == [400, 500]
    assert _number(deployer.ask(token, "totalSupply")) == 900
    assert _number(deployer.ask(token, "decimals")) == 6


def test_one_call_deploys_one_contract(deployer: Deployer) -> None:
    """Address in, address out, for scripts that need nothing else."""
    address = deploy(deployer.node.url, DEPLOYER_KEY, "MintableToken", ["A", "A", 0])
    assert deployer.node.call("eth_getCode", address, "latest") != "0x"


def test_what_a_contract_refuses_is_an_error(deployer: Deployer) -> None:
    """A constructor or a call that reverts raises; `send` gives its receipt instead."""
    with pytest.raises(ContractError, match="constructor reverted"):
        deployer.deploy("MintableToken", "Too fine", "X", 28)
    token = deployer.deploy("MintableToken", "A", "A", 0)
    with pytest.raises(ContractError, match="burn reverted"):
        deployer.do(token, "burn", BOB, 1)
    assert deployer.send(token, "burn", BOB, 1)["status"] == "0x0"


def test_native_coin_is_paid(deployer: Deployer) -> None:
    """A payment arrives to the wei."""
    before = deployer.node.number("eth_getBalance", BOB, "latest")
    assert deployer.pay(BOB, 7)["status"] == "0x1"
    assert deployer.node.number("eth_getBalance", BOB, "latest") == before + 7


def test_a_transaction_that_is_never_mined_is_given_up(dev_chain: RealNode) -> None:
    """Waiting for a receipt ends at its deadline."""
    with pytest.raises(DevelopmentNodeError, match="not mined within"):
        dev_chain.node.receipt("0x" + "00" * 32, deadline_s=0.02)


def test_a_node_that_is_not_there_is_told() -> None:
    """A refused connection is an error of ours, with the address."""
    with pytest.raises(DevelopmentNodeError, match="does not answer"):
        DevelopmentNode("http://127.0.0.1:1").call("eth_chainId")
