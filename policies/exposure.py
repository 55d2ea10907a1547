"""What a theft could cost at most under the law in force, threat by threat, with the arithmetic.

    stolen key        all that the wallet holds or may come to hold while nobody notices: its cap
                      (or its balance, when that is more) and the refills on their way
    stolen together   the same for every wallet of one fate group, which fall in the same minute
    stolen daemon     what the signer signs without a person: the windows of withdrawals, of one hot
                      wallet after the other (it may isolate one and activate the next), and every
                      fee on the way; as often as a window opens before somebody halts
    corrupt service   the windows of the active wallet alone; in shared custody it has the key
    lying minority    nothing: a fact that the read quorum does not share decides nothing
    bribed treasurer  nothing, while every consent needs at least two people

A figure is an upper bound and not a forecast: what is learned of normal outflow, and what people
do within `reaction_s`, only lowers it. Windows slide, so a period of `reaction_s` seconds sees
`reaction_s // window_s + 1` of them in full. Amounts are base units.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from policies.law import Asset, Custody, Law, Pool, Role, Wallet, WithdrawalRule

REACTION_S = 3_600
"""People need 18 to 45 minutes to halt something that they were told of; an hour is prudent."""
SAFETY_FEES = 200
SAFETY_FEE_WINDOW_S = 86_400
"""The signer's own bound: so many fee ceilings a day for one wallet's moves to safety."""
_TWO = 2


class Threat(StrEnum):
    """Who turned against us."""

    STOLEN_KEY = "stolen key"
    STOLEN_TOGETHER = "stolen together"
    STOLEN_DAEMON = "stolen daemon"
    CORRUPT_SERVICE = "corrupt payout service"
    LYING_MINORITY = "lying node minority"
    BRIBED_TREASURER = "one bribed treasurer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """Money of ours on its way to a hot wallet; `name` says which ("refill #17")."""

    wallet: str
    symbol: str
    amount: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureFacts:
    """What the figures rest on.

    `balances` by wallet and symbol, None or missing: unknown. `active`: the active wallets.
    `gone`: wallets that are isolated or retired, whose money is being or was brought home.
    `endpoints`, by chain: how many nodes must agree, of how many.
    """

    law: Law
    balances: Mapping[tuple[str, str], int | None] = field(default_factory=dict)
    active: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    coming: Sequence[Coming] = ()
    endpoints: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    reaction_s: int = REACTION_S


@dataclass(frozen=True, slots=True)
class Part:
    """One summand of a figure, in words and base units."""

    text: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The most that one threat takes of one asset; `is_bounded` false: no policy bounds it."""

    threat: Threat
    name: str
    chain: str
    symbol: str
    parts: tuple[Part, ...]
    max_loss: int | None
    is_bounded: bool = True

    @property
    def at_most(self) -> int:
        """Return the sum of the parts, in base units."""
        return sum(part.amount for part in self.parts)

    @property
    def is_above(self) -> bool:
        """Say whether the owners do not accept this loss; what is not bounded they never do."""
        if not self.is_bounded:
            return True
        return self.max_loss is not None and self.at_most > self.max_loss


def exposures(facts: ExposureFacts) -> tuple[Figure, ...]:
    """Return the figures of all threats, the likeliest first."""
    keys = tuple(_stolen_keys(facts))
    return (
        *keys,
        *_together(facts, keys),
        *_stolen_daemon(facts),
        *_corrupt_service(facts),
        *_lying_minority(facts),
        *_bribed_treasurer(facts),
    )


def above_max_loss(figures: Iterable[Figure]) -> tuple[Figure, ...]:
    """Return the figures that the owners do not accept."""
    return tuple(figure for figure in figures if figure.is_above)


def windows_within(reaction_s: int, window_s: int) -> int:
    """Return how many full windows an attack of that length sees at most; 0 never opens again."""
    return 1 if window_s <= 0 else reaction_s // window_s + 1


def _stolen_keys(facts: ExposureFacts) -> Iterator[Figure]:
    for wallet in facts.law.wallets:
        pool = facts.law.pool_of(wallet.name)
        if wallet.role is not Role.HOT or pool is None:
            continue
        for asset in _assets(facts.law, pool):
            parts = (*_held(facts, pool, wallet, asset), *_coming(facts, wallet, asset))
            if parts:
                yield _figure(facts, Threat.STOLEN_KEY, wallet.name, asset, parts)


def _held(facts: ExposureFacts, pool: Pool, wallet: Wallet, asset: Asset) -> Iterator[Part]:
    balance = facts.balances.get((wallet.name, asset.symbol))
    band = pool.bands.get(asset.symbol)
    most = band.cap if band else (pool.gas_reserve if asset.is_native else 0)
    word = "cap" if band else "gas reserve"
    is_filled = wallet.name in facts.active or balance is None
    if wallet.name in facts.gone:
        if balance:
            yield Part("what is left in it", balance)
    elif balance is not None and (balance >= most or not is_filled):
        if balance:
            yield Part("its balance", balance)
    elif most:
        yield Part(word if balance is not None else f"{word} (its balance is unknown)", most)


def _coming(facts: ExposureFacts, wallet: Wallet, asset: Asset) -> Iterator[Part]:
    for one in facts.coming:
        if (one.wallet, one.symbol) == (wallet.name, asset.symbol):
            yield Part(f"{one.name} in flight", one.amount)


def _together(facts: ExposureFacts, keys: Sequence[Figure]) -> Iterator[Figure]:
    sums: dict[tuple[str, str, str], list[Part]] = {}
    for figure in keys:
        wallet = facts.law.wallet(figure.name)
        assert wallet is not None, "figures are made from the law's wallets"
        key = (wallet.fate_group, figure.chain, figure.symbol)
        sums.setdefault(key, []).append(Part(figure.name, figure.at_most))
    for (group, chain, symbol), parts in sums.items():
        asset = facts.law.asset(chain, symbol)
        assert asset is not None, "figures are made from the law's assets"
        yield _figure(facts, Threat.STOLEN_TOGETHER, group, asset, tuple(parts))


def _stolen_daemon(facts: ExposureFacts) -> Iterator[Figure]:
    for pool in facts.law.pools:
        members = [m for m in pool.members if m not in facts.gone]
        for asset in _assets(facts.law, pool):
            parts = [part for name in members for part in _window(facts, pool, name, asset)]
            if asset.is_native:
                parts += [part for name in members for part in _fees(facts, pool, name)]
            if parts:
                yield _figure(facts, Threat.STOLEN_DAEMON, pool.name, asset, tuple(parts))
    yield from _sponsors(facts)


def _window(facts: ExposureFacts, pool: Pool, wallet: str, asset: Asset) -> Iterator[Part]:
    """Tell what the windows of one wallet let out without a person, within the reaction time."""
    rule = pool.withdrawals.get(asset.symbol)
    if rule is None:
        return
    each = min(rule.window_amount, _most_by_count(facts, pool, rule, asset))
    count = windows_within(facts.reaction_s, rule.window_s)
    how = "the window" if each == rule.window_amount else f"{rule.window_count} of the largest"
    yield Part(f"{wallet}: {count} x {how} of {rule.window_s} s", count * each)


def _most_by_count(facts: ExposureFacts, pool: Pool, rule: WithdrawalRule, asset: Asset) -> int:
    """Return what the number of withdrawals in a window lets out, fees of the native coin too."""
    single = rule.per_transfer
    if rule.hold_above is not None and rule.hold_approvals > 0:
        single = min(single, rule.hold_above)
    if not asset.is_native:
        return rule.window_count * single
    chain = facts.law.chain(pool.chain)
    assert chain is not None, "a pool of a parsed law has a chain"
    # Withdrawals of tokens pay their fees from this window, and have counts of their own.
    is_alone = len(pool.withdrawals) == 1
    return rule.window_count * (single + chain.fee_ceiling) if is_alone else rule.window_amount


def _fees(facts: ExposureFacts, pool: Pool, wallet: str) -> Iterator[Part]:
    """Return the native coin that a wallet can be made to burn on fees."""
    chain = facts.law.chain(pool.chain)
    assert chain is not None, "a pool of a parsed law has a chain"
    bound = SAFETY_FEES * chain.fee_ceiling
    count = windows_within(facts.reaction_s, SAFETY_FEE_WINDOW_S)
    yield Part(f"{wallet}: {SAFETY_FEES} fee ceilings of moves to safety a day", count * bound)
    if pool.withdrawals and chain.native not in pool.withdrawals:
        yield Part(f"{wallet}: {SAFETY_FEES} fee ceilings of token withdrawals", count * bound)


def _sponsors(facts: ExposureFacts) -> Iterator[Figure]:
    for rule in facts.law.top_ups:
        chain = facts.law.chain(rule.chain)
        native = facts.law.asset(rule.chain, chain.native) if chain else None
        if native is None:
            continue
        count = windows_within(facts.reaction_s, rule.window_s)
        part = Part(f"{count} x the window of {rule.window_s} s", count * rule.window_amount)
        yield _figure(facts, Threat.STOLEN_DAEMON, rule.sponsor, native, (part,))


def _corrupt_service(facts: ExposureFacts) -> Iterator[Figure]:
    for pool in facts.law.pools:
        for asset in _assets(facts.law, pool):
            parts = tuple(_serviced(facts, pool, asset))
            if parts:
                yield _figure(facts, Threat.CORRUPT_SERVICE, pool.name, asset, parts)


def _serviced(facts: ExposureFacts, pool: Pool, asset: Asset) -> Iterator[Part]:
    for name in pool.members:
        wallet = facts.law.wallet(name)
        if wallet is not None and wallet.custody is Custody.SHARED and name not in facts.gone:
            for part in (*_held(facts, pool, wallet, asset), *_coming(facts, wallet, asset)):
                yield Part(f"{name}, whose key it has: {part.text}", part.amount)
    live = [name for name in pool.members if name in facts.active] or [pool.active]
    for name in live:
        yield from _window(facts, pool, name, asset)


def _lying_minority(facts: ExposureFacts) -> Iterator[Figure]:
    for chain in facts.law.chains:
        native = facts.law.asset(chain.name, chain.native)
        quorum, count = facts.endpoints.get(chain.name, (0, 0))
        if native is None:
            continue
        said = f"{quorum} of {count} nodes must agree" if count else "the read quorum must agree"
        parts = (Part(f"{said}: a minority can freeze, and move nothing", 0),)
        yield _figure(facts, Threat.LYING_MINORITY, chain.name, native, parts)


def _bribed_treasurer(facts: ExposureFacts) -> Iterator[Figure]:
    law = facts.law
    is_bounded = law.roster.quorum >= _TWO
    text = (
        f"{law.roster.quorum} treasurers carry a motion, and refills go to our own wallets"
        if is_bounded
        else "one treasurer alone can adopt a law: nothing bounds what it allows"
    )
    for chain in law.chains:
        native = law.asset(chain.name, chain.native)
        if native is not None:
            yield Figure(
                threat=Threat.BRIBED_TREASURER,
                name=chain.name,
                chain=chain.name,
                symbol=native.symbol,
                parts=(Part(text, 0),),
                max_loss=law.max_loss.get(f"{chain.name}/{native.symbol}"),
                is_bounded=is_bounded,
            )


def _figure(
    facts: ExposureFacts, threat: Threat, name: str, asset: Asset, parts: tuple[Part, ...]
) -> Figure:
    return Figure(
        threat=threat,
        name=name,
        chain=asset.chain,
        symbol=asset.symbol,
        parts=parts,
        max_loss=facts.law.max_loss.get(f"{asset.chain}/{asset.symbol}"),
    )


def _assets(law: Law, pool: Pool) -> list[Asset]:
    return [asset for asset in law.assets if asset.chain == pool.chain]
