"""A small law for tests, the keys of its treasurers, and their signatures.

`make_law()` is one chain (`devnet`, 31337) with ETH and USDC, a vault, two hot wallets, a gas
sponsor, one pool (`main`) and three treasurers, two of whom carry a motion. Changes are dotted
paths into the document: `make_law(**{"roster.quorum": 3, "pools.main.deny": [address]})`;
the value `GONE` removes a key.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache

import coincurve

from policies.crypto import address_of_public_key, keccak256
from policies.law import Law, law_digest, parse_law
from policies.terms import NATIVE, Address, Purpose, TransferTerms

GONE = object()
DEPLOYMENT = keccak256(b"a deployment for tests")
PEOPLE = ("alice", "bob", "carol")
NOON = 1_767_355_200
"""The unix second at which `FakeClock` stands still at first."""
ETH = 10**18
USDC = 10**6
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


@dataclass(frozen=True, slots=True)
class SampleLaw:
    """A parsed law, the document it came from, and each treasurer's private key."""

    law: Law
    document: dict[str, object]
    keys: dict[str, coincurve.PrivateKey]


@cache
def key_of(name: str) -> coincurve.PrivateKey:
    """Return the private key that belongs to a name in tests: the same one every time."""
    return coincurve.PrivateKey(keccak256(f"the key of {name}".encode()))


@cache
def address_of(name: str) -> Address:
    """Return the address of `key_of(name)`."""
    return address_of_public_key(key_of(name).public_key.format(compressed=False)[1:])


def sign(name: str, digest: bytes) -> bytes:
    """Sign a digest with the key of a name: 65 bytes r, s, v with low s and v 27 or 28."""
    signature: bytes = key_of(name).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([27 + signature[64]])


def make_law(**changes: object) -> SampleLaw:
    """Parse the sample law with changes; raises `LawError` when they make it a bad one."""
    document = make_document(**changes)
    return SampleLaw(parse_law(document), document, {name: key_of(name) for name in PEOPLE})


def make_terms(law: Law, **changes: object) -> TransferTerms:
    """Return terms of a refill of 40 ETH from vault to hot-a, made by the daemon, with changes."""
    values: dict[str, object] = {
        "what": "Refill hot-a with 40 ETH from vault on devnet",
        "purpose": Purpose.REFILL,
        "salt": bytes(range(16)),
        "chain_id": 31337,
        "asset": NATIVE,
        "source": address_of("vault"),
        "destination": address_of("hot-a"),
        "amount": 40 * ETH,
        "max_fee": ETH // 100,
        "maker": NATIVE,
        "proposed_at": NOON,
        "expires_at": NOON + 3600,
        "law_digest": law_digest(law),
    }
    return TransferTerms(**{**values, **changes})  # type: ignore[arg-type]


def make_document(**changes: object) -> dict[str, object]:
    """Return a fresh copy of the sample document with changes at dotted paths."""
    document: dict[str, object] = copy.deepcopy(_DOCUMENT)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place: object = document
        for step in parents:
            place = _child(place, step)
        _put(place, last, copy.copy(value) if value is not GONE else GONE)
    return document


def _child(place: object, step: str) -> object:
    if isinstance(place, list):
        return place[int(step)]
    assert isinstance(place, dict), f"no table above {step}"
    return place.setdefault(step, {})


def _put(place: object, last: str, value: object) -> None:
    if isinstance(place, list):
        place[int(last)] = value
        return
    assert isinstance(place, dict), f"no table above {last}"
    if value is GONE:
        del place[last]
    else:
        place[last] = value


def _wallet(name: str, role: str, fate_group: str) -> dict[str, object]:
    return {
        "chain": "devnet",
        "role": role,
        "address": address_of(name),
        "key": name,
        "fate_group": fate_group,
    }


_DOCUMENT: dict[str, object] = {
    "version": 1,
    "profile": "development",
    "activation_s": 0,
    "roster": {
        "quorum": 2,
        "treasurers": [{"name": name, "address": address_of(name)} for name in PEOPLE],
    },
    "chains": {
        "devnet": {
            "id": 31337,
            "native": "ETH",
            "fee_ceiling": "0.01 ETH",
            "tokens": {"USDC": {"address": TOKEN, "decimals": 6}},
            "top_up": {
                "sponsor": "sponsor",
                "ceiling": "0.5 ETH",
                "window_s": 3600,
                "window_amount": "2 ETH",
            },
            "max_loss": {"ETH": "300 ETH", "USDC": "300000 USDC"},
        }
    },
    "wallets": {
        "vault": _wallet("vault", "vault", "cold"),
        "hot-a": _wallet("hot-a", "hot", "rack-1"),
        "hot-b": _wallet("hot-b", "hot", "rack-2"),
        "sponsor": _wallet("sponsor", "gas_sponsor", "rack-1"),
    },
    "pools": {
        "main": {
            "chain": "devnet",
            "vault": "vault",
            "members": ["hot-a", "hot-b"],
            "active": "hot-a",
            "gas_reserve": "0.2 ETH",
            "assets": {
                "ETH": {
                    "band": {
                        "floor": "20 ETH",
                        "target": "60 ETH",
                        "cap": "100 ETH",
                        "minimum_move": "1 ETH",
                        "cooldown_s": 60,
                        "fee_headroom": "1 ETH",
                        "urgent_floor": "5 ETH",
                    },
                    "refill": {
                        "tiers": [
                            {"up_to": "50 ETH", "approvals": 2, "time_lock_s": 0},
                            {"approvals": 3, "time_lock_s": 60},
                        ],
                        "expiry_s": 3600,
                        "window_s": 86400,
                    },
                    "withdrawal": {
                        "per_transfer": "5 ETH",
                        "window_s": 3600,
                        "window_amount": "20 ETH",
                        "window_count": 100,
                        "first_use_amount": "8 ETH",
                        "hold_above": "4 ETH",
                    },
                },
                "USDC": {
                    "band": {
                        "floor": "20000 USDC",
                        "target": "60000 USDC",
                        "cap": "100000 USDC",
                        "minimum_move": "1000 USDC",
                        "cooldown_s": 60,
                        "fee_headroom": "1 ETH",
                    },
                    "refill": {
                        "tiers": [{"approvals": 2, "time_lock_s": 0}],
                        "expiry_s": 3600,
                        "window_s": 86400,
                        "schedule": "weekdays 09:00-18:00 Asia/Singapore",
                    },
                },
            },
        }
    },
}
