"""What contracts say of themselves on real nodes, and how an upgrade behind our back looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from policies.crypto import checksum_address
from policies.law import Asset
from policies.terms import Address
from policies.tokens import TokenFacts, judge_token
from tests.fakes.market import Market
from tests.fakes.nodes import RealNode
from treasury.chain import answers
from treasury.chain.tokens import token_facts
from treasury.dev.contracts.deploy import Contract

pytestmark = pytest.mark.sockets
NOBODY = checksum_address(b"\x99" * 20)


@pytest.fixture
def market(dev_chain: RealNode) -> Iterator[Market]:
    """Return a node on which Alice can pay for gas."""
    with closing(Market(dev_chain)) as made:
        yield made


def _facts(market: Market, *assets: Address) -> list[TokenFacts]:
    at = answers.stamp(market.rpc.call("eth_getBlockByNumber", "latest", False))
    assert at is not None
    return token_facts(market.rpc, assets, at)


def _asset(token: Contract, *, symbol: str = "ODD", decimals: int = 6) -> Asset:
    return Asset(chain="devnet", symbol=symbol, address=token.address, decimals=decimals)


def _codes(asset: Asset, facts: TokenFacts, before: TokenFacts | None = None) -> list[str]:
    return [reason.code for reason in judge_token(asset, facts, before)]


@pytest.mark.parametrize("decimals", [0, 6, 18, 27])
def test_decimals_and_symbol_are_those_of_the_contract(market: Market, decimals: int) -> None:
    """R4.16: what the law says is compared with the contract, in one batch for all tokens."""
    token = market.token("SilentToken", decimals=decimals)
    facts, nothing = _facts(market, token.address, NOBODY)
    assert (facts.symbol, facts.decimals) == ("ODD", decimals)
    assert _codes(_asset(token, decimals=decimals), facts) == []
    assert _codes(_asset(token, decimals=decimals + 1), facts) == ["token_decimals"]
    assert _codes(_asset(token, symbol="USD", decimals=decimals), facts) == ["token_symbol"]
    assert _codes(_asset(token), nothing) == ["token_missing"]


def test_a_contract_that_is_no_token_is_unknown(market: Market) -> None:
    """R4.16: code without decimals and symbol quarantines."""
    multicall = market.deployer.deploy("Multicall")
    (facts,) = _facts(market, multicall.address)
    assert (facts.decimals, facts.symbol) == (None, None)
    assert _codes(_asset(multicall), facts) == ["token_unknown"]


def test_an_upgrade_is_seen_before_it_does_harm(market: Market) -> None:
    """R4.10: the slot of the proxy changed, though every answer is still the same."""
    proxy, token = market.proxied()
    (before,) = _facts(market, proxy.address)
    assert _codes(_asset(token), before) == []
    other = market.deployer.deploy("SeizingToken")
    market.deployer.do(proxy, "upgradeTo", other.address)
    (after,) = _facts(market, proxy.address)
    assert (after.decimals, after.symbol, after.code) == (6, "ODD", before.code)
    assert _codes(_asset(token), after, before) == ["token_upgraded"]
    changed = Contract(address=proxy.address, artifact=other.artifact)
    market.deployer.do(changed, "setDecimals", 8)
    (later,) = _facts(market, proxy.address)
    assert _codes(_asset(token), later, before) == ["token_decimals", "token_upgraded"]
