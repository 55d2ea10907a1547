"""The desk: takes a batch of requests, answers each, and makes the batch durable together.

For every batch: one commit that checks, records and assigns nonces; then the token signs each
recorded attempt; then one commit that stores the bytes; only then any answer leaves. A request
that fails takes back only its own part. The order of steps is the safety: what is not on disk is
not signed, and what is not stored is not sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from hsm.book import law as book_law
from hsm.book import orders as book_orders
from hsm.book import spends as book_spends
from hsm.book.book import Book
from hsm.book.orders import Attempt
from hsm.crashpoints import reach
from hsm.errors import BookError, HsmError, PinRefusedError, ProtocolError
from hsm.guard.rules import no
from hsm.settings import Settings
from hsm.token.signature import Signature
from hsm.transaction import encode_signed
from hsm.verbs import consent as verbs_consent
from hsm.verbs import law as verbs_law
from hsm.verbs import motions as verbs_motions
from hsm.verbs import orders as verbs_orders
from hsm.verbs import people as verbs_people
from hsm.verbs import reports as verbs_reports
from hsm.verbs.room import Door, Pending, Room, Tokens, pinned_addresses
from hsm.wire import fields
from hsm.wire.answers import AttemptKind
from hsm.wire.draft import Draft
from hsm.wire.message import FENCED, Answer, Body, Request, Result
from policies.consent import TermsError
from policies.crypto import keccak256

__all__ = ["VERBS", "Desk", "Door"]

log = logging.getLogger("hsm")

_T = TypeVar("_T")
Verb = Callable[[Room, Body], "Answer | Pending"]
Undoing = Callable[[], AbstractContextManager[None]]
"""Takes a failed request's writing back, and nothing else of its batch."""


_BOTH: Mapping[str, Verb] = MappingProxyType(
    {
        "lodge": verbs_consent.lodge,
        "isolate": verbs_people.isolate,
        "freeze": verbs_people.freeze,
        "veto": verbs_people.veto,
        "law_piece": verbs_law.law_piece,
        "adopt": verbs_law.adopt,
        "motion": verbs_motions.motion,
        "lock": verbs_people.lock,
        "status": verbs_reports.status,
        "law": verbs_law.law_text,
        "orders_since": verbs_reports.orders_since,
    }
)
VERBS: Mapping[Door, Mapping[str, Verb]] = MappingProxyType(
    {
        Door.SIGNER: {
            **_BOTH,
            "sign": verbs_orders.sign,
            "bump": verbs_orders.bump,
            "cancel": verbs_orders.cancel,
            "activate": verbs_people.activate,
            "lead": verbs_people.lead,
            "checkpoint": verbs_reports.checkpoint,
            "possession": verbs_reports.possession,
        },
        Door.PEOPLE: {**_BOTH, "unlock": verbs_people.unlock},
    }
)

URGENT = frozenset({"isolate", "freeze", "veto"})
"""Verbs that are served before the others of their batch."""
TIMELESS = frozenset({"isolate", "freeze", "veto", "lock", "status", "law", "orders_since"})
"""Verbs that are served on a wrong clock too: they sign nothing, and safety cannot wait for it."""


@dataclass(slots=True)
class _Place:
    """One request of a batch on its way to an answer."""

    answer: Answer | None = None
    pending: Pending | None = None
    signature: Signature | None = None


_Firsts = dict[tuple[bytes, int], _Place]
"""For each order and attempt that is to be signed the first request that asks for it."""


class Desk:
    """Serves requests, whatever road they came by; one thread."""

    def __init__(
        self, *, book: Book, tokens: Tokens, settings: Settings, clock: Callable[[], int]
    ) -> None:
        """Keep the parts; `clock` returns unix seconds."""
        self._book = book
        self._tokens = tokens
        self._settings = settings
        self._pinned = pinned_addresses(settings)
        self._clock = clock
        self._drafts = {door: Draft() for door in Door}
        self.fatal: HsmError | None = None
        self.warnings: tuple[str, ...] = ()

    def serve(self, batch: Sequence[tuple[Door, Request]]) -> list[Answer]:
        """Answer every request of a batch, in order; see `answered`."""
        return self.answered(batch, lambda answer: answer)

    def answered(
        self, batch: Sequence[tuple[Door, Request]], write: Callable[[Answer], _T]
    ) -> list[_T]:
        """Answer every request of a batch, in order, each in the form that `write` gives it.

        `fatal` is set when the process has to stop after these answers were sent.
        """
        reach("request_read")
        places = [_Place() for _ in batch]
        now, trouble = self._time()
        undoing = self._book.whole if len(batch) == 1 else self._book.part
        with self._book.transaction():
            for place, (door, request) in _in_turn(places, batch):
                if trouble is not None and request.verb not in TIMELESS:
                    place.answer = trouble
                else:
                    self._take(place, door, request, now, undoing)
            reach("recorded")
        reach("record_committed")
        waiting = [place for place in places if place.pending is not None]
        if not waiting:
            return self._written(places, write)
        first = self._sign_all(waiting)
        with self._book.transaction():
            self._store_all(waiting, first, now)
            # Before the flush, as a processor comes back slow from one; they leave after it.
            written = self._written(places, write)
            reach("raw_stored")
        reach("raw_committed")
        return written

    def _written(self, places: Sequence[_Place], write: Callable[[Answer], _T]) -> list[_T]:
        return [write(self._stamped(place.answer or _broken("no answer"))) for place in places]

    def _time(self) -> tuple[int, Answer | None]:
        """Return the time, and what is answered to verbs that need a right one when it is wrong."""
        try:
            return self._book.now(), None
        except BookError as error:
            trouble = Answer(result=Result.NOT_READY, reasons=(no("clock", str(error)),))
            return self._book.last_at, trouble

    def _take(
        self, place: _Place, door: Door, request: Request, now: int, undoing: Undoing
    ) -> None:
        verb = VERBS[door].get(request.verb)
        if verb is None:
            place.answer = _broken(f"there is no verb {request.verb[:40]!r} at this door")
            return
        try:
            with undoing():
                outcome = self._run(verb, door, request, now)
        except (ProtocolError, TermsError) as error:
            place.answer = _broken(str(error))
        except PinRefusedError as error:
            self.fatal = error
            place.answer = _not_ready(error)
        except Exception as error:
            log.exception("a request failed")
            place.answer = _broken(f"the signer failed ({type(error).__name__})")
        else:
            place.answer = outcome if isinstance(outcome, Answer) else None
            place.pending = outcome if isinstance(outcome, Pending) else None

    def _run(self, verb: Verb, door: Door, request: Request, now: int) -> Answer | Pending:
        room = Room(
            book=self._book,
            tokens=self._tokens,
            settings=self._settings,
            door=door,
            draft=self._drafts[door],
            pinned=self._pinned,
            warnings=self.warnings,
            now=now,
            laws=book_law.laws_at(self._book, now),
        )
        if request.verb in FENCED and not self._is_newest_epoch(request.body):
            text = (
                "a newer daemon has spoken: this one must stop; if there is none, resume by motion"
            )
            return room.refuse(no("old_epoch", text))
        outcome = verb(room, request.body)
        reach("checked")
        return outcome

    def _is_newest_epoch(self, body: Body) -> bool:
        epoch = fields.maybe_integer(body, "epoch") or 0
        known = int(self._book.get("epoch", "0"))
        if epoch > known:
            book_law.set_epoch(self._book, epoch, self._book.now())
        return epoch >= known

    def _sign_all(self, waiting: Sequence[_Place]) -> _Firsts:
        """Sign every attempt once, though the same may be asked for twice in one batch."""
        first: _Firsts = {}
        for place in waiting:
            assert place.pending is not None
            first.setdefault((place.pending.order_id, place.pending.attempt), place)
        for place in first.values():
            self._sign(place)
        return first

    def _store_all(self, waiting: Sequence[_Place], first: _Firsts, now: int) -> None:
        for place in first.values():
            if place.signature is not None and place.pending is not None:
                place.answer = self._store(place.pending, place.signature, now)
        for place in waiting:
            assert place.pending is not None
            place.answer = first[place.pending.order_id, place.pending.attempt].answer

    def _sign(self, place: _Place) -> None:
        """Take one recorded attempt to the token; a failure leaves it recorded for later."""
        pending = place.pending
        assert pending is not None
        try:
            place.signature = self._tokens.sign(pending.key, pending.digest)
        except PinRefusedError as error:
            self.fatal = error
            place.answer = _not_ready(error)
        except HsmError as error:
            log.warning("the token did not sign: %s", error)
            place.answer = _not_ready(error)
        reach("token_signed")

    def _store(self, pending: Pending, signature: Signature, now: int) -> Answer:
        book = self._book
        fresh = book_orders.keep_signature(book, pending.key, pending.digest, signature, now)
        if not fresh:
            reason = verbs_people.lose_key(book, book_law.laws_at(book, now), pending.key, now)
            return Answer(result=Result.REFUSED, reasons=(reason,))
        raw = encode_signed(pending.payload, signature)
        hash_ = keccak256(raw)
        book_orders.store_raw(book, pending.order_id, pending.attempt, raw, hash_)
        if pending.kind is AttemptKind.ORIGINAL:
            book_spends.keep_recipient(book, pending.terms, now)
        attempt = Attempt(
            number=pending.attempt,
            kind=pending.kind,
            fees=pending.fees,
            digest=pending.digest,
            raw=raw,
            hash=hash_,
        )
        return verbs_orders.signed_answer(pending.order_id, pending.nonce, attempt)

    def _stamped(self, answer: Answer) -> Answer:
        return Answer(
            result=answer.result,
            body=answer.body,
            reasons=answer.reasons,
            book_seq=self._book.seq,
            book_head=self._book.head,
        )


def _in_turn(
    places: Sequence[_Place], batch: Sequence[tuple[Door, Request]]
) -> Sequence[tuple[_Place, tuple[Door, Request]]]:
    """Pair places and requests: what stops money comes first, whatever arrived beside it."""
    if len(batch) == 1:
        return [(places[0], batch[0])]
    return sorted(zip(places, batch, strict=True), key=lambda pair: pair[1][1].verb not in URGENT)


def _broken(text: str) -> Answer:
    return Answer(result=Result.ERROR, reasons=(no("bad_request", text),))


def _not_ready(error: HsmError) -> Answer:
    return Answer(
        result=Result.NOT_READY, body={"notBefore": ""}, reasons=(no(error.code, str(error)),)
    )
