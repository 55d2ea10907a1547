"""Tokens on a real node, with real processes: refilled, paid, swept, and given gas."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from policies.terms import Address
from treasury.dev.coins import USDC, USDT, Coin
from treasury.dev.contracts import load_artifact
from treasury.dev.contracts.deploy import Contract, Deployer
from treasury.dev.deployment import Plan
from treasury.dev.desk import Desk, Row
from treasury.dev.node_client import DevelopmentNode
from treasury.dev.stage import raised

pytestmark = [pytest.mark.sockets, pytest.mark.softhsm, pytest.mark.slow]
COINS = (USDC, USDT)
HELD, PAID, GIFT = 1_500, 400, 9_000


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A treasury of tokens alone: hot-a is below both floors and has no gas at all."""
    plan = Plan(
        coins=COINS,
        is_native_banded=False,
        hot_eth=0,
        hot_coins=HELD,
        time_lock_s=1,
        refill_window_s=2,
    )
    with raised(tmp_path_factory.mktemp("tokens") / "d", plan) as stage:
        seat = Desk(stage)
        try:
            yield seat
        finally:
            seat.leave()


def test_tokens_are_refilled_paid_and_swept(desk: Desk) -> None:
    """R4.10: for a token that answers and for one that returns nothing, to the last base unit."""
    _get_gas(desk)
    for coin in COINS:
        _refill(desk, coin)
    for coin in COINS:
        desk.pay_in_coins(coin.symbol, PAID * 10**coin.decimals)
    for coin in COINS:
        desk.wait_for("a payment", lambda: _rows(desk, "withdrawal", coin))  # noqa: B023 - at once
        _settles_at(desk, coin, coin.target - PAID)
    for coin in COINS:
        _give(desk, coin)
        desk.wait_for("a sweep", lambda: _rows(desk, "sweep", coin))  # noqa: B023 - at once
        _settles_at(desk, coin, coin.target)

    status = desk.ctl("status")
    assert [] == status["trouble"]
    assert "RUNNING" == status["exposure"]["state"]
    assert desk.ctl("journal", "verify")["ok"]


def _get_gas(desk: Desk) -> None:
    """The sponsor gives gas to the wallet that must move tokens, unasked."""
    wanted = (desk.address("gas"), desk.address("hot-a"))

    def found() -> list[Row]:
        # The standby may get its gas first.
        rows = desk.transfers("top_up", "CONFIRMED", least=1) or []
        return [row for row in rows if wanted == (row["source"], row["destination"])]

    assert 1 == len(desk.wait_for("gas", found))


def _refill(desk: Desk, coin: Coin) -> None:
    def found(state: str) -> Row | None:
        rows = desk.ctl("refill", "list")
        wanted = [r for r in rows if (r["asset"], r["state"]) == (coin.symbol, state)]
        return wanted[0] if wanted else None

    refill = desk.wait_for("a proposed refill", lambda: found("PROPOSED"))
    assert (coin.target - HELD) * 10**coin.decimals == int(refill["amount"])
    desk.number = str(refill["id"])
    for person in desk.stage.deployment.people[:2]:
        desk.approve(person)
    desk.wait_for("the settled refill", lambda: found("SETTLED"))


def _rows(desk: Desk, purpose: str, coin: Coin) -> list[Row]:
    return [r for r in desk.transfers(purpose, "CONFIRMED") if r["asset"] == coin.symbol]


def _settles_at(desk: Desk, coin: Coin, coins: int) -> None:
    def held() -> bool:
        assets = {a["asset"]: a for a in desk.ctl("wallet", "show", "hot-a")["assets"]}
        return bool(int(assets[coin.symbol]["balance"]) == coins * 10**coin.decimals)

    desk.wait_for(f"{coins} {coin.symbol} in hot-a", held)


def _give(desk: Desk, coin: Coin) -> None:
    """Let a stranger deposit so much that the wallet stands above its cap."""
    assets = {a["asset"]: a for a in desk.ctl("wallet", "show", "hot-a")["assets"]}
    place = Address(assets[coin.symbol]["asset_address"])
    with closing(DevelopmentNode(desk.stage.chain.url)) as node:
        token = Contract(address=place, artifact=load_artifact(coin.contract))
        Deployer(node).mint(token, [desk.address("hot-a")], GIFT * 10**coin.decimals)
