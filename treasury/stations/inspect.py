"""Inspect: ask every token's contract whether it is still the token of the law.

Decimals, symbol, code and what stands behind a proxy are compared with the law and with the first
look. A mismatch quarantines the asset: nothing moves toward exposure in it, and the alarm rings;
sweeps go on. When the chain does not answer, everything stays as it was judged before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from policies.law import Asset
from policies.terms import Address, Reason
from policies.tokens import TokenFacts, judge_token
from treasury.chain.errors import ChainError
from treasury.clock import unix
from treasury.ledger import token_marks
from treasury.ledger.facts import Token
from treasury.ledger.queries import tokens
from treasury.world import NO_LAW, Deeds, Outcome, World, law_of

_NAME = "inspect"
AGAIN_AFTER_S = 300
"""How long a judgement holds."""
UNKNOWN_AFTER_S = 30
"""How soon a contract that could not be read is asked again."""
_UNKNOWN = "token_unknown"


def inspect(world: World, now: datetime) -> Outcome:
    """Judge every token of the chain whose judgement is old, all at one block."""
    deeds = Deeds(_NAME)
    with world.ledger.read() as session:
        found = law_of(session, world.chain_id)
        known = tokens.tokens(session, world.chain_id)
    if found is None:
        return Outcome(station=_NAME, unavailable=NO_LAW)
    law, chain = found
    ours = [a for a in law.assets if a.chain == chain.name and not a.is_native]
    due = [asset for asset in ours if _is_due(known.get(asset.address), unix(now))]
    if due:
        _ask(world, due, known, unix(now), deeds)
    return deeds.outcome()


def _is_due(token: Token | None, now: int) -> bool:
    if token is None:
        return True
    is_unknown = any(reason.code == _UNKNOWN for reason in token.reasons)
    return now - token.judged_at >= (UNKNOWN_AFTER_S if is_unknown else AGAIN_AFTER_S)


def _ask(
    world: World, due: list[Asset], known: Mapping[Address, Token], now: int, deeds: Deeds
) -> None:
    try:
        found = world.chain.token_facts([asset.address for asset in due], world.chain.head())
    except ChainError as error:
        deeds.add(f"left the tokens as they were judged: {error}")
        return
    for asset, facts in zip(due, found, strict=True):
        _judge(world, asset, facts, known.get(asset.address), now, deeds)


def _judge(  # noqa: PLR0917 - one token with all that is known of it
    world: World, asset: Asset, facts: TokenFacts, token: Token | None, now: int, deeds: Deeds
) -> None:
    before = token.facts if token else None
    reasons = judge_token(asset, facts, before)
    if token is not None and token.is_quarantined and not _was_unknown(token):
        reasons = token.reasons  # people have not looked yet
    with world.ledger.write() as session:
        if reasons and (token is None or not token.is_quarantined):
            token_marks.quarantine(session, world.chain_id, asset, reasons, actor=_NAME, now=now)
            deeds.add(f"quarantined {asset.symbol}: " + _sentence(reasons))
        else:
            base = before or (None if reasons else facts)
            token_marks.keep_judgement(
                session, world.chain_id, asset, base, reasons=reasons, now=now
            )


def _was_unknown(token: Token) -> bool:
    return all(reason.code == _UNKNOWN for reason in token.reasons)


def _sentence(reasons: tuple[Reason, ...]) -> str:
    return "; ".join(reason.text for reason in reasons)
