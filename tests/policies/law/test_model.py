"""Looking things up in a law: by name, by address, and never a guess."""

from __future__ import annotations

from policies.law import Role
from policies.terms import NATIVE
from tests.laws import ETH, GONE, TOKEN, USDC, address_of, make_law

LAW = make_law().law


def test_what_is_left_out_stands_at_its_plain_value() -> None:
    """No reserve, one approval, all of the balance, the target, and no urgent floor."""
    left_out = ("gas_reserve", "assets.ETH.band.urgent_floor")
    pool = make_law(**{f"pools.main.{key}": GONE for key in left_out}).law.pools[0]
    rule, band = pool.withdrawals["ETH"], pool.bands["ETH"]

    assert (pool.gas_reserve, rule.hold_approvals, rule.balance_percent) == (0, 1, 100)
    assert (band.urgent_floor, band.sweep_to) == (0, band.target)


def test_a_move_may_be_as_large_as_the_gap_that_it_fills() -> None:
    """From floor to target in one move, from cap to where a sweep stops: coin with its fee."""
    band, other = (f"pools.main.assets.{symbol}.band" for symbol in ("ETH", "USDC"))
    exact = {f"{band}.minimum_move": "40 ETH", f"{band}.cap": "100.01 ETH"}
    bands = make_law(**exact, **{f"{other}.minimum_move": "40000 USDC"}).law.pools[0].bands

    assert (bands["ETH"].minimum_move, bands["USDC"].minimum_move) == (40 * ETH, 40_000 * USDC)


def test_the_urgent_floor_may_be_the_floor() -> None:
    """Then whatever is low is urgent."""
    same = {"pools.main.assets.ETH.band.urgent_floor": "20 ETH"}

    assert make_law(**same).law.pools[0].bands["ETH"].urgent_floor == 20 * ETH


def test_what_the_law_names_is_found() -> None:
    """Every lookup returns the one thing that was meant."""
    wallet = LAW.wallet_at(31337, address_of("hot-a"))
    token = LAW.asset_at(31337, LAW.assets[1].address)
    pool = LAW.pool_of("hot-b")
    rule = LAW.top_up("devnet")
    person = LAW.treasurer_at(address_of("bob"))
    chain = LAW.chain("devnet")

    assert wallet is not None
    assert wallet == LAW.wallet("hot-a")
    assert Role.HOT is wallet.role
    assert token is not None
    assert token.address == TOKEN
    assert token == LAW.asset("devnet", "USDC")
    assert not token.is_native
    native = LAW.asset_at(31337, NATIVE)
    assert native is not None
    assert native.is_native
    assert pool is not None
    assert pool == LAW.pool("main")
    assert rule is not None
    assert rule.sponsor == "sponsor"
    assert person is not None
    assert person.name == "bob"
    assert chain is not None
    assert chain == LAW.chain_by_id(31337)


def test_what_the_law_does_not_name_is_none() -> None:
    """An unknown name, address or chain is None, so that whoever asks must refuse."""
    assert LAW.chain("moon") is None
    assert LAW.chain_by_id(1) is None
    assert LAW.wallet("hot-c") is None
    assert LAW.wallet_at(1, address_of("hot-a")) is None
    assert LAW.wallet_at(31337, address_of("stranger")) is None
    assert LAW.asset("devnet", "DAI") is None
    assert LAW.asset_at(1, NATIVE) is None
    assert LAW.asset_at(31337, address_of("stranger")) is None
    assert LAW.pool("second") is None
    assert LAW.pool_of("vault") is None
    assert LAW.top_up("moon") is None
    assert LAW.treasurer_at(address_of("stranger")) is None
