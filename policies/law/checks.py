"""What must hold between the parts of a law; every breach is one line with advice.

Bands in order (urgent floor <= floor < target <= sweep_to <= cap, target < cap), moves worth
their fee, names that exist, addresses that are distinct, quorums that can be reached.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from policies.amounts import format_amount
from policies.law.model import Asset, Band, Chain, Law, Pool, Profile, RefillRule, Role
from policies.schedule import ScheduleError, parse_schedule
from policies.terms import NATIVE

_PRODUCTION_LEAST = 2


def check_law(law: Law) -> tuple[str, ...]:
    """Return every breach of a law whose single values are all well-formed."""
    return (
        *_check_roster(law),
        *_check_chains(law),
        *_check_wallets(law),
        *_check_top_ups(law),
        *(line for pool in law.pools for line in _check_pool(law, pool)),
        *_check_memberships(law),
    )


def _check_roster(law: Law) -> Iterator[str]:
    people, quorum = law.roster.treasurers, law.roster.quorum
    yield from _twice("roster.treasurers.address", [p.address for p in people])
    # One person with two keys would be two of a quorum, and Alice is alice to whoever reads it.
    yield from _twice("roster.treasurers.name", [p.name.lower() for p in people])
    if quorum > len(people):
        yield (
            f"roster.quorum = {quorum}: more than the {len(people)} treasurers; "
            f"write at most {len(people)}"
        )
    if law.profile is Profile.PRODUCTION and (quorum < _PRODUCTION_LEAST or len(people) <= quorum):
        yield (
            f"roster.quorum = {quorum}: production needs at least 2 approvals "
            "and one treasurer to spare"
        )
    ours = {wallet.address for wallet in law.wallets}
    for person in people:
        if person.address in ours or person.address == NATIVE:
            yield (
                f"roster.treasurers.{person.name} = {person.address}: "
                "a treasurer signs with a key of their own, not with a wallet"
            )


def _check_chains(law: Law) -> Iterator[str]:
    yield from _twice("chains.id", [str(chain.chain_id) for chain in law.chains])
    for chain in law.chains:
        assets = [a for a in law.assets if a.chain == chain.name]
        yield from _twice(f"chains.{chain.name}.tokens.address", [a.address for a in assets])
        yield from _twice(f"chains.{chain.name}.tokens", [a.symbol for a in assets])
        if chain.fee_ceiling == 0:
            yield f"chains.{chain.name}.fee_ceiling = 0: no transfer could be paid; raise it"
        yield from _check_receivers(law, chain)


def _check_receivers(law: Law, chain: Chain) -> Iterator[str]:
    where = f"chains.{chain.name}.receivers.address"
    yield from _twice(where, [receiver.address for receiver in chain.receivers])
    for receiver in chain.receivers:
        if law.wallet_at(chain.chain_id, receiver.address) is not None:
            yield f"{where} = {receiver.address}: a wallet of ours carries no code; remove it"


def _check_wallets(law: Law) -> Iterator[str]:
    places = [f"{wallet.address} on {wallet.chain}" for wallet in law.wallets]
    yield from _twice("wallets.address", places)
    tokens = {(asset.chain, asset.address) for asset in law.assets}
    for wallet in law.wallets:
        where = f"wallets.{wallet.name}"
        if law.chain(wallet.chain) is None:
            yield f"{where}.chain = {wallet.chain!r}: no such chain; add [chains.{wallet.chain}]"
        if (wallet.chain, wallet.address) in tokens:
            yield f"{where}.address = {wallet.address}: this is a token contract or zero"
        if wallet.role is Role.HOT and law.pool_of(wallet.name) is None:
            yield f"{where}.role = 'hot': the wallet is in no pool; add it to a pool's members"
    for key, roles in _roles_by_key(law).items():
        if len(roles) > 1:
            yield f"wallets.*.key = {key!r}: one key serves {', '.join(roles)}; use one each"


def _roles_by_key(law: Law) -> dict[str, list[str]]:
    roles: dict[str, set[str]] = {}
    for wallet in law.wallets:
        roles.setdefault(wallet.key, set()).add(wallet.role.value)
    return {key: sorted(found) for key, found in roles.items()}


def _check_top_ups(law: Law) -> Iterator[str]:
    for rule in law.top_ups:
        sponsor = law.wallet(rule.sponsor)
        if sponsor is None or sponsor.role is not Role.GAS_SPONSOR or sponsor.chain != rule.chain:
            yield (
                f"chains.{rule.chain}.top_up.sponsor = {rule.sponsor!r}: "
                f"name a wallet of role gas_sponsor on {rule.chain}"
            )


def _check_pool(law: Law, pool: Pool) -> Iterator[str]:
    where = f"pools.{pool.name}"
    chain = law.chain(pool.chain)
    if chain is None:
        yield f"{where}.chain = {pool.chain!r}: no such chain; add [chains.{pool.chain}]"
        return
    vault = law.wallet(pool.vault)
    if vault is None or vault.role is not Role.VAULT or vault.chain != pool.chain:
        yield f"{where}.vault = {pool.vault!r}: name a wallet of role vault on {pool.chain}"
    for member in pool.members:
        wallet = law.wallet(member)
        if wallet is None or wallet.role is not Role.HOT or wallet.chain != pool.chain:
            yield f"{where}.members = {member!r}: name wallets of role hot on {pool.chain}"
    if pool.active not in pool.members:
        yield f"{where}.active = {pool.active!r}: name one of the pool's members"
    yield from _check_pool_assets(law, pool, chain.fee_ceiling)


def _check_pool_assets(law: Law, pool: Pool, fee_ceiling: int) -> Iterator[str]:
    where = f"pools.{pool.name}.assets"
    if not pool.bands:
        yield f"{where}: name at least one asset with its band"
    for symbol, band in pool.bands.items():
        asset = law.asset(pool.chain, symbol)
        if asset is not None:
            yield from _check_order(f"{where}.{symbol}.band", band, asset)
            yield from _check_moves(f"{where}.{symbol}.band", band, asset, fee_ceiling)
            refill, place = pool.refills[symbol], f"{where}.{symbol}.refill"
            yield from _check_tiers(f"{place}.tiers", law, refill)
            yield from _check_emergency(f"{place}.emergency", law, refill, band)
            yield from _check_schedule(place, refill)
    for symbol, rule in pool.withdrawals.items():
        if rule.hold_approvals > len(law.roster.treasurers):
            yield f"{where}.{symbol}.withdrawal.hold_approvals: more than the treasurers"


def _check_order(where: str, band: Band, asset: Asset) -> Iterator[str]:
    def show(amount: int) -> str:
        return format_amount(amount, asset.symbol, asset.decimals)

    if band.floor >= band.target:
        yield f"{where}.floor = {show(band.floor)}: must be below target = {show(band.target)}"
    if band.target >= band.cap:
        yield f"{where}.target = {show(band.target)}: must be below cap = {show(band.cap)}"
    if band.urgent_floor > band.floor:
        yield f"{where}.urgent_floor = {show(band.urgent_floor)}: must not exceed the floor"
    if not band.target <= band.sweep_to <= band.cap:
        yield f"{where}.sweep_to = {show(band.sweep_to)}: must lie between target and cap"


def _check_moves(where: str, band: Band, asset: Asset, fee_ceiling: int) -> Iterator[str]:
    shown = format_amount(band.minimum_move, asset.symbol, asset.decimals)
    if band.minimum_move == 0:
        yield f"{where}.minimum_move = {shown}: must be above zero"
    if asset.is_native and band.minimum_move <= fee_ceiling:
        ceiling = format_amount(fee_ceiling, asset.symbol, asset.decimals)
        yield (
            f"{where}.minimum_move = {shown}: smaller than its own fee may be "
            f"(fee_ceiling = {ceiling}); raise it or lower the ceiling"
        )
    if band.minimum_move > band.target - band.floor > 0:
        yield (
            f"{where}.minimum_move = {shown}: above target - floor, "
            "so that a wallet at its floor could never be refilled; lower it"
        )
    least_sweep = band.minimum_move + (fee_ceiling if asset.is_native else 0)
    if least_sweep > band.cap - band.sweep_to:
        yield (
            f"{where}.minimum_move = {shown}: with the fee above cap - sweep_to, "
            "so that a wallet just over its cap could never be swept; lower it or sweep_to"
        )


def _check_tiers(where: str, law: Law, rule: RefillRule) -> Iterator[str]:
    bounds = [tier.up_to for tier in rule.tiers]
    known = [bound for bound in bounds if bound is not None]
    if known != sorted(set(known)) or bounds[:-1] != known or bounds[-1] is not None:
        yield f"{where}: write tiers with rising up_to, and a last one without up_to"
    for tier in rule.tiers:
        if tier.approvals > len(law.roster.treasurers):
            yield (
                f"{where}.approvals = {tier.approvals}: more than the "
                f"{len(law.roster.treasurers)} treasurers"
            )
        if law.profile is Profile.PRODUCTION and tier.approvals < _PRODUCTION_LEAST:
            yield f"{where}.approvals = {tier.approvals}: production needs at least 2"
    needed = [tier.approvals for tier in rule.tiers]
    if needed != sorted(needed):
        yield f"{where}.approvals: a higher tier must not need fewer approvals"


def _check_emergency(where: str, law: Law, rule: RefillRule, band: Band) -> Iterator[str]:
    """Isolating a wallet asks nobody, so it must not buy cheaper consent."""
    tier = rule.emergency
    if tier is None or tier.up_to is None:
        return
    if not band.minimum_move <= tier.up_to < band.target:
        yield (
            f"{where}.up_to: must be at least minimum_move and below the target; "
            "what took over gets less than a healthy wallet"
        )
    bounds = (t for t in rule.tiers if t.up_to is None or tier.up_to <= t.up_to)
    least, most = next(bounds, rule.tiers[-1]).approvals, len(law.roster.treasurers)
    if not least <= tier.approvals <= most:
        yield (
            f"{where}.approvals = {tier.approvals}: write at least the {least} that as much needs "
            f"otherwise and at most the {most} treasurers"
        )


def _check_schedule(where: str, rule: RefillRule) -> Iterator[str]:
    try:
        parse_schedule(rule.schedule)
    except ScheduleError as error:
        yield f"{where}.schedule = {rule.schedule!r}: {error}"


def _check_memberships(law: Law) -> Iterator[str]:
    yield from _twice("pools.members", [member for pool in law.pools for member in pool.members])


def _twice(where: str, values: list[str]) -> Iterator[str]:
    for value, count in Counter(values).items():
        if count > 1:
            yield f"{where} = {value}: stands {count} times; each may stand once"
