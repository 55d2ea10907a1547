"""The figures of each threat; what they mean stands in the package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from policies.exposure.facts import ExposureFacts, Figure, Part, Threat
from policies.exposure.windows import fee_parts, window_parts, windows_within
from policies.law import Asset, Custody, Law, Pool, Role, Wallet

_TWO = 2
_DAY_S = 86_400


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
        *_patient_insider(facts),
    )


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
            parts = [part for name in members for part in window_parts(facts, pool, name, asset)]
            if asset.is_native:
                parts += [part for name in members for part in fee_parts(facts, pool, name)]
            if parts:
                yield _figure(facts, Threat.STOLEN_DAEMON, pool.name, asset, tuple(parts))
    yield from _sponsors(facts)


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
    for name in _live(facts, pool):
        yield from window_parts(facts, pool, name, asset)


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


def _patient_insider(facts: ExposureFacts) -> Iterator[Figure]:
    """Tell, for each wallet that pays, what a day lets out to anybody and to newcomers alone."""
    day = replace(facts, reaction_s=_DAY_S - 1)
    for pool in facts.law.pools:
        for wallet in _live(facts, pool):
            for asset in _assets(facts.law, pool):
                explicit = tuple(window_parts(day, pool, wallet, asset))
                for part in explicit:
                    yield _patient(facts, wallet, asset, _narrower(facts, pool, asset, part))
                if explicit:
                    newcomers = _newcomers(facts, pool, asset)
                    yield _patient(facts, f"{wallet}, to strangers", asset, newcomers)


def _patient(facts: ExposureFacts, name: str, asset: Asset, part: Part) -> Figure:
    """Return a figure that is told and held against nothing: people end it, no window does."""
    figure = _figure(facts, Threat.PATIENT_INSIDER, name, asset, (part,))
    return replace(figure, max_loss=None)


def _narrower(facts: ExposureFacts, pool: Pool, asset: Asset, explicit: Part) -> Part:
    learned = facts.learned.get((pool.name, asset.symbol))
    if learned is None:
        return Part(f"{explicit.text}, of the law; nothing was learned yet", explicit.amount)
    if learned >= explicit.amount:
        return Part(f"{explicit.text}, of the law; what was learned is wider", explicit.amount)
    return Part(f"what was learned lets through in a day; by law: {explicit.text}", learned)


def _newcomers(facts: ExposureFacts, pool: Pool, asset: Asset) -> Part:
    rule = pool.withdrawals[asset.symbol]
    count = windows_within(_DAY_S - 1, rule.window_s)
    most = count * min(rule.first_use_amount, rule.window_amount)
    learned = facts.learned.get((pool.name, asset.symbol))
    if learned is not None and learned < most:
        return Part("what was learned lets through in a day, to whomever", learned)
    return Part(f"{count} x what a window of {rule.window_s} s lets out to first uses", most)


def _live(facts: ExposureFacts, pool: Pool) -> list[str]:
    """Return the members that pay now; before the first look the one that the law begins with."""
    return [name for name in pool.members if name in facts.active] or [pool.active]


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
