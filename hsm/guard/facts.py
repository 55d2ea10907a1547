"""What the guard is told about one order: gathered from book and law, then judged without I/O.

Facts are gathered inside the transaction that records the order, so that check and use cannot
drift apart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from hsm.book import consent as book_consent
from hsm.book import law as book_law
from hsm.book import orders as book_orders
from hsm.book import spends as book_spends
from hsm.book.book import Book
from hsm.book.law import Mark
from hsm.book.orders import Order
from hsm.book.spends import Totals
from hsm.wire.answers import AttemptKind, Fees
from policies.consent import Tally, Towards, tally_transfer
from policies.law import Asset, Chain, Law, Pool, Role, Wallet, law_digest
from policies.succession import took_over
from policies.terms import Address, Purpose, TransferTerms

_T = TypeVar("_T")
MOST_NUMBER = 2**62
"""The book's integer columns end below 2^63; no claim above can be in it."""


class _once(Generic[_T]):  # noqa: N801 - reads like the property that it is
    """A property that is worked out once; `cached_property` takes a lock, facts have one thread."""

    def __init__(self, find: Callable[[Facts], _T]) -> None:
        self._find = find
        self._name = find.__name__

    def __get__(self, facts: Facts, _owner: type | None = None) -> _T:
        value = facts.__dict__[self._name] = self._find(facts)
        return value


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One order, what is asked for it, and everything the rules may look at.

    `law` is the law in force or the coming one (then `is_coming`); `totals` is
    what the windows hold without this order; `pinned_addresses` maps a transaction key of the
    settings to the address of its public key; `recipient_since` is when a withdrawal first paid
    the destination. `claimed_nonce` is the daemon's word and may only be heard where a lie gains
    nothing; `is_salt_used` tells of another order with a nonce that has this salt, or a later one
    of its series.
    """

    terms: TransferTerms
    order_id: bytes
    kind: AttemptKind
    fees: Fees
    now: int
    law: Law
    is_coming: bool
    in_force_digest: bytes
    order: Order | None
    claimed_nonce: int | None
    is_claim_taken: bool
    is_salt_used: bool
    approvals: Mapping[Address, tuple[bytes, int]]
    vetoed_by: Sequence[Address]
    marks: Mapping[str, Mark]
    active: Mapping[str, str]
    is_frozen: bool
    pinned_addresses: Mapping[str, Address]
    totals: Totals
    recipient_since: int | None

    @_once
    def chain(self) -> Chain | None:
        """Return the chain that the terms name."""
        return self.law.chain_by_id(self.terms.chain_id)

    @_once
    def asset(self) -> Asset | None:
        """Return the asset that the terms name."""
        return self.law.asset_at(self.terms.chain_id, self.terms.asset)

    @_once
    def source(self) -> Wallet | None:
        """Return our wallet that pays."""
        return self.law.wallet_at(self.terms.chain_id, self.terms.source)

    @_once
    def destination(self) -> Wallet | None:
        """Return our wallet that receives, if it is one of ours."""
        return self.law.wallet_at(self.terms.chain_id, self.terms.destination)

    @_once
    def pool(self) -> Pool | None:
        """Return the pool of the hot wallet of this movement, whichever end it is."""
        wallet = self.destination if self.terms.purpose is Purpose.REFILL else self.source
        if wallet is None or wallet.role is not Role.HOT:
            return None
        return self.law.pool_of(wallet.name)

    @property
    def is_first_signature(self) -> bool:
        """Tell whether no signature exists for the order yet."""
        return self.order is None or not self.order.is_signed

    @property
    def is_first_use(self) -> bool:
        """Tell whether the recipient is still new: never paid, or first paid in this window."""
        pool, asset = self.pool, self.asset
        rule = pool.withdrawals.get(asset.symbol) if pool and asset else None
        if self.recipient_since is None or rule is None:
            return True
        return self.recipient_since > self.now - rule.window_s

    def mark_of(self, wallet: Wallet | None) -> Mark | None:
        """Return what the book holds against a wallet."""
        return None if wallet is None else self.marks.get(wallet.name)

    def tally(self) -> Tally:
        """Count the consent under this law.

        Under the coming law only its roster matters: terms can name only the law in force.
        """
        return self._tally

    @_once
    def _tally(self) -> Tally:
        terms = self.terms
        if self.is_coming and terms.law_digest == self.in_force_digest:
            terms = dataclasses.replace(terms, law_digest=law_digest(self.law))
        return tally_transfer(
            terms,
            self.order_id,
            [signature for signature, _ in self.approvals.values()],
            law=self.law,
            vetoed_by=self.vetoed_by,
            towards=self._towards(),
        )

    def _towards(self) -> Towards | None:
        """Return what a refill's tier depends on besides its amount; None for anything else."""
        if self.terms.purpose is not Purpose.REFILL:
            return None
        return Towards(rolling_amount=self.totals.refilled, is_emergency=self._is_emergency())

    def _is_emergency(self) -> bool:
        """Tell whether a refill goes to a wallet that took over from an isolated one."""
        pool, wallet = self.pool, self.destination
        if pool is None or wallet is None:
            return False
        isolated = [name for name, mark in self.marks.items() if mark is Mark.ISOLATED]
        return took_over(wallet, pool, active=self.active.get(pool.name), isolated=isolated)

    def quorum_at(self, tally: Tally) -> int | None:
        """Return when the book had seen as many counted approvals as the tally needs."""
        if not tally.reached:
            return None
        if tally.required == 0:
            return self.now
        counted = (person.address for person in tally.counted)
        seen = sorted(self.approvals[address][1] for address in counted)
        return seen[tally.required - 1]


class Asked(NamedTuple):
    """What a request asks for one order, and what the book knows of it.

    `fees` None: nothing is to be signed yet.
    """

    terms: TransferTerms
    order_id: bytes
    order: Order | None = None
    kind: AttemptKind = AttemptKind.ORIGINAL
    fees: Fees | None = None
    claimed_nonce: int | None = None


def gather(
    book: Book, asked: Asked, law: Law, *, in_force: Law, pinned: Mapping[str, Address], now: int
) -> Facts:
    """Gather the facts of one order under one law."""
    terms, claim = asked.terms, asked.claimed_nonce
    is_withdrawal = terms.purpose is Purpose.WITHDRAWAL
    approvals, vetoed_by = book_consent.heard_on(book, asked.order_id)
    return Facts(
        terms=terms,
        order_id=asked.order_id,
        kind=asked.kind,
        fees=asked.fees or NO_FEES,
        now=now,
        law=law,
        is_coming=law is not in_force,
        in_force_digest=law_digest(in_force),
        order=asked.order,
        claimed_nonce=claim,
        is_claim_taken=claim is not None
        and claim < MOST_NUMBER
        and book_orders.is_nonce_taken(book, terms.chain_id, terms.source, claim),
        is_salt_used=book_orders.is_salt_used(book, asked.order_id, terms.salt),
        approvals=approvals,
        vetoed_by=vetoed_by,
        marks=book_law.marks(book),
        active=book_law.active_wallets(book),
        is_frozen=book_law.is_frozen(book),
        pinned_addresses=pinned,
        totals=_totals(book, asked, law, now),
        recipient_since=book_spends.first_paid_at(book, terms.chain_id, terms.destination)
        if is_withdrawal
        else None,
    )


def _totals(book: Book, asked: Asked, law: Law, now: int) -> Totals:
    """Return the windows without this order; a recorded order is judged by the day it came."""
    if asked.order is None or asked.order.nonce is None:
        return book_spends.totals_for(book, asked.terms, law, now)
    refilled = book_spends.refilled_before(book, asked.order_id, asked.terms, law)
    return Totals(refilled=refilled or 0)


NO_FEES = Fees(gas_limit=21_000, max_fee_per_gas=0, max_priority_fee_per_gas=0)
"""Stands for "not asked yet" when an order is only lodged."""
