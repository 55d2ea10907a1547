"""Write down what the signer's book says of law and wallets: the book is right, the ledger follows.

A quorum may act on the signer directly (adopt, rotate, reinstate, retire, isolate), past the
daemon. So nothing here asks whether it may be: it happened, and the edge is taken with the owner
that the lifecycle gives it.
"""

from __future__ import annotations

from collections.abc import Iterator

from hsm.wire.answers import SignerStatus
from policies.law import Law, Role
from policies.lifecycles import Owner, RefillState, WalletState
from policies.terms import Reason
from treasury.ledger import Session, marks, moves
from treasury.ledger.facts import Standing, Transfer
from treasury.ledger.queries import refills, requests, standings
from treasury.ledger.tables import WalletRow
from treasury.payouts.orders import take_over
from treasury.records import live_wallets
from treasury.safety.preparing import Prepared
from treasury.safety.response import Fall, write_response

_BOOK = "as the signer's book has it"
_FOUND_ISOLATED = (Reason(code="found_isolated", text="the signer's book has it as isolated"),)


def enrol(session: Session, law: Law, now: int) -> None:
    """Give every wallet of a law its row: hot ones begin as STANDBY, the others have no state."""
    for wallet in law.wallets:
        chain, pool = law.chain(wallet.chain), law.pool_of(wallet.name)
        assert chain is not None, "a wallet of a parsed law has a chain"
        row = WalletRow(
            name=wallet.name,
            chain_id=chain.chain_id,
            address=wallet.address,
            role=wallet.role.value,
            pool=pool.name if pool else None,
            changed_at=now,
        )
        if standings.wallet(session, wallet.name) is not None:
            marks.place_wallet(session, row)
        elif wallet.role is Role.HOT:
            row.state = WalletState.STANDBY.value
            why = "the adopted law names it"
            moves.create(session, Standing, row, actor=Owner.TALLY, why=why, now=now)
        else:
            marks.keep_wallet(session, row)


def lags_behind(session: Session, status: SignerStatus) -> bool:
    """Say whether some wallet stands in another state than the book gives it."""
    return bool(_steps(session, status))


def fresh_isolations(session: Session, status: SignerStatus) -> list[Fall]:
    """Return the hot wallets that the book has isolated and the ledger has not."""
    law = standings.law(session)
    if law is None:
        return []
    fallen = [s.name for s, to, _ in _demotions(session, status) if to is WalletState.ISOLATED]
    wallets = [law.wallet(name) for name in fallen]
    return [Fall(wallet=wallet, why=_FOUND_ISOLATED) for wallet in wallets if wallet is not None]


def follow_book(session: Session, status: SignerStatus, now: int) -> tuple[str, ...]:
    """Take every wallet to the state that the book gives it; return what was done.

    An isolation comes with everything that follows from it, but without an evacuation: at a start
    there is no fresh look yet, and `respond` plans it at the first.
    """
    law, falls = standings.law(session), fresh_isolations(session, status)
    fell = write_response(session, law, falls, Prepared(), now=now) if law else ()
    done = [f"{name} is {WalletState.ISOLATED.value}, {_BOOK}" for name in fell]
    for wallet, to, owner in _steps(session, status):
        moves.move(session, wallet, to, actor=owner, why=_BOOK, now=now)
        if to is not WalletState.ACTIVE:
            _withdraw_refills(session, wallet, now)
        done.append(f"{wallet.name} is {to.value}, {_BOOK}")
    if done:
        live_wallets.announce(session, now=now)
    return tuple(done)


_Step = tuple[Standing, WalletState, Owner]


def _steps(session: Session, status: SignerStatus) -> list[_Step]:
    # First what goes down, then what comes up: a pool never has two active wallets.
    return [*_demotions(session, status), *_promotions(session, status)]


def _demotions(session: Session, status: SignerStatus) -> Iterator[_Step]:
    active = set(status.active.values())
    for wallet in standings.wallets(session):
        match wallet.state:
            case WalletState.ACTIVE | WalletState.STANDBY if wallet.name in status.isolated:
                yield wallet, WalletState.ISOLATED, Owner.GUARD
            case WalletState.STANDBY | WalletState.ISOLATED if wallet.name in status.retired:
                yield wallet, WalletState.RETIRED, Owner.TALLY
            case WalletState.ACTIVE if wallet.name not in active or wallet.name in status.retired:
                yield wallet, WalletState.STANDBY, Owner.TALLY
            case WalletState.ISOLATED if wallet.name not in status.isolated:
                yield wallet, WalletState.STANDBY, Owner.TALLY
            case _:
                continue


def _promotions(session: Session, status: SignerStatus) -> Iterator[_Step]:
    marked = {*status.isolated, *status.retired}
    for name in sorted(status.active.values()):
        wallet = standings.wallet(session, name)
        if wallet is not None and wallet.state is WalletState.STANDBY and name not in marked:
            yield wallet, WalletState.ACTIVE, Owner.TALLY


def link_adopted(session: Session, transfer: Transfer, now: int) -> bool:
    """Join a transfer that only the book knew to the refill or withdrawal of the same terms.

    Where there is neither, nobody here placed the order: the journal says so, loudly, and so does
    the answer.
    """
    refill = refills.by_order(session, transfer.order_id)
    withdrawal = requests.by_order(session, transfer.order_id)
    if refill is None and withdrawal is None:
        body = {"order_id": transfer.order_id, "what": transfer.terms.what}
        subject = f"transfer:{transfer.id}"
        marks.tell(session, "unknown_order_adopted", subject, body, now=now, actor="dispatch")
    if withdrawal is not None:
        take_over(session, withdrawal, transfer, now=now)
    if refill is not None and refill.state is RefillState.PROPOSED:
        refill = moves.move(
            session, refill, RefillState.APPROVED, actor=Owner.TALLY, why=_BOOK, now=now
        )
    if refill is not None and refill.state is RefillState.APPROVED:
        moves.move(
            session,
            refill,
            RefillState.RELEASED,
            actor=Owner.RELEASE,
            why=_BOOK,
            now=now,
            transfer_id=transfer.id,
        )
    return refill is None and withdrawal is None


def _withdraw_refills(session: Session, wallet: Standing, now: int) -> None:
    for refill in refills.in_states(
        session, wallet.chain_id, RefillState.PROPOSED, RefillState.APPROVED
    ):
        if refill.wallet == wallet.name:
            why = f"{wallet.name} is no longer ACTIVE"
            moves.move(session, refill, RefillState.WITHDRAWN, actor=Owner.GUARD, why=why, now=now)
