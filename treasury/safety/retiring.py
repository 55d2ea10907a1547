"""What stands against retiring a wallet: whatever it still holds, allows others, or may do.

A retired key is forgotten by everybody but a thief. So before its motion reaches the signer the
chain is asked, at the finalised block: balances below what moving them costs, nothing of ours on
its way, no allowance to a known spender, no right at a token, a Safe or another contract of the
settings. What cannot be read counts as still there.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.amounts import format_amount
from policies.law import Asset, Law, Pool, Wallet
from policies.terms import Purpose, Reason
from treasury.chain.errors import ChainError
from treasury.chain.port import Readings, ReadRequest, Rights, RightsRequest
from treasury.ledger.queries import transfers
from treasury.world import World

_DUST_SHARE = 1_000
"""A token's dust is this part of its band's minimum move: anybody may send crumbs."""


def objections(world: World, law: Law, wallet: Wallet) -> tuple[Reason, ...]:
    """Say why a wallet must not be retired now; empty means that nothing is left of it."""
    chain = law.chain_by_id(world.chain_id)
    if chain is None or wallet.chain != chain.name:
        text = f"{wallet.name} lives on another chain than the one that was asked"
        return (Reason(code="other_chain", text=text),)
    assets = [asset for asset in law.assets if asset.chain == chain.name]
    try:
        final = world.chain.finalised(world.chain.head())
        request = ReadRequest(wallets=(wallet.address,), assets=tuple(a.address for a in assets))
        seen = world.chain.read_balances(request, final)
        held = world.chain.rights(_rights_of(world, wallet, assets), final)
    except ChainError as error:
        text = f"nobody can say what is left of {wallet.name}: {error}"
        return (Reason(code="unknown_rights", text=text),)
    return (
        *_on_the_way(world, wallet),
        *_balances(law, wallet, assets, seen),
        *_allowances(law, world.chain_id, wallet, held),
        *_powers(wallet, held),
    )


def _rights_of(world: World, wallet: Wallet, assets: list[Asset]) -> RightsRequest:
    tokens = tuple(asset.address for asset in assets if not asset.is_native)
    others = (c for c in world.settings.authorities if c not in tokens)
    return RightsRequest(
        wallets=(wallet.address,),
        assets=tokens,
        spenders=world.settings.spenders,
        contracts=(*tokens, *others),
    )


def _on_the_way(world: World, wallet: Wallet) -> Iterator[Reason]:
    with world.ledger.read() as session:
        open_ones = transfers.open_ones(session, world.chain_id)
    for transfer in open_ones:
        # An evacuation that the thief left nothing to pay for hangs for ever, and goes home only.
        is_ours = wallet.address in (transfer.source, transfer.destination)
        if is_ours and transfer.purpose is not Purpose.EVACUATION:
            text = f"transfer {transfer.id} of {wallet.name} is {transfer.state.value}"
            yield Reason(code="on_the_way", text=text)


def _balances(law: Law, wallet: Wallet, assets: list[Asset], seen: Readings) -> Iterator[Reason]:
    pool = law.pool_of(wallet.name)
    for asset in assets:
        balance = seen.balance(wallet.address, asset.address)
        if balance is None:
            text = f"the balance of {wallet.name} in {asset.symbol} is unknown"
            yield Reason(code="balance_unknown", text=text)
        elif balance > _dust(law, pool, asset):
            shown = format_amount(balance, asset.symbol, asset.decimals)
            yield Reason(code="not_empty", text=f"{wallet.name} still holds {shown}")


def _dust(law: Law, pool: Pool | None, asset: Asset) -> int:
    chain = law.chain(asset.chain)
    if asset.is_native:
        return chain.fee_ceiling if chain else 0
    band = pool.bands.get(asset.symbol) if pool else None
    return band.minimum_move // _DUST_SHARE if band else 0


def _allowances(law: Law, chain_id: int, wallet: Wallet, held: Rights) -> Iterator[Reason]:
    for (_, token, spender), amount in held.allowances.items():
        if amount == 0:
            continue
        asset = law.asset_at(chain_id, token)
        symbol = asset.symbol if asset else token
        text = f"{spender} may still take {symbol} from {wallet.name}: revoke the allowance"
        if amount is None:
            text = f"nobody can say whether {spender} may take {symbol} from {wallet.name}"
        yield Reason(code="allowance_left", text=text)


def _powers(wallet: Wallet, held: Rights) -> Iterator[Reason]:
    for (_, contract), powers in held.powers.items():
        if powers is None:
            text = f"nobody can say what {wallet.name} may do at {contract}"
            yield Reason(code="right_unknown", text=text)
        for power in powers or ():
            text = f"{wallet.name} is {power} at {contract}: hand it over first"
            yield Reason(code="right_left", text=text)
