"""Accounts of what really left, from raw bytes alone: knows the law, nothing of the signer's rules.

Where the exact second of a signature is unknown the judge assumes what is best for the signer, so
that every accusation is certain. Order is exact: `event` counts what happened in this program.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hsm.transaction import ReadBack, read_back
from hsm.wire.fields import blob
from hsm.wire.message import Answer, Body, Result
from policies.consent import describe_transfer
from policies.crypto import SECP256K1_N, BadSignatureError, recover_address
from policies.law import (
    Asset,
    Custody,
    Law,
    Pool,
    RefillRule,
    Role,
    Tier,
    Wallet,
    law_digest,
)
from policies.terms import NATIVE, Address, Purpose, TransferTerms
from tests.hsm.adversary.accounts import Account, Span
from tests.hsm.adversary.crowd import Crowd
from tests.hsm.adversary.laws_of_two_chains import SHARED
from tests.laws import address_of

DAY_S = 86_400
SAFETY_FEES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One first signature: terms, what the bytes say, when, and whose wallets are meant."""

    order_id: bytes
    terms: TransferTerms
    found: ReadBack
    span: Span
    asked: int
    law: Law

    @property
    def place(self) -> tuple[int, Address]:
        return self.terms.chain_id, self.found.sender

    @property
    def source(self) -> Wallet:
        wallet = self.law.wallet_at(self.terms.chain_id, self.found.sender)
        assert wallet is not None, "a wallet that is not ours has signed"
        return wallet

    @property
    def destination(self) -> Wallet | None:
        return self.law.wallet_at(self.terms.chain_id, self.found.destination)

    @property
    def asset(self) -> Asset:
        asset = self.law.asset_at(self.terms.chain_id, self.found.asset)
        assert asset is not None, "an asset that is not in the law was moved"
        return asset

    def pool_of(self, wallet: Wallet | None) -> Pool:
        pool = self.law.pool_of(wallet.name) if wallet else None
        assert pool is not None, f"{wallet} is in no pool"
        return pool


@dataclass
class Judge:
    """Hears every answer; an assertion that fails is a theft."""

    crowd: Crowd
    accounts: dict[object, Account] = field(default_factory=lambda: defaultdict(Account))
    seen: set[bytes] = field(default_factory=set)
    nonces: dict[bytes, tuple[int, Address, int]] = field(default_factory=dict)
    exposing: dict[object, object] = field(default_factory=dict)
    first_paid: dict[tuple[int, Address], Span] = field(default_factory=dict)
    waiting: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def asked(self, order_id: bytes, earliest: int) -> None:
        """Remember since when an answer about an order may exist."""
        self.crowd.event += 1
        self.waiting.setdefault(order_id, (earliest, self.crowd.event))

    def heard(self, order_id: bytes, terms: TransferTerms, answer: Answer | None, now: int) -> None:
        """Judge one answer; a lost one is judged when its bytes come to light."""
        if answer is None:
            self.counts["lost"] += 1
            return
        earliest, asked = self.waiting.pop(order_id, (now, self.crowd.event))
        self.counts[answer.result.value] += 1
        self.counts[f"{terms.purpose.value}: {answer.result.value}"] += 1
        self.counts.update(f"refused: {reason.code}" for reason in answer.reasons)
        if answer.result is Result.SIGNED:
            self.saw(order_id, terms, answer.body, span=(earliest, now), asked=asked)

    def saw(
        self, order_id: bytes, terms: TransferTerms, body: Body, *, span: Span, asked: int
    ) -> None:
        """Judge the bytes of one attempt, once."""
        found = read_back(blob(body, "raw"))
        if found.hash in self.seen:
            return
        self.seen.add(found.hash)
        kind = str(body["kind"])
        self.counts[f"signed: {terms.purpose.value} {kind}"] += 1
        law = self.crowd.law_at(span)
        case = Case(order_id=order_id, terms=terms, found=found, span=span, asked=asked, law=law)
        self._judge_shape(case, kind)
        if kind != "cancel":
            self._judge_movement(case, is_first=kind == "original")
        if kind == "original":
            self._judge_words(case)

    def _judge_shape(self, case: Case, kind: str) -> None:
        """Bytes say what the terms say, at no higher fee, on the order's own nonce."""
        terms, found, transaction = case.terms, case.found, case.found.transaction
        moved = (found.asset, found.destination, found.amount)
        meant = (terms.asset, terms.destination, terms.amount)
        assert moved == ((NATIVE, terms.source, 0) if kind == "cancel" else meant)
        assert (terms.chain_id, terms.source) == (transaction.chain_id, found.sender)
        chain = case.law.chain_by_id(terms.chain_id)
        assert chain is not None
        fee = transaction.gas_limit * transaction.max_fee_per_gas
        assert fee <= terms.max_fee <= chain.fee_ceiling
        place = (terms.chain_id, terms.source, transaction.nonce)
        assert place == self.nonces.setdefault(case.order_id, place)

    def _judge_words(self, case: Case) -> None:
        """What people read is what moves, something moves, and a maker has signed."""
        terms, laws = case.terms, self.crowd.laws_in(case.span)
        assert terms.amount > 0, "nothing was moved, at a fee"
        assert terms.what in {describe_transfer(terms, law) for law in laws}, "other words"
        makers = {NATIVE, *(address_of(name) for name in self.crowd.shown[case.order_id])}
        assert terms.maker in makers, "a maker was named who had not signed"

    def _judge_movement(self, case: Case, *, is_first: bool) -> None:
        assert not self.crowd.vetoed_before(case.order_id, case.asked), "vetoed, and signed"
        judge = self._judges()[case.source.role]
        if (
            case.source.role is Role.HOT
            and case.destination
            and case.destination.role is Role.VAULT
        ):
            self._judge_home(case, is_first=is_first)
            return
        assert case.source.custody is Custody.EXCLUSIVE, "shared custody, and exposed"
        assert not self.crowd.frozen_before(case.asked), "frozen, and exposed"
        place = (*case.place, case.found.transaction.nonce)
        movement = (case.found.destination, case.found.asset, case.found.amount)
        assert movement == self.exposing.setdefault(place, movement), "two exposing orders"
        # Only the sponsor's gas may reach an isolated wallet, within the sponsor's own limits.
        is_gas = case.source.role is Role.GAS_SPONSOR
        for wallet in (case.source, None if is_gas else case.destination):
            if wallet is not None:
                assert not self.crowd.isolated_before(wallet.name, case.asked), "isolated"
        if is_first:
            assert case.span[0] < case.terms.expires_at, "expired, and signed"
            digests = {law_digest(law) for law in self.crowd.laws_in(case.span)}
            assert case.terms.law_digest in digests, "signed under another law"
            judge(case)

    def _judges(self) -> Mapping[Role, Callable[[Case], None]]:
        return {
            Role.VAULT: self._judge_refill,
            Role.GAS_SPONSOR: self._judge_top_up,
            Role.HOT: self._judge_withdrawal,
        }

    def _add(self, key: object, case: Case, amount: int, window_s: int) -> int:
        """Count an amount; return what surely lies in the window that ends with it."""
        return self.accounts[key].add(case.span, amount, window_s)

    def _judge_refill(self, case: Case) -> None:
        """Vault money goes to a hot wallet of its pool, within its cap, by enough people."""
        terms, symbol = case.terms, case.asset.symbol
        pool = case.pool_of(case.destination)
        rule, band = pool.refills[symbol], pool.bands[symbol]
        assert case.source.name == pool.vault
        key = ("refill", terms.chain_id, terms.destination, terms.asset)
        window = self._add(key, case, terms.amount, rule.window_s)
        assert window <= band.cap, "more than the cap was refilled"
        ordinary = _tier_for(rule.tiers, window)
        tier = self._emergency(case, rule, window) or ordinary
        people = self.crowd.approved(case.order_id, terms, case.span)
        assert len(people) >= tier.approvals, "vault money moved without a quorum"
        shown = self.crowd.shown_since(case.order_id, tier.approvals)
        assert shown is not None, "no quorum was ever shown to the signer"
        assert case.span[1] >= shown + tier.time_lock_s, "before the time-lock ended"
        if case.span[1] < shown + ordinary.time_lock_s:
            self.counts["signed: refill that only an emergency allows"] += 1

    def _emergency(self, case: Case, rule: RefillRule, window: int) -> Tier | None:
        """Return the tier of a wallet that stands in for an isolated one, if it may be meant."""
        tier, wallet = rule.emergency, case.destination
        if tier is None or tier.up_to is None or wallet is None or window > tier.up_to:
            return None
        pool = case.pool_of(wallet)
        return tier if self.crowd.may_have_taken_over(wallet.name, pool, case.asked) else None

    def _judge_top_up(self, case: Case) -> None:
        terms = case.terms
        rule = case.law.top_up(case.source.chain)
        assert rule is not None
        assert case.destination is not None
        assert terms.asset == NATIVE
        assert terms.amount <= rule.ceiling
        spent = self._add(("top-up", case.place), case, terms.amount + terms.max_fee, rule.window_s)
        assert spent <= rule.window_amount, "more gas than the window grants"

    def _judge_withdrawal(self, case: Case) -> None:
        """Hot money goes to outsiders inside the limits of wallet, asset and newcomers."""
        terms, pool = case.terms, case.pool_of(case.source)
        rule = pool.withdrawals[case.asset.symbol]
        assert case.destination is None
        if case.asked > self.crowd.activated:
            assert case.source.name in self.crowd.may_be_active[pool.name], "not the active wallet"
        here = [asset.address for asset in case.law.assets if asset.chain == pool.chain]
        assert terms.destination not in {NATIVE, *here}
        assert terms.amount <= rule.per_transfer
        if rule.hold_above is not None and terms.amount > rule.hold_above:
            assert self.crowd.approved(case.order_id, terms, case.span), "held, and unapproved"
        spent = self._add(("out", case.place, terms.asset), case, terms.amount, rule.window_s)
        assert spent <= rule.window_amount, "more than the window grants"
        assert self._add(("count", case.place), case, 1, rule.window_s) <= rule.window_count
        native = pool.withdrawals["ETH"]
        cost = terms.max_fee + (terms.amount if terms.asset == NATIVE else 0)
        cost = self._add(("cost", case.place), case, cost, native.window_s)
        assert cost <= native.window_amount, "with fees, more than the window grants"
        recipient = (terms.chain_id, terms.destination)
        first = self.first_paid.setdefault(recipient, case.span)
        if first[0] > case.span[1] - rule.window_s:
            key = ("new", case.place, terms.asset)
            new = self._add(key, case, terms.amount, rule.window_s)
            assert new <= rule.first_use_amount, "more to newcomers than their window grants"

    def _judge_home(self, case: Case, *, is_first: bool) -> None:
        """What goes home may only burn a bounded sum of fees, and leaves by evacuation."""
        assert case.destination is not None
        assert case.destination.name == case.pool_of(case.source).vault
        if self.crowd.isolated_before(case.source.name, case.asked):
            assert case.terms.purpose is Purpose.EVACUATION
        if case.terms.purpose is Purpose.EVACUATION:
            assert case.source.name in self.crowd.ever_isolated, "a healthy wallet was evacuated"
        chain = case.law.chain_by_id(case.terms.chain_id)
        assert chain is not None
        if is_first:
            burnt = self._add(("home", case.place), case, case.terms.max_fee, DAY_S)
            assert burnt <= SAFETY_FEES * chain.fee_ceiling, "fees were burnt on the way home"

    def judge_proof(self, answer: Answer | None, wanted: bytes) -> None:
        """A proof in a fixed domain must never be a signature of a digest that the thief chose."""
        if answer is None or answer.result is not Result.SIGNED:
            return
        low = _low_s(blob(answer.body, "signature"))
        for parity in (0, 1):
            with contextlib.suppress(BadSignatureError):
                signer = recover_address(wanted, low + bytes([parity]))
                ours = {wallet.address for _, law in self.crowd.laws for wallet in law.wallets}
                assert signer not in ours, "the thief had its own hash signed"

    def judge_nonces(self, orders: Mapping[tuple[int, Address, int], set[Purpose]]) -> None:
        """Nonces follow each other: after a gap comes only what may claim one."""
        last: dict[tuple[int, Address], int] = {}
        for chain_id, sender, nonce in sorted(orders):
            expected = last.get((chain_id, sender), -1) + 1
            jumps = Purpose.EVACUATION in orders[chain_id, sender, nonce]
            jumps |= (chain_id, sender) == SHARED
            assert nonce == expected or jumps, f"{sender} kept nonce {expected} for later"
            last[chain_id, sender] = nonce

    def vault_moved(self) -> Mapping[str, int]:
        """Return what left the vaults, by asset, for the report."""
        moved: Counter[str] = Counter()
        for key, account in self.accounts.items():
            if isinstance(key, tuple) and key[0] == "refill":
                moved[str(key[3])] += account.total
        return moved


def _tier_for(tiers: Sequence[Tier], window: int) -> Tier:
    return next(t for t in tiers if t.up_to is None or window <= t.up_to)


def _low_s(signature: bytes) -> bytes:
    s = int.from_bytes(signature[32:64], "big")
    return signature[:32] + min(s, SECP256K1_N - s).to_bytes(32, "big")
