"""The law of the development deployment, written as the TOML file that a person would write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from policies.terms import Address
from treasury.dev.treasurers import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """Floor, target and cap of the development pool, in ETH."""

    floor: str = "5 ETH"
    target: str = "10 ETH"
    cap: str = "15 ETH"


def development_law(
    *,
    chain_id: int,
    addresses: Mapping[str, Address],
    people: Sequence[Person],
    bands: Bands,
    time_lock_s: int,
    refill_window_s: int,
) -> str:
    """Write the development law; `addresses` has vault, hot-a, hot-b and gas."""
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

{wallets}
[pools.payouts]
chain = "devnet"
vault = "vault"
members = ["hot-a", "hot-b"]
active = "hot-a"

{_eth(bands, time_lock_s, refill_window_s)}"""


def _eth(bands: Bands, time_lock_s: int, refill_window_s: int) -> str:
    return f"""[pools.payouts.assets.ETH.band]
floor = "{bands.floor}"
target = "{bands.target}"
cap = "{bands.cap}"
minimum_move = "0.5 ETH"
cooldown_s = 3
fee_headroom = "0.1 ETH"

[pools.payouts.assets.ETH.refill]
expiry_s = 3600
window_s = {refill_window_s}
tiers = [
  {{ up_to = "20 ETH", approvals = 2, time_lock_s = {time_lock_s} }},
  {{ approvals = 3, time_lock_s = 30 }},
]

[pools.payouts.assets.ETH.withdrawal]
per_transfer = "2 ETH"
window_s = 3600
window_amount = "200 ETH"
window_count = 5000
first_use_amount = "100 ETH"
"""


def _wallet(name: str, role: str, address: Address, group: str) -> str:
    return f"""[wallets.{name}]
chain = "devnet"
role = "{role}"
address = "{address}"
key = "{name}"
fate_group = "{group}"
"""
