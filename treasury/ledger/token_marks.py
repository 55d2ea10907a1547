"""What is written about tokens: how their contracts were judged, quarantine and its end.

A quarantine stays until a quorum resumes; then the token is judged afresh, from what is there.
"""

from __future__ import annotations

from sqlalchemy.dialects.sqlite import insert as upsert
from sqlmodel import Session

from policies.law import Asset
from policies.terms import Address, Reason
from policies.tokens import TokenFacts
from treasury.ledger import marks
from treasury.ledger.facts import Token
from treasury.ledger.queries.tokens import tokens
from treasury.ledger.reading import reasons_to_json
from treasury.ledger.tables_seen import TokenRow


def keep_judgement(
    session: Session,
    chain_id: int,
    asset: Asset,
    facts: TokenFacts | None,
    *,
    reasons: tuple[Reason, ...],
    now: int,
) -> None:
    """Write how a token was judged; `facts` are those that later ones are compared with."""
    token = Token(
        chain_id=chain_id,
        address=asset.address,
        symbol=asset.symbol,
        is_quarantined=bool(reasons),
        reasons=reasons,
        facts=facts,
        judged_at=now,
        changed_at=now,
    )
    _write(session, token)


def quarantine(
    session: Session,
    chain_id: int,
    asset: Asset,
    reasons: tuple[Reason, ...],
    *,
    actor: str,
    now: int,
) -> bool:
    """Quarantine a token and ring the alarm; say whether it was not quarantined before."""
    known = tokens(session, chain_id).get(asset.address)
    if known is not None and known.is_quarantined:
        return False
    facts = known.facts if known else None
    keep_judgement(session, chain_id, asset, facts, reasons=reasons, now=now)
    _tell(session, "token_quarantined", (chain_id, asset.address), reasons, now=now, actor=actor)
    return True


def release(session: Session, token: Token, *, why: str, now: int) -> None:
    """End a quarantine; the contract is judged afresh at the next look."""
    cleared = Token(
        chain_id=token.chain_id,
        address=token.address,
        symbol=token.symbol,
        is_quarantined=False,
        reasons=(),
        facts=None,
        judged_at=0,
        changed_at=now,
    )
    _write(session, cleared)
    reasons = (Reason(code="resumed", text=why),)
    place = (token.chain_id, token.address)
    _tell(session, "token_released", place, reasons, now=now, actor="tally")


def _write(session: Session, token: Token) -> None:
    values = {
        "symbol": token.symbol,
        "is_quarantined": token.is_quarantined,
        "reasons": reasons_to_json(token.reasons),
        "facts": None if token.facts is None else _written(token.facts),
        "judged_at": token.judged_at,
        "changed_at": token.changed_at,
    }
    key = {"chain_id": token.chain_id, "address": token.address}
    statement = upsert(TokenRow).values(**key, **values)
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=list(key), set_=values)
    )


def _written(facts: TokenFacts) -> dict[str, object]:
    return {
        "decimals": facts.decimals,
        "symbol": facts.symbol,
        "code": _hex(facts.code),
        "behind": [_hex(word) for word in facts.behind],
    }


def _hex(word: bytes | None) -> str | None:
    return None if word is None else word.hex()


def _tell(
    session: Session,
    kind: str,
    place: tuple[int, Address],
    reasons: tuple[Reason, ...],
    *,
    now: int,
    actor: str,
) -> None:
    body = {"why": "; ".join(reason.text for reason in reasons)}
    marks.tell(session, kind, f"token:{place[0]}:{place[1]}", body, now=now, actor=actor)
