"""Questions about tokens: which were judged to be what the law says, and which may not move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, bindparam
from sqlmodel import Session, col, select

from policies.law import Asset
from policies.terms import Address, Reason
from policies.tokens import TokenFacts
from treasury.ledger.facts import Token
from treasury.ledger.reading import ask, rows_of
from treasury.ledger.tables_seen import TokenRow

_OF_CHAIN = rows_of(TokenRow).where(col(TokenRow.chain_id) == bindparam("chain_id"))


def tokens(session: Session, chain_id: int) -> dict[Address, Token]:
    """Return every token of a chain that was judged."""
    rows = ask(session, _OF_CHAIN, {"chain_id": chain_id})
    return {token.address: token for token in map(_read, rows)}


def quarantined(session: Session) -> tuple[Token, ...]:
    """Return the tokens that are quarantined on any chain."""
    query = select(TokenRow).where(col(TokenRow.is_quarantined).is_(True))
    return tuple(_read(row) for row in session.exec(query.order_by(TokenRow.symbol)))


def objections(known: Mapping[Address, Token], asset: Asset) -> tuple[Reason, ...]:
    """Say why nothing may move toward exposure in an asset; unknown is a reason."""
    if asset.is_native:
        return ()
    token = known.get(asset.address)
    if token is None:
        text = f"the contract of {asset.symbol} was not judged yet"
        return (Reason(code="token_unjudged", text=text),)
    if not token.is_quarantined:
        return ()
    why = "; ".join(reason.text for reason in token.reasons)
    return (Reason(code="quarantined", text=f"{asset.symbol} is quarantined: {why}"),)


def _read(row: TokenRow | Row[Any]) -> Token:
    return Token(
        chain_id=row.chain_id,
        address=Address(row.address),
        symbol=row.symbol,
        is_quarantined=row.is_quarantined,
        reasons=tuple(Reason(code=item["code"], text=item["text"]) for item in row.reasons),
        facts=None if row.facts is None else _facts(row),
        judged_at=row.judged_at,
        changed_at=row.changed_at,
    )


def _facts(row: TokenRow | Row[Any]) -> TokenFacts:
    facts = row.facts or {}
    return TokenFacts(
        asset=Address(row.address),
        decimals=facts["decimals"],
        symbol=facts["symbol"],
        code=_bytes(facts["code"]),
        behind=tuple(_bytes(word) for word in facts["behind"]),
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
