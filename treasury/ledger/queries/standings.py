"""Questions about how things stand: wallets, exposure, the law in force, incidents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam
from sqlalchemy import select as sql_select
from sqlmodel import Session, col

from policies.crypto import keccak256
from policies.law import Law, law_from_canonical
from policies.lifecycles import IncidentState, WalletState
from policies.terms import Address
from treasury.errors import LedgerError
from treasury.ledger.facts import Exposure, Incident, Standing
from treasury.ledger.reading import ask, read_all, read_first, rows_of
from treasury.ledger.tables import ExposureRow, IncidentRow, LawRow, MetaRow, WalletRow

_NEXT_NONCE = "next_nonce:"
_FIELDS = tuple(field.name for field in fields(Standing))
_ALL = sql_select(*(col(getattr(WalletRow, name)) for name in _FIELDS)).order_by(
    col(WalletRow.name)
)
_DIGEST = sql_select(col(LawRow.digest)).where(col(LawRow.current).is_(True))
_LAWS: dict[str, Law] = {}
"""Laws by their digest: to read and parse one of hundreds of wallets costs more than a tick."""
_LAWS_MOST = 4
_OF_CHAIN = _ALL.where(col(WalletRow.chain_id) == bindparam("chain_id"))
_NAMED = _ALL.where(col(WalletRow.name) == bindparam("name"))
_AT = _OF_CHAIN.where(col(WalletRow.address) == bindparam("address"))
_ACTIVE_OF = _ALL.where(
    col(WalletRow.pool) == bindparam("pool"), col(WalletRow.state) == WalletState.ACTIVE.value
)
_EXPOSURE = rows_of(ExposureRow).where(col(ExposureRow.id) == 1)
_LAW_TEXT = sql_select(col(LawRow.text)).where(col(LawRow.digest) == bindparam("digest"))
_INCIDENTS = rows_of(IncidentRow).order_by(col(IncidentRow.id).desc())
_OPEN_INCIDENTS = _INCIDENTS.where(col(IncidentRow.state) != IncidentState.CLOSED.value)
_IN_STATES = _OF_CHAIN.where(col(WalletRow.state).in_(bindparam("states", expanding=True)))
_REMEMBERED = sql_select(col(MetaRow.value)).where(col(MetaRow.key) == bindparam("key"))
_NEXT_NONCES = sql_select(col(MetaRow.key), col(MetaRow.value)).where(
    col(MetaRow.key).startswith(_NEXT_NONCE, autoescape=True)
)


def wallet(session: Session, name: str) -> Standing | None:
    """Return how the wallet of that name stands."""
    return _one(session, _NAMED, {"name": name})


def wallet_at(session: Session, chain_id: int, address: Address) -> Standing | None:
    """Return how our wallet at an address of a chain stands."""
    return _one(session, _AT, {"chain_id": chain_id, "address": address})


def wallets(session: Session, chain_id: int | None = None) -> tuple[Standing, ...]:
    """Return how all wallets stand, or those of one chain, by name."""
    query, values = (_ALL, {}) if chain_id is None else (_OF_CHAIN, {"chain_id": chain_id})
    return tuple(_standing(tuple(row)) for row in ask(session, query, values).all())


def isolated(session: Session, chain_id: int) -> tuple[Standing, ...]:
    """Return the isolated wallets of a chain, by name."""
    return in_states(session, chain_id, WalletState.ISOLATED)


def in_states(session: Session, chain_id: int, *states: WalletState) -> tuple[Standing, ...]:
    """Return the wallets of a chain in any of the states, by name."""
    values = {"chain_id": chain_id, "states": [state.value for state in states]}
    return tuple(_standing(tuple(row)) for row in ask(session, _IN_STATES, values))


def active_of(session: Session, pool: str) -> Standing | None:
    """Return the pool's active wallet, if it has one."""
    return _one(session, _ACTIVE_OF, {"pool": pool})


def exposure(session: Session) -> Exposure | None:
    """Return whether money may leave; None before the first start (which means: it may not)."""
    return read_first(session, Exposure, _EXPOSURE)


def is_halted(session: Session) -> bool:
    """Say whether nothing toward exposure may be released; unknown counts as halted."""
    standing = exposure(session)
    return standing is None or standing.is_halted


def law(session: Session) -> Law | None:
    """Return the law in force as the signer told it.

    Raises `LedgerError` when its text is not that of its digest.
    """
    digest = law_digest(session)
    found = None if digest is None else _LAWS.get(digest)
    if digest is None or found is not None:
        return found
    text = ask(session, _LAW_TEXT, {"digest": digest}).scalar_one()
    if "0x" + keccak256(text.encode()).hex() != digest:
        raise LedgerError(f"the law in the ledger is not that of its digest {digest}")
    if len(_LAWS) >= _LAWS_MOST:
        _LAWS.clear()
    _LAWS[digest] = parsed = law_from_canonical(text.encode("ascii"))
    return parsed


def law_digest(session: Session) -> str | None:
    """Return the digest of the law in force (0x-hex)."""
    return ask(session, _DIGEST).scalar()


def incidents(session: Session, *, only_open: bool = False) -> tuple[Incident, ...]:
    """Return the incidents, newest first."""
    return read_all(session, Incident, _OPEN_INCIDENTS if only_open else _INCIDENTS)


def remembered(session: Session, key: str) -> str | None:
    """Return a single remembered value."""
    return ask(session, _REMEMBERED, {"key": key}).scalar()


def next_nonces(session: Session) -> dict[str, int]:
    """Return, by wallet, the nonce that the signer's book assigns next, as it last told."""
    rows = ask(session, _NEXT_NONCES)
    return {key.removeprefix(_NEXT_NONCE): int(value) for key, value in rows}


def next_nonce_key(wallet: str) -> str:
    """Return the name under which a wallet's next nonce is remembered."""
    return f"{_NEXT_NONCE}{wallet}"


def _one(session: Session, query: Select[Any], values: Mapping[str, object]) -> Standing | None:
    row = ask(session, query, values).first()
    return None if row is None else _standing(tuple(row))


@lru_cache(maxsize=4096)
def _standing(row: tuple[Any, ...]) -> Standing:
    # Hardly any wallet changes from tick to tick, and equal columns are an equal fact.
    values = dict(zip(_FIELDS, row, strict=True))
    state = values["state"]
    return Standing(**{**values, "state": None if state is None else WalletState(state)})
