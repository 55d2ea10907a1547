"""The law of the development deployment, written as the TOML file that a person would write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from policies.terms import Address
from treasury.dev.coins import Coin
from treasury.dev.treasurers import Person

_ETH_WITHDRAWAL = """[pools.payouts.assets.ETH.withdrawal]
per_transfer = "2 ETH"
window_s = 3600
window_amount = "200 ETH"
window_count = 5000
first_use_amount = "100 ETH"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """Floor, target and cap of the development pool, in ETH, and the most of an emergency."""

    floor: str = "5 ETH"
    target: str = "10 ETH"
    cap: str = "15 ETH"
    emergency: str = "6 ETH"


@dataclass(frozen=True, slots=True, kw_only=True)
class LawTerms:
    """What may differ between development laws; `time_lock_s` is of the lower tier.

    `is_native_banded`: the pool has a band for ETH; without, the sponsor gives it gas.
    """

    bands: Bands = field(default_factory=Bands)
    coins: tuple[Coin, ...] = ()
    is_native_banded: bool = True
    time_lock_s: int = 2
    refill_window_s: int = 60


def development_law(
    *,
    chain_id: int,
    addresses: Mapping[str, Address],
    people: Sequence[Person],
    terms: LawTerms,
) -> str:
    """Write the development law; `addresses` has vault, hot-a, hot-b, gas and every token."""
    wallets = "\n".join(
        _wallet(name, role, addresses[name], group)
        for name, role, group in (
            ("vault", "vault", "cold"),
            ("hot-a", "hot", "host-a"),
            ("hot-b", "hot", "host-b"),
            ("gas", "gas_sponsor", "host-gas"),
        )
    )
    treasurers = "\n".join(
        f'[[roster.treasurers]]\nname = "{person.name}"\naddress = "{person.address}"\n'
        for person in people
    )
    return f"""# The law of a development deployment, adopted at genesis by two of three people.
version = 1
profile = "development"
activation_s = 5

[roster]
quorum = 2
{treasurers}
[chains.devnet]
id = {chain_id}
native = "ETH"
fee_ceiling = "0.05 ETH"

[chains.devnet.top_up]
sponsor = "gas"
ceiling = "0.1 ETH"
window_s = 3600
window_amount = "1 ETH"
{_tokens(terms, addresses)}
{wallets}
[pools.payouts]
chain = "devnet"
vault = "vault"
members = ["hot-a", "hot-b"]
active = "hot-a"
gas_reserve = "0.1 ETH"

{_eth(terms)}{"".join(_coin(coin, terms) for coin in terms.coins)}"""


def _tokens(terms: LawTerms, addresses: Mapping[str, Address]) -> str:
    return "".join(
        f"""
[chains.devnet.tokens.{coin.symbol}]
address = "{addresses[coin.symbol]}"
decimals = {coin.decimals}
"""
        for coin in terms.coins
    )


def _coin(coin: Coin, terms: LawTerms) -> str:
    name = coin.symbol
    return f"""
[pools.payouts.assets.{name}.band]
floor = "{coin.floor} {name}"
target = "{coin.target} {name}"
cap = "{coin.cap} {name}"
minimum_move = "100 {name}"
cooldown_s = 3
fee_headroom = "0.1 ETH"

[pools.payouts.assets.{name}.refill]
expiry_s = 3600
window_s = {terms.refill_window_s}
tiers = [{{ approvals = 2, time_lock_s = {terms.time_lock_s} }}]

[pools.payouts.assets.{name}.withdrawal]
per_transfer = "1000 {name}"
window_s = 3600
window_amount = "100000 {name}"
window_count = 5000
first_use_amount = "50000 {name}"
"""


def _eth(terms: LawTerms) -> str:
    bands, time_lock_s = terms.bands, terms.time_lock_s
    if not terms.is_native_banded:
        return ""
    return f"""[pools.payouts.assets.ETH.band]
floor = "{bands.floor}"
target = "{bands.target}"
cap = "{bands.cap}"
minimum_move = "0.5 ETH"
cooldown_s = 3
fee_headroom = "0.1 ETH"

[pools.payouts.assets.ETH.refill]
expiry_s = 3600
window_s = {terms.refill_window_s}
tiers = [
  {{ up_to = "20 ETH", approvals = 2, time_lock_s = {time_lock_s} }},
  {{ approvals = 3, time_lock_s = 30 }},
]
emergency = {{ up_to = "{bands.emergency}", approvals = 2, time_lock_s = 0 }}

{_ETH_WITHDRAWAL}"""


def _wallet(name: str, role: str, address: Address, group: str) -> str:
    return f"""[wallets.{name}]
chain = "devnet"
role = "{role}"
address = "{address}"
key = "{name}"
fate_group = "{group}"
"""
