"""Questions about tokens: which were judged to be what the law says, and which may not move."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Text, bindparam, type_coerce
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from policies.law import Asset
from policies.terms import Address, Reason
from policies.tokens import TokenFacts
from treasury.ledger.facts import Token
from treasury.ledger.reading import ask
from treasury.ledger.tables_seen import TokenRow

_JSON = frozenset({"facts", "reasons"})
_FIELDS = tuple(TokenRow.model_fields)
_OF_CHAIN = sql_select(
    *(
        type_coerce(column, Text).label(name) if name in _JSON else column
        for name, column in ((name, col(getattr(TokenRow, name))) for name in _FIELDS)
    )
).where(col(TokenRow.chain_id) == bindparam("chain_id"))
"""The texts are taken as they are stored: see `_known`."""


def tokens(session: Session, chain_id: int) -> dict[Address, Token]:
    """Return every token of a chain that was judged."""
    rows = ask(session, _OF_CHAIN, {"chain_id": chain_id})
    return {token.address: token for token in map(_known, map(tuple, rows.all()))}


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


@lru_cache(maxsize=1_024)
def _known(row: tuple[Any, ...]) -> Token:
    # Hardly any token is judged anew from tick to tick, and its code is long.
    values = dict(zip(_FIELDS, row, strict=True))
    texts = {name: None if values[name] is None else json.loads(values[name]) for name in _JSON}
    return _read(TokenRow(**{**values, **texts}))


def _read(row: TokenRow) -> Token:
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


def _facts(row: TokenRow) -> TokenFacts:
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
