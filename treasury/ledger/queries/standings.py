"""Questions about how things stand: wallets, exposure, the law in force, incidents."""

from __future__ import annotations

from functools import lru_cache

from sqlmodel import Session, col, select

from policies.law import Law, law_from_canonical
from policies.lifecycles import IncidentState, WalletState
from policies.terms import Address
from treasury.ledger.facts import Exposure, Incident, Standing
from treasury.ledger.reading import read_as
from treasury.ledger.tables import ExposureRow, IncidentRow, LawRow, MetaRow, WalletRow

_NEXT_NONCE = "next_nonce:"


def wallet(session: Session, name: str) -> Standing | None:
    """Return how the wallet of that name stands."""
    row = session.get(WalletRow, name)
    return None if row is None else read_as(Standing, row)


def wallet_at(session: Session, chain_id: int, address: Address) -> Standing | None:
    """Return how our wallet at an address of a chain stands."""
    query = select(WalletRow).where(WalletRow.chain_id == chain_id, WalletRow.address == address)
    row = session.exec(query).first()
    return None if row is None else read_as(Standing, row)


def wallets(session: Session, chain_id: int | None = None) -> tuple[Standing, ...]:
    """Return how all wallets stand, or those of one chain, by name."""
    query = select(WalletRow).order_by(col(WalletRow.name))
    if chain_id is not None:
        query = query.where(WalletRow.chain_id == chain_id)
    return tuple(read_as(Standing, row) for row in session.exec(query))


def active_of(session: Session, pool: str) -> Standing | None:
    """Return the pool's active wallet, if it has one."""
    query = select(WalletRow).where(
        WalletRow.pool == pool, WalletRow.state == WalletState.ACTIVE.value
    )
    row = session.exec(query).first()
    return None if row is None else read_as(Standing, row)


def exposure(session: Session) -> Exposure | None:
    """Return whether money may leave; None before the first start (which means: it may not)."""
    row = session.get(ExposureRow, 1)
    return None if row is None else read_as(Exposure, row)


def is_halted(session: Session) -> bool:
    """Say whether nothing toward exposure may be released; unknown counts as halted."""
    standing = exposure(session)
    return standing is None or standing.is_halted


def law(session: Session) -> Law | None:
    """Return the law in force as the signer told it."""
    text = session.exec(select(LawRow.text).where(col(LawRow.current).is_(True))).first()
    return None if text is None else _parsed(text)


def law_digest(session: Session) -> str | None:
    """Return the digest of the law in force (0x-hex)."""
    return session.exec(select(LawRow.digest).where(col(LawRow.current).is_(True))).first()


def incidents(session: Session, *, only_open: bool = False) -> tuple[Incident, ...]:
    """Return the incidents, newest first."""
    query = select(IncidentRow).order_by(col(IncidentRow.id).desc())
    if only_open:
        query = query.where(IncidentRow.state != IncidentState.CLOSED.value)
    return tuple(read_as(Incident, row) for row in session.exec(query))


def remembered(session: Session, key: str) -> str | None:
    """Return a single remembered value."""
    row = session.get(MetaRow, key)
    return None if row is None else row.value


def next_nonces(session: Session) -> dict[str, int]:
    """Return, by wallet, the nonce that the signer's book assigns next, as it last told."""
    query = select(MetaRow).where(col(MetaRow.key).startswith(_NEXT_NONCE, autoescape=True))
    return {row.key.removeprefix(_NEXT_NONCE): int(row.value) for row in session.exec(query)}


def next_nonce_key(wallet: str) -> str:
    """Return the name under which a wallet's next nonce is remembered."""
    return f"{_NEXT_NONCE}{wallet}"


@lru_cache(maxsize=4)
def _parsed(text: str) -> Law:
    # Parsing a law of hundreds of wallets at each tick would cost more than the tick; the text is
    # the key, so a changed law is never mistaken for the old one.
    return law_from_canonical(text.encode("ascii"))
