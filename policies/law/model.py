"""The parsed law: frozen facts that every policy receives.

Amounts are integer base units of their asset, durations are seconds, addresses are checksummed.
A `Law` that exists has passed every check of `policies.law.parse`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from policies.terms import NATIVE, Address


class LawError(ValueError):
    """The law cannot be accepted; `problems` lists every one of them, one clear line each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        """Keep all problems; the message shows each on its own line."""
        super().__init__("\n".join(problems))
        self.problems = problems


class Profile(StrEnum):
    """How strict the set-up is: production refuses what development shows in red."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Role(StrEnum):
    """What a wallet is for."""

    VAULT = "vault"
    HOT = "hot"
    GAS_SPONSOR = "gas_sponsor"


class Custody(StrEnum):
    """Who else signs with the wallet's key: nobody, or a payout engine that reports to us."""

    EXCLUSIVE = "exclusive"
    SHARED = "shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """An address that gets money only while it carries code with this Keccak-256 (32 bytes)."""

    address: Address
    code_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One EVM chain; `fee_ceiling` is the most wei that one transfer may cost in fees.

    `receivers` are contracts whose code is compared before anything is sent there.
    """

    name: str
    chain_id: int
    native: str
    fee_ceiling: int
    receivers: tuple[Receiver, ...] = ()

    def expects_code_at(self, address: Address) -> bool:
        """Say whether the law names a contract at this address."""
        return any(receiver.address == address for receiver in self.receivers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A native coin (address zero, 18 decimals) or an ERC-20 token of one chain."""

    chain: str
    symbol: str
    address: Address
    decimals: int

    @property
    def is_native(self) -> bool:
        """Say whether this is the chain's own coin."""
        return self.address == NATIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """An address whose key lies in a token; `key` is its name in the signer's settings."""

    name: str
    chain: str
    role: Role
    address: Address
    key: str
    custody: Custody
    fate_group: str
    start_nonce: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Floor, target and cap of one pool and asset.

    `fee_headroom` is native coin left in the vault for fees; `urgent_floor` overrides the refill
    schedule; `sweep_to` is where a sweep stops (between target and cap). `unexplained_max` is how
    much may be missing in shared custody before the wallet is isolated (None: `minimum_move`).
    """

    floor: int
    target: int
    cap: int
    minimum_move: int
    cooldown_s: int
    fee_headroom: int
    urgent_floor: int
    sweep_to: int
    unexplained_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Consent needed up to and including `up_to` (None: without bound)."""

    up_to: int | None
    approvals: int
    time_lock_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefillRule:
    """Consent for refills; tiers count this amount plus those signed in the last `window_s`.

    `schedule` says when refills may be released: "always", or for example
    "weekdays 09:00-18:00 Asia/Singapore". `emergency` (None: there is none) is the tier of a wallet
    that took over from an isolated one, for sums up to its bound.
    """

    tiers: tuple[Tier, ...]
    expiry_s: int
    window_s: int
    schedule: str
    emergency: Tier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalRule:
    """Limits of withdrawals per hot wallet and asset.

    Each transfer, the window's amount and count, the window's amount to first-use recipients;
    above `hold_above` (None: never) a withdrawal needs `hold_approvals` treasurers. One withdrawal
    takes at most `balance_percent` of what the wallet holds.
    """

    per_transfer: int
    window_s: int
    window_amount: int
    window_count: int
    first_use_amount: int
    hold_above: int | None
    hold_approvals: int
    balance_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUpRule:
    """Gas top-ups of one chain: the sponsor wallet, most per top-up, most per window, in wei."""

    chain: str
    sponsor: str
    ceiling: int
    window_s: int
    window_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The hot wallets that serve one purpose on one chain; `active` is the first active one.

    `gas_reserve` is the native coin that each member keeps to move tokens; `allow` (empty: all)
    and `deny` are withdrawal destinations.
    """

    name: str
    chain: str
    vault: str
    members: tuple[str, ...]
    active: str
    gas_reserve: int
    bands: Mapping[str, Band]
    refills: Mapping[str, RefillRule]
    withdrawals: Mapping[str, WithdrawalRule]
    allow: tuple[Address, ...]
    deny: tuple[Address, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Treasurer:
    """A person who approves, known by the address of the key that signs."""

    name: str
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The treasurers, and how many of them carry a motion."""

    treasurers: tuple[Treasurer, ...]
    quorum: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Law:
    """Everything that treasurers consent to; look things up by name or by address."""

    version: int
    profile: Profile
    activation_s: int
    roster: Roster
    chains: tuple[Chain, ...]
    assets: tuple[Asset, ...]
    wallets: tuple[Wallet, ...]
    pools: tuple[Pool, ...]
    top_ups: tuple[TopUpRule, ...]
    max_loss: Mapping[str, int]

    @cached_property
    def _chains_by_name(self) -> Mapping[str, Chain]:
        return {chain.name: chain for chain in self.chains}

    @cached_property
    def _chains_by_id(self) -> Mapping[int, Chain]:
        return {chain.chain_id: chain for chain in self.chains}

    @cached_property
    def _wallets_by_name(self) -> Mapping[str, Wallet]:
        return {wallet.name: wallet for wallet in self.wallets}

    @cached_property
    def _wallets_by_place(self) -> Mapping[tuple[int, Address], Wallet]:
        known = self._chains_by_name
        return {(known[w.chain].chain_id, w.address): w for w in self.wallets if w.chain in known}

    @cached_property
    def _assets_by_place(self) -> Mapping[tuple[int, Address], Asset]:
        known = self._chains_by_name
        return {(known[a.chain].chain_id, a.address): a for a in self.assets if a.chain in known}

    @cached_property
    def _assets_by_symbol(self) -> Mapping[tuple[str, str], Asset]:
        return {(asset.chain, asset.symbol): asset for asset in self.assets}

    @cached_property
    def _pools_by_member(self) -> Mapping[str, Pool]:
        return {member: pool for pool in self.pools for member in pool.members}

    def chain(self, name: str) -> Chain | None:
        """Return the chain of that name."""
        return self._chains_by_name.get(name)

    def chain_by_id(self, chain_id: int) -> Chain | None:
        """Return the chain with that EIP-155 id."""
        return self._chains_by_id.get(chain_id)

    def wallet(self, name: str) -> Wallet | None:
        """Return the wallet of that name."""
        return self._wallets_by_name.get(name)

    def wallet_at(self, chain_id: int, address: Address) -> Wallet | None:
        """Return our wallet at an address of a chain."""
        return self._wallets_by_place.get((chain_id, address))

    def asset(self, chain_name: str, symbol: str) -> Asset | None:
        """Return the asset with that symbol on a chain."""
        return self._assets_by_symbol.get((chain_name, symbol))

    def asset_at(self, chain_id: int, address: Address) -> Asset | None:
        """Return the asset at a contract address (zero: the native coin) of a chain."""
        return self._assets_by_place.get((chain_id, address))

    def pool(self, name: str) -> Pool | None:
        """Return the pool of that name."""
        return next((pool for pool in self.pools if pool.name == name), None)

    def pool_of(self, wallet_name: str) -> Pool | None:
        """Return the pool that a hot wallet belongs to."""
        return self._pools_by_member.get(wallet_name)

    def top_up(self, chain_name: str) -> TopUpRule | None:
        """Return the top-up rule of a chain."""
        return next((rule for rule in self.top_ups if rule.chain == chain_name), None)

    def treasurer_at(self, address: Address) -> Treasurer | None:
        """Return the treasurer who signs with that address."""
        found = (person for person in self.roster.treasurers if person.address == address)
        return next(found, None)
