"""The judge: after every step of a run it asks whether the promises are kept.

The truth is taken from where it cannot be talked over: what is mined in the fake chain, what the
signer's book holds as signed bytes, what people really signed, and the journal's own bytes.

I1  at most one mined payment per order, and per payout that a service asked for
I2  at most one exposing order per chain, address and nonce
I3  nothing leaves the vault without a quorum over exactly these terms, or against a veto
I4  windows hold at every signature
I5  a wallet that is isolated signs only evacuations and cancels, and receives nothing but gas
I6  the journal verifies, and every head that was ever seen is still part of it
I7  no gap in the nonces that the book assigned
I8  when faults stop, everything comes to an end          (`play.settle`)
I9  once a newer daemon has spoken, the signer gives an older one nothing
I10 no refill is proposed or released toward a wallet with an unexplained drop
I11 assets are conserved, and in the end the ledger explains every balance to the wei
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from hsm.book import law as book_law
from hsm.wire.answers import AttemptKind
from hsm.wire.message import Answer, Body, Result
from policies.consent import transfer_digest, transfer_from_json
from policies.lifecycles import Owner, TransferState, WithdrawalState
from policies.terms import NATIVE, Address, Purpose, TransferTerms
from tests.fakes.transaction import DecodedTransaction, decode_transaction
from tests.laws import ETH, USDC, address_of
from tests.simulation.people import People
from tests.simulation.world import CHAIN_ID, FUNDS, USD_COIN, WALLETS, SimulatedWorld
from treasury.ledger import journal
from treasury.ledger.facts import Entry, Withdrawal
from treasury.ledger.queries import refills, requests, transfers, watch

_NAME_OF = {address_of(name): name for name in WALLETS}
_VAULT = address_of("vault")
_DAY, _HOUR = 86_400, 3_600
_CAPS = {NATIVE: 100 * ETH, USD_COIN: 100_000 * USDC}
_TIER = 50 * ETH
_PAYOUT_HELD_ABOVE = 4 * ETH
_PAYOUT_WINDOW = 20 * ETH
_PAYOUT_NEW = 8 * ETH
_CAUSES = (
    *("key_stolen", "vault_key_stolen", "tokens_drained", "delegated_by_7702"),
    *("person_isolates", "chain_takes_back_what_is_final"),
    *("copied_back_older", "restored_older"),
)
"""Some wallet is isolated only after one of these. A ledger that was put back misses payments that
it had known, until it has read them in the signer's book."""


class Violation(AssertionError):  # noqa: N818 - what it is called
    """A promise was broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signed attempt, as the signer's book holds it."""

    order_id: str
    terms: TransferTerms
    nonce: int
    number: int
    kind: AttemptKind
    at: int
    transaction: DecodedTransaction


class Judge:
    """Looks on; raises `Violation`."""

    def __init__(self, world: SimulatedWorld, people: People) -> None:
        """Take the first look."""
        self.world = world
        self.people = people
        self.signatures: dict[str, Signature] = {}
        self.edges: set[str] = set()
        self._seen: set[tuple[bytes, int]] = set()
        self._signed_orders: set[str] = set()
        self._vetoed: set[str] = set()
        self._vetoed_before: set[str] = set()
        self._isolated_before: set[str] = set()
        self._newest_epoch = 0
        self._heads: list[str] = [journal.GENESIS]
        self._accepted: dict[Address, int] = {}
        self._forgotten: dict[tuple[Address, Address], int] = {}
        self._coins = {asset: world.sea.everything(asset) for asset in (NATIVE, USD_COIN)}
        world.signer.on_answer = self._hear

    def look(self) -> None:
        """Judge everything that the last step did."""
        for entry in self._new_entries():
            self._judge_entry(entry)
        for signature in self._new_signatures():
            self._judge_signature(signature)
        self._judge_chain()
        self._judge_nonces()
        self._judge_coins()
        marks = book_law.marks(self.world.room.book)
        self._isolated_before = set(marks)
        self._vetoed_before = self._vetoed | set(self.people.vetoed)

    def forgive_restore(self, lines: int) -> None:
        """Go on from line `lines` of a restored ledger: a former state of this one ends there."""
        with self.world.ledger.read() as session:
            last = journal.tail(session, after=lines - 1, limit=1)
            anchors = watch.anchors(session, CHAIN_ID)
        self._require(lines < len(self._heads), "I6", "the copy is longer than its original")
        same = not last or last[0].hash == self._heads[lines]
        self._require(same, "I6", "the copy is not a former state of the ledger")
        del self._heads[lines + 1 :]
        # What a copy from before the first look has never seen, nobody can miss.
        for theft in self.world.sea.standing_thefts():
            if (theft.victim, theft.asset) not in anchors:
                self._forgotten[theft.victim, theft.asset] = theft.block.number

    def _hear(self, verb: str, body: Body, answer: Answer) -> None:
        if "epoch" in body:
            epoch = int(str(body["epoch"]))
            is_old = epoch < self._newest_epoch
            text = f"{verb} of epoch {epoch} was {answer.result.value} after {self._newest_epoch}"
            self._require(not is_old or answer.result is Result.REFUSED, "I9", text)
            self._newest_epoch = max(epoch, self._newest_epoch)
        if verb == "motion" and answer.result is Result.OK and _kind_of(body) == "resume":
            # A quorum resumed: whoever speaks next is listened to, and fences the older ones anew.
            self._newest_epoch = 0
        if verb == "veto" and answer.result is Result.OK:
            self._vetoed.add(str(body["digest"]))

    # --- the journal ---

    def _new_entries(self) -> list[Entry]:
        seen = len(self._heads) - 1
        with self.world.ledger.read() as session:
            last = journal.head(session)
            entries = journal.tail(session, after=seen, limit=10_000)
        self._require((last.seq if last else 0) >= seen, "I6", "journal lines are gone")
        for entry in entries:
            self._require(entry.prev == self._heads[-1], "I6", f"line {entry.seq} has no parent")
            self._require(entry.hash == _hash_of(entry), "I6", f"line {entry.seq} does not verify")
            self._heads.append(entry.hash)
        return list(entries)

    def _judge_entry(self, entry: Entry) -> None:
        body = json.loads(entry.body)
        self.world.dice.note(f"{entry.seq} {entry.kind} {entry.hash}")
        if "to" in body:
            kind = entry.subject.split(":")[0]
            self.edges.add(f"{kind}: {body.get('from', 'none')} -> {body['to']}")
        else:
            self.edges.add(entry.kind)
        is_for_nothing = body.get("to") == "ISOLATED" and not self._has_cause()
        self._require(not is_for_nothing, "I5", f"{entry.subject} was isolated, and lost nothing")
        # A quorum that lifts a freeze, or reinstates a wallet, accepts what was lost until then.
        is_reinstated = (entry.kind, body.get("from")) == ("wallet_standby", "ISOLATED")
        if entry.kind == "wallet_unfrozen" or is_reinstated:
            name = entry.subject.removeprefix("wallet:")
            self._accepted[address_of(name)] = self.world.sea._blocks[-1].stamp.number
        # What a person proposes is the person's judgement; it is not released all the same.
        by_person = entry.kind == "refill_proposed" and entry.actor == Owner.API
        if entry.kind in ("refill_proposed", "refill_released") and not by_person:
            self._judge_refill(entry, int(entry.subject.removeprefix("refill:")))

    def _has_cause(self) -> bool:
        """Say whether anything that isolates a wallet happened so far; a liar's word is none."""
        return any(self.world.dice.seen[cause] for cause in _CAUSES)

    def _judge_refill(self, entry: Entry, number: int) -> None:
        with self.world.ledger.read() as session:
            newest = watch.newest(session, CHAIN_ID)
            refill = refills.refill(session, number)
        assert refill is not None, "its journal line was just read"
        if refill.order_id in self._signed_orders:
            return  # not released now, but found in the signer's book by a ledger that had lost it
        wallet = refill.terms.destination
        self._require(newest is not None, "I10", f"{entry.kind} without any look")
        assert newest is not None
        # A look at a block that a reorg has replaced since shows no theft of the other branch.
        head, blocks = newest[1].stamp, self.world.sea._blocks
        stands = head.number < len(blocks) and blocks[head.number].stamp == head
        for theft in self.world.sea.standing_thefts():
            is_seen = stands and theft.block.number <= head.number
            is_accepted = theft.block.number <= max(
                self._accepted.get(wallet, -1),
                self._forgotten.get((theft.victim, theft.asset), -1),
            )
            is_hidden = self.world.sea.is_covered(theft)
            if theft.victim == wallet and is_seen and not is_accepted and not is_hidden:
                self._fail("I10", f"{entry.kind} {number} toward a wallet that was robbed")

    # --- the signer's book ---

    def _new_signatures(self) -> list[Signature]:
        rows = self.world.room.book.connection.execute(
            "SELECT a.order_id, a.attempt, a.kind, a.raw, a.at, o.terms, o.nonce"
            " FROM attempts a JOIN orders o USING (order_id) WHERE a.raw IS NOT NULL"
        ).fetchall()
        fresh = [row for row in rows if (row[0], row[1]) not in self._seen]
        found = []
        for order_id, number, kind, raw, at, terms, nonce in fresh:
            self._seen.add((order_id, number))
            signature = Signature(
                order_id="0x" + order_id.hex(),
                terms=transfer_from_json(json.loads(terms)),
                nonce=nonce,
                number=number,
                kind=AttemptKind(kind),
                at=at,
                transaction=decode_transaction(raw),
            )
            self.signatures[signature.transaction.hash] = signature
            self._signed_orders.add(signature.order_id)
            found.append(signature)
        return sorted(found, key=lambda s: (s.at, s.nonce, s.number))

    def _judge_signature(self, signature: Signature) -> None:
        terms, sent = signature.terms, signature.transaction
        digest = "0x" + transfer_digest(terms, self.world.world.deployment).hex()
        self._require(digest == signature.order_id, "I3", "the id is not the digest of the terms")
        self._require(sent.sender == terms.source, "I3", "another key signed")
        self._require(sent.nonce == signature.nonce, "I2", "another nonce was signed")
        self._require(sent.gas_limit * sent.max_fee <= terms.max_fee, "I3", "dearer than agreed")
        self.world.dice.seen[f"signed_{signature.kind.value}"] += 1
        self.world.dice.seen[f"signed_{terms.purpose.value}"] += 1
        if signature.kind is AttemptKind.CANCEL:
            moves_nothing = (sent.to, sent.value, sent.data) == (terms.source, 0, b"")
            self._require(moves_nothing, "I2", "a cancel moves something")
            return
        same = (sent.payee, sent.asset, sent.amount) == (
            terms.destination,
            terms.asset,
            terms.amount,
        )
        self._require(same, "I3", "the bytes are not what was agreed")
        self._judge_isolation(signature)
        self._judge_consent(signature)
        if signature.kind is AttemptKind.ORIGINAL:
            self._judge_windows(signature)

    def _judge_isolation(self, signature: Signature) -> None:
        terms = signature.terms
        # The sponsor alone may bring gas: without it an isolated wallet's tokens stay there.
        is_gas = terms.purpose is Purpose.TOP_UP
        ends = set() if is_gas else {_NAME_OF.get(terms.destination)}
        if terms.purpose is not Purpose.EVACUATION:
            ends.add(_NAME_OF.get(terms.source))
        cut = ends & self._isolated_before
        self._require(not cut, "I5", f"{terms.what!r} was signed, yet {cut} is isolated")

    def _judge_consent(self, signature: Signature) -> None:
        terms, order_id = signature.terms, signature.order_id
        self._require(order_id not in self._vetoed_before, "I3", "signed against a veto")
        needed, lock = self._consent_needed(signature)
        given = {
            name: at
            for name, at in self.people.approved[order_id].items()
            if address_of(name) != terms.maker
        }
        self._require(len(given) >= needed, "I3", f"{len(given)} of {needed} agreed: {terms.what}")
        if needed:
            quorum_at = sorted(given.values())[needed - 1]
            self._require(signature.at >= quorum_at + lock, "I3", "signed before the time-lock")

    def _consent_needed(self, signature: Signature) -> tuple[int, int]:
        terms = signature.terms
        if terms.purpose is Purpose.WITHDRAWAL:
            return (2 if terms.amount > _PAYOUT_HELD_ABOVE else 0), 0
        if terms.source != _VAULT:
            return 0, 0
        if terms.asset != NATIVE:
            return 2, 0
        return (3, 60) if self._refilled(signature) > _TIER else (2, 0)

    def _first_signatures(self, purpose: Purpose, since: int) -> list[Signature]:
        return [
            s
            for s in self.signatures.values()
            if s.number == 1 and s.at > since and s.terms.purpose is purpose
        ]

    def _refilled(self, signature: Signature) -> int:
        terms = signature.terms
        first = next(
            s.at
            for s in self.signatures.values()
            if s.order_id == signature.order_id and s.number == 1
        )
        return sum(
            s.terms.amount
            for s in self._first_signatures(Purpose.REFILL, first - _DAY)
            if (s.terms.destination, s.terms.asset) == (terms.destination, terms.asset)
            and (s.at, s.nonce) <= (first, signature.nonce)
        )

    def _judge_windows(self, signature: Signature) -> None:
        terms = signature.terms
        if terms.purpose is Purpose.REFILL:
            total = self._refilled(signature)
            self._require(total <= _CAPS[terms.asset], "I4", f"refills of {total} in a day")
        if terms.purpose is not Purpose.WITHDRAWAL:
            return
        recent = [
            s
            for s in self._first_signatures(Purpose.WITHDRAWAL, signature.at - _HOUR)
            if s.terms.source == terms.source
        ]
        total = sum(s.terms.amount + s.terms.max_fee for s in recent)
        self._require(terms.amount <= 5 * ETH, "I4", "a payout is too large")
        self._require(total <= _PAYOUT_WINDOW, "I4", f"payouts of {total} in an hour")
        first: dict[Address, int] = {}
        for s in self.signatures.values():
            first[s.terms.destination] = min(s.at, first.get(s.terms.destination, s.at))
        new = sum(
            s.terms.amount for s in recent if first[s.terms.destination] > signature.at - _HOUR
        )
        self._require(new <= _PAYOUT_NEW, "I4", f"{new} to new recipients in an hour")

    # --- the chain ---

    def _judge_chain(self) -> None:
        payments: Counter[str] = Counter()
        for signature in self._paid():
            payments[signature.order_id] += 1
            if signature.terms.purpose is Purpose.WITHDRAWAL:
                # All orders of one payout have salts of one series, and no other payout has.
                payments[f"payout {signature.terms.salt[:-1].hex()}"] += 1
        for what, count in payments.items():
            self._require(count == 1, "I1", f"{what} was paid {count} times")
        asked: Counter[Address] = Counter()
        for body in self.people.payouts.values():
            asked[Address(body.destination)] += int(body.amount)
        for destination, most in asked.items():
            paid = self.world.sea.balance(destination)
            self._require(paid <= most, "I1", f"{destination} got {paid}, asked were {most}")

    def _paid(self) -> Iterator[Signature]:
        """Yield what is mined, succeeded, and is no cancel."""
        for block in self.world.sea._blocks:
            for mined in block.transactions:
                signature = self.signatures.get(mined.hash)
                if signature is None:
                    self._fail("I2", f"{mined.hash} is mined, yet the book does not know it")
                is_cancel = signature.kind is AttemptKind.CANCEL
                if not is_cancel and block.receipts[mined.hash].succeeded:
                    yield signature

    def _waiting_evacuations(self) -> Counter[Address]:
        """Count the evacuations that have no nonce yet, by the wallet that they leave."""
        with self.world.ledger.read() as session:
            queued = transfers.of_purpose(
                session, CHAIN_ID, Purpose.EVACUATION, TransferState.QUEUED
            )
        return Counter(transfer.source for transfer in queued)

    def _judge_nonces(self) -> None:
        taken: dict[Address, list[int]] = defaultdict(list)
        evacuated: dict[Address, set[int]] = defaultdict(set)
        for source, nonce, purpose in self.world.room.book.connection.execute(
            "SELECT source, nonce, purpose FROM orders WHERE nonce IS NOT NULL ORDER BY nonce"
        ):
            if purpose == Purpose.EVACUATION.value:
                evacuated[source].add(nonce)
            else:
                taken[source].append(nonce)
        foreign = self.world.sea.struck
        waiting = self._waiting_evacuations()
        for source in {*taken, *evacuated}:
            nonces, name = taken[source], _NAME_OF[source]
            self._require(len(set(nonces)) == len(nonces), "I2", f"{name} has twins {nonces}")
            filled = {*nonces, *evacuated[source]}
            holes = set(range(max(filled) + 1)) - filled
            # Only a foreign signature with the same key explains a nonce that is not in the book,
            # or an evacuation whose token did not answer: it takes the gap at its next try.
            self._require(
                len(holes) <= foreign[source] + waiting[source],
                "I7",
                f"{name} has gaps at {sorted(holes)}",
            )

    def _judge_coins(self) -> None:
        for asset, coins in self._coins.items():
            now = self.world.sea.everything(asset)
            self._require(now == coins, "I11", f"{now - coins} of {asset} came from nowhere")

    # --- the end ---

    def judge_end(self) -> None:
        """Require that every payout tells what became of it, and the ledger explains each wei."""
        sea = self.world.sea
        expected = Counter({(address_of(n), a): v for (n, a), v in FUNDS.items() if n in WALLETS})
        for theft in sea.standing_thefts():
            expected[theft.victim, theft.asset] -= theft.amount
            expected[theft.payee, theft.asset] += theft.amount
        with self.world.ledger.read() as session:
            settled = transfers.in_states(session, CHAIN_ID, *TransferState)
            payouts = requests.withdrawals_in(session, CHAIN_ID, *WithdrawalState)
            verified = journal.verify(session)
        self._require(verified.ok, "I6", verified.why)
        self._judge_payouts(payouts)
        for transfer in settled:
            if transfer.settled_fee is not None:
                expected[transfer.source, NATIVE] -= transfer.settled_fee
            if transfer.state is TransferState.CONFIRMED:
                expected[transfer.source, transfer.asset] -= transfer.amount
                expected[transfer.destination, transfer.asset] += transfer.amount
        for (address, asset), amount in expected.items():
            if address in _NAME_OF:
                there = sea.balance(address, asset)
                text = f"{_NAME_OF[address]} holds {there} of {asset}, the ledger says {amount}"
                self._require(there == amount, "I11", text)
        self.world.room.book.verify()

    def judge_broken_end(self) -> None:
        """Require what holds whatever a chain takes back: both books, and no payout twice."""
        with self.world.ledger.read() as session:
            payouts = requests.withdrawals_in(session, CHAIN_ID, *WithdrawalState)
            verified = journal.verify(session)
        self._require(verified.ok, "I6", verified.why)
        self.world.room.book.verify()
        asked: Counter[Address] = Counter()
        for payout in payouts:
            asked[payout.destination] += payout.amount
        for destination, amount in asked.items():
            paid = self.world.sea.balance(destination)
            text = f"{destination} got {paid}, all its payouts together are {amount}"
            self._require(paid <= amount, "I1", text)

    def _judge_payouts(self, payouts: Sequence[Withdrawal]) -> None:
        due: Counter[Address] = Counter()
        for payout in payouts:
            is_paid = payout.state is WithdrawalState.PAID
            due[payout.destination] += payout.amount if is_paid else 0
        for destination, amount in due.items():
            paid = self.world.sea.balance(destination)
            text = f"{destination} got {paid}, its payouts say {amount}"
            self._require(paid == amount, "I1", text)

    def _require(self, holds: bool, promise: str, text: str) -> None:
        if not holds:
            self._fail(promise, text)

    def _fail(self, promise: str, text: str) -> NoReturn:
        raise Violation(f"{promise}: {text}")


def _hash_of(entry: Entry) -> str:
    fields = {
        "actor": entry.actor,
        "at": entry.at,
        "body": entry.body,
        "book_head": entry.book_head,
        "book_seq": entry.book_seq,
        "kind": entry.kind,
        "seq": entry.seq,
        "subject": entry.subject,
    }
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return "0x" + hashlib.sha256(bytes.fromhex(entry.prev[2:]) + text.encode()).hexdigest()


def _kind_of(motion: Body) -> object:
    terms = motion["motion"]
    assert isinstance(terms, Mapping)
    return terms["kind"]
