"""The law that the thief lives under: two chains with the same keys, short windows if need be.

The same keys on both chains make every replay across chains as tempting as it can be. The second
version differs in its roster alone, so that the treasurers can change it and change it back.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

from policies.law import Law, parse_law
from policies.terms import Address
from tests.laws import PEOPLE, address_of, make_document

CHAINS = {31337: "devnet", 31338: "othernet"}
OTHER_TOKEN = Address("0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512")
NEWCOMER = "dave"


SHARED = (31338, address_of("hot-b"))
"""The wallet whose keys others hold too: it may only be swept and evacuated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long the windows, locks and lives of the law are, in seconds."""

    window_s: int = 3600
    refill_window_s: int = 86_400
    first_lock_s: int = 30
    time_lock_s: int = 60
    expiry_s: int = 3600
    activation_s: int = 120


QUICK = Pace(
    window_s=40, refill_window_s=90, first_lock_s=2, time_lock_s=3, expiry_s=60, activation_s=4
)
"""For a signer with a real clock: an hour holds many windows."""


def law_of(pace: Pace, *, newcomer: bool = False) -> Law:
    """Return the law; with the newcomer, who takes the last treasurer's place, or without."""
    document = make_document(**_changes(pace, newcomer=newcomer))
    chains, wallets, pools = (document[n] for n in ("chains", "wallets", "pools"))
    assert isinstance(chains, dict)
    assert isinstance(wallets, dict)
    assert isinstance(pools, dict)
    other = copy.deepcopy(chains["devnet"])
    other["id"], other["tokens"]["USDC"]["address"] = 31338, OTHER_TOKEN
    other["top_up"]["sponsor"] = "sponsor-2"
    chains["othernet"] = other
    for name in list(wallets):
        wallets[f"{name}-2"] = {**wallets[name], "chain": "othernet"}
    wallets["hot-b-2"]["custody"] = "shared"
    pool = copy.deepcopy(pools["main"])
    pool |= {"chain": "othernet", "vault": "vault-2", "active": "hot-a-2"}
    pools["second"] = {**pool, "members": ["hot-a-2", "hot-b-2"]}
    return parse_law(document)


def _changes(pace: Pace, *, newcomer: bool) -> dict[str, object]:
    people = [*PEOPLE[:2], NEWCOMER] if newcomer else PEOPLE
    assets = "pools.main.assets"
    wait = {"up_to": "50 ETH", "approvals": 2, "time_lock_s": pace.first_lock_s}
    lock = {"approvals": 3, "time_lock_s": pace.time_lock_s}
    emergency = {"up_to": "21 ETH", "approvals": 2, "time_lock_s": 0}
    withdrawal = {
        "per_transfer": "5000 USDC",
        "window_s": pace.window_s,
        "window_amount": "20000 USDC",
        "window_count": 25,
        "first_use_amount": "8000 USDC",
    }
    return {
        "activation_s": pace.activation_s,
        "roster.treasurers": [{"name": n, "address": address_of(n)} for n in people],
        "chains.devnet.top_up.window_s": pace.window_s,
        f"{assets}.ETH.refill.window_s": pace.refill_window_s,
        f"{assets}.ETH.refill.expiry_s": pace.expiry_s,
        f"{assets}.ETH.refill.tiers": [wait, lock],
        f"{assets}.ETH.refill.emergency": emergency,
        f"{assets}.ETH.withdrawal.window_s": pace.window_s,
        f"{assets}.ETH.withdrawal.window_count": 25,
        f"{assets}.USDC.refill.window_s": pace.refill_window_s,
        f"{assets}.USDC.refill.expiry_s": pace.expiry_s,
        f"{assets}.USDC.withdrawal": withdrawal,
    }
