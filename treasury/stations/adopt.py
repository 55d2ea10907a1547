"""Adopt: take over what the signer's book knows and the ledger does not.

The book wins on what was signed, on the law, and on how wallets stand. So a daemon that died
between a signature and its own commit, or a ledger that was restored from an older copy, finds
the signed bytes here before anything new is released: `dispatch` runs only after this station has
succeeded in the same tick. What appears there later, and nobody here placed, is a stranger's
(`treasury.safety.strangers`). An order that holds a nonce without a signature is taken over too,
for nothing younger of its wallet is mined before that nonce is spent.

A book that is older than what the journal bears witness to was rewound: everything toward
exposure is halted here and frozen there, until people have looked.
"""

from __future__ import annotations

from datetime import datetime

from hsm.errors import HsmError
from hsm.wire.answers import BookPlace, OrderRecord, Refused, Signed, SignerStatus
from policies.consent import TermsError, transfer_from_json
from policies.law import Law, LawError, law_digest, law_from_canonical
from policies.lifecycles import Owner, TransferState
from policies.terms import Reason, TransferTerms
from treasury.book.enrolment import (
    enrol,
    follow_book,
    fresh_isolations,
    lags_behind,
    link_adopted,
)
from treasury.book.epoch import lead
from treasury.book.unadopted import adopted_key, adopted_seq, pages_since, unknown
from treasury.clock import unix
from treasury.errors import StaleRowError, TwinError
from treasury.ledger import Session, journal, marks, moves
from treasury.ledger.facts import Transfer
from treasury.ledger.journal import Place
from treasury.ledger.queries import standings, transfers
from treasury.ledger.tables import TransferRow
from treasury.orders.drafts import order_id_of, transfer_row
from treasury.orders.signing import (
    differences,
    place_of,
    signed_from_record,
    store_signed,
    told_of,
)
from treasury.orders.twins import end_twin, own_bytes
from treasury.payouts.orders import adopted_cause
from treasury.safety.halting import halt
from treasury.safety.isolation import answer
from treasury.safety.strangers import answer_strangers, has_caught_up, note_caught_up
from treasury.world import Books, Deeds, Outcome, World

_NAME = "adopt"
_TAKES_ATTEMPTS = frozenset({TransferState.QUEUED, TransferState.IN_FLIGHT, TransferState.MINED})


def adopt(world: Books, now: datetime) -> Outcome:
    """Follow the signer's book: law, wallets, and signed orders of this chain."""
    deeds = Deeds(_NAME)
    try:
        # The journal first: another lane may write a newer place while the signer answers.
        with world.ledger.read() as session:
            witnessed = journal.last_place(session)
        # A book that grew past that place may have lost it all the same: only the signer can tell.
        status = world.signer.status(told_of(witnessed))
        _check_book(world, witnessed, status, deeds, unix(now))
        for deed in lead(world, status, unix(now)):
            deeds.add(deed)
        status = _adopt_isolations(world, status, deeds, unix(now))
        _adopt_law(world, status, deeds, unix(now))
        _adopt_orders(world, status, deeds, unix(now))
        note_caught_up(world, status)
        _adopt_nonces(world, status)
    except HsmError as error:
        return deeds.broken_off(error)
    except (TwinError, StaleRowError) as error:
        return deeds.broken_off(f"another lane was quicker: {error}")
    return deeds.outcome()


def _check_book(
    world: Books, witnessed: Place | None, status: SignerStatus, deeds: Deeds, now: int
) -> None:
    """Compare the book with what the journal bears witness to; halt when it was rewound."""
    place = place_of(status.book)
    why = ""
    if witnessed is not None and place.seq < witnessed.seq:
        why = f"the signer's book ends at {place.seq}, our journal saw {witnessed.seq}"
    elif witnessed is not None and place.seq == witnessed.seq and place.head != witnessed.head:
        why = f"entry {place.seq} of the signer's book is another one than our journal saw"
    elif status.deployment != world.deployment:
        why = "the signer's book is of another deployment"
    if not why:
        if status.frozen:
            with world.ledger.write() as session:
                halt(session, actor=Owner.DAEMON, why="the signer is frozen", now=now)
        return
    with world.ledger.write() as session:
        halt(session, actor=Owner.DAEMON, why=why, now=now)
    world.signer.freeze(why)
    deeds.add(f"halted and froze the signer: {why}")


def _adopt_isolations(world: Books, status: SignerStatus, deeds: Deeds, now: int) -> SignerStatus:
    """Answer isolations that the book had before us: a person's, or ours before we died.

    Returns the status afterwards: the signer may have activated a successor.
    """
    if not isinstance(world, World):
        return status
    with world.ledger.read() as session:
        law, falls = standings.law(session), fresh_isolations(session, status)
    fell = answer(world, law, falls, now=now) if law and falls else ()
    if not fell:
        return status
    deeds.add(f"isolated {', '.join(fell)}, as the signer's book has it")
    return world.signer.status()


def _adopt_law(world: Books, status: SignerStatus, deeds: Deeds, now: int) -> None:
    digest = "0x" + status.law_digest.hex()
    if not any(status.law_digest):
        return
    with world.ledger.read() as session:
        is_known = standings.law_digest(session) == digest
        is_followed = is_known and not lags_behind(session, status)
    if is_followed:
        return
    law = None if is_known else _fetch_law(world, status)
    with world.ledger.write(place_of(status.book)) as session:
        known = journal.last_place(session)
        if known is not None and known.seq > status.book.seq:
            # The watch lane isolated and swapped since: an older status would undo that.
            raise StaleRowError("it told the ledger of a newer entry of the signer's book")
        if law is not None:
            marks.keep_law(session, digest, law[1], now=now)
            enrol(session, law[0], now)
            deeds.add(f"took over the law {digest}")
        for deed in follow_book(session, status, now):
            deeds.add(deed)


def _fetch_law(world: Books, status: SignerStatus) -> tuple[Law, str] | None:
    answer = world.signer.law()
    if isinstance(answer, Refused):
        return None
    try:
        law = law_from_canonical(answer.text.encode("ascii"))
    except (LawError, UnicodeError):
        return None
    return (law, answer.text) if law_digest(law) == status.law_digest else None


def _adopt_orders(world: Books, status: SignerStatus, deeds: Deeds, now: int) -> None:
    seq = adopted_seq(world)
    if seq >= status.book.seq:
        return
    strangers: list[TransferTerms] = []
    for page in pages_since(world.signer, seq):
        for record in unknown(world.ledger, page.orders):
            terms = _adopt_order(world, record, page.book, deeds, now)
            if terms is not None and record.seq <= status.book.seq:
                strangers.append(terms)
        seq = max([seq, *(record.seq for record in page.orders)])
    with world.ledger.write() as session:
        # Entries up to the status are covered: orders that changed later are asked for again.
        newest = str(max(seq, status.book.seq))
        marks.remember(session, adopted_key(world.chain_id), newest)
    if isinstance(world, World) and has_caught_up(world, status):
        for done in answer_strangers(world, strangers, now):
            deeds.add(done)


def _adopt_nonces(world: Books, status: SignerStatus) -> None:
    """Remember what the book assigns next, after the orders below it were taken over."""
    with world.ledger.read() as session:
        known = standings.next_nonces(session)
    news = {name: nonce for name, nonce in status.nonces.items() if known.get(name) != nonce}
    if news:
        with world.ledger.write() as session:
            for name, nonce in news.items():
                marks.remember(session, standings.next_nonce_key(name), str(nonce))


def _adopt_order(
    world: Books, record: OrderRecord, book: BookPlace, deeds: Deeds, now: int
) -> TransferTerms | None:
    """Take over one order; return its terms when nobody here had placed it."""
    try:
        terms = transfer_from_json(dict(record.order))
    except TermsError as error:
        _reject(world, "0x" + record.order_id.hex(), str(error), deeds, now)
        return None
    if terms.chain_id != world.chain_id:
        return None
    signed = [signed_from_record(record, attempt, book) for attempt in record.attempts]
    order_id = order_id_of(terms, world.deployment)
    wrong = [reason for one in signed for reason in differences(terms, order_id, one)]
    if wrong:
        _reject(world, order_id, "; ".join(reason.text for reason in wrong), deeds, now)
        return None
    try:
        if signed:
            is_strange = _store(world, terms, signed, deeds, now)
        else:
            is_strange = _note_nonce(world, record, terms, deeds, now)
    except TwinError as error:
        _reject(world, order_id, str(error), deeds, now)
        return None
    return terms if is_strange else None


def _note_nonce(
    world: Books, record: OrderRecord, terms: TransferTerms, deeds: Deeds, now: int
) -> bool:
    """Write down a nonce that the book gave to an order which it could not sign yet.

    Until that nonce is spent nothing younger of the wallet can be mined, so it goes first. Says
    whether nobody here had placed it.
    """
    is_strange = False
    with world.ledger.write() as session:
        transfer = transfers.by_order(session, "0x" + record.order_id.hex())
        if transfer is None:
            row = _row(world, terms, record.nonce, now)
            why = "the signer's book gave it a nonce"
            transfer, is_strange = _create(session, row, why, now)
        elif transfer.nonce is None and transfer.state is TransferState.QUEUED:
            marks.write_nonce(session, transfer, record.nonce or 0)
        else:
            return False
    deeds.add(f"noted that transfer {transfer.id} holds nonce {record.nonce}, not yet signed")
    return is_strange


def _store(
    world: Books, terms: TransferTerms, signed: list[Signed], deeds: Deeds, now: int
) -> bool:
    """Write down signed bytes; say whether nobody here had placed the order."""
    order_id, is_strange = order_id_of(terms, world.deployment), False
    with world.ledger.write(place_of(signed[-1].book)) as session:
        transfer = transfers.by_order(session, order_id)
        if transfer is not None:
            known = {attempt.number for attempt in transfers.attempts(session, transfer.id)}
            signed = [one for one in signed if one.attempt not in known]
            if not signed:
                return False
        signed, other = own_bytes(session, terms, signed)
        if transfer is None:
            row = _row(world, terms, signed[0].nonce if signed else None, now)
            row.state = (TransferState.IN_FLIGHT if signed else TransferState.QUEUED).value
            why = "the signer's book knows it as signed"
            transfer, is_strange = _create(session, row, why, now)
        if other is not None and not signed:
            deeds.add(end_twin(session, transfer, other, now))
            return is_strange
        if transfer.state not in _TAKES_ATTEMPTS:
            text = f"transfer {transfer.id} is {transfer.state.value}, yet the book signed for it"
            halt(session, actor=Owner.DISPATCH, why=text, now=now)
            deeds.add(f"halted: {text}")
            return is_strange
        for one in signed:
            transfer, _ = store_signed(session, transfer, one, why="adopted", now=now)
    deeds.add(f"adopted {len(signed)} attempts of transfer {transfer.id} from the signer's book")
    return is_strange


def _row(world: Books, terms: TransferTerms, nonce: int | None, now: int) -> TransferRow:
    """Return the row of an order that only the book knows; its salt tells whose payout it is."""
    cause = adopted_cause(terms.salt)
    row = transfer_row(terms, deployment=world.deployment, cause=cause, now=now)
    row.nonce = nonce
    return row


def _create(session: Session, row: TransferRow, why: str, now: int) -> tuple[Transfer, bool]:
    """Write the row; say also whether nobody here had placed the order."""
    # The edge to QUEUED is a proposer's, the one to IN_FLIGHT is dispatch's.
    actor = Owner.DISPATCH if row.state == TransferState.IN_FLIGHT else Owner.RELEASE
    transfer = moves.create(session, Transfer, row, actor=actor, why=why, now=now)
    return transfer, link_adopted(session, transfer, now)


def _reject(world: Books, order_id: str, why: str, deeds: Deeds, now: int) -> None:
    reason = Reason(code="book_differs", text=f"order {order_id} of the signer's book: {why}")
    with world.ledger.write() as session:
        halt(session, actor=Owner.DISPATCH, why=(reason,), now=now)
        marks.tell(
            session,
            "order_rejected",
            f"digest:{order_id}",
            {"why": why},
            now=now,
            actor=Owner.DISPATCH.value,
        )
    deeds.add(f"halted: {reason.text}")
