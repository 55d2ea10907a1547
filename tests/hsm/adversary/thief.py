"""A stolen daemon: may ask the signer anything, keeps all that it ever saw, and tries its best.

Each act is one kind of attack; `act` draws one. Everything signed goes to the judge. The thief is
the daemon, so a forged row of its database or an answer of a lying node is nothing to the signer
but one more order: what could be written there is asked here.
"""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Sequence

from hsm.wire.answers import Fees
from hsm.wire.fields import to_hex
from hsm.wire.message import Answer, Body, Json, Result
from hsm.wire.reading import fees_to_json
from policies.consent import describe_transfer, terms_to_json, transfer_digest
from policies.crypto import SECP256K1_N, address_bytes, checksum_address
from policies.law import law_digest
from policies.terms import NATIVE, Address, Purpose, TransferTerms
from tests.hsm.adversary.judge import Judge
from tests.hsm.adversary.laws_of_two_chains import CHAINS, OTHER_TOKEN
from tests.hsm.adversary.line import Line
from tests.laws import ETH, TOKEN, USDC, address_of

NAMES = ("vault", "hot-a", "hot-b", "sponsor")
TOKENS = {31337: TOKEN, 31338: OTHER_TOKEN}
GAS = 21_000
MOST_KEPT = 400
POOLS = {"hot-a": "main", "hot-b": "main", "hot-a-2": "second", "hot-b-2": "second"}
_ENDS = {
    Purpose.REFILL: ("vault", "hot-a", 40 * ETH),
    Purpose.SWEEP: ("hot-a", "vault", 30 * ETH),
    Purpose.EVACUATION: ("hot-a", "vault", 30 * ETH),
    Purpose.WITHDRAWAL: ("hot-a", "thief", 2 * ETH),
    Purpose.TOP_UP: ("sponsor", "hot-a", ETH // 10),
}


class Thief:
    """Asks at random, with everything that it ever saw."""

    def __init__(self, line: Line, judge: Judge, *, deployment: bytes, seed: int) -> None:
        """Begin with nothing but the socket."""
        self.line, self.judge, self.crowd = line, judge, judge.crowd
        self.deployment = deployment
        self.dice = random.Random(seed)
        self.orders: list[TransferTerms] = []
        self.signed: list[TransferTerms] = []
        self.approvals: list[bytes] = []
        self.ahead: list[TransferTerms] = []
        self.motions: list[tuple[str, Body]] = []
        self.epoch = 1
        self.acts: Counter[str] = Counter()

    def act(self) -> None:
        """Do one thing."""
        act = self.dice.choices(_ACTS, weights=_WEIGHTS)[0]
        self.acts[act.__name__] += 1
        act(self)
        self.line.recover()
        self.line.pass_time(self.dice)

    def id_of(self, terms: TransferTerms) -> bytes:
        """Return the order id of terms."""
        return transfer_digest(terms, self.deployment)

    def order(self, purpose: Purpose, **changes: object) -> TransferTerms:
        """Return terms that look right, with changes; the sentence fits them."""
        source, destination, amount = _ENDS[purpose]
        law = self.crowd.law_at(self.line.span())
        now, life = self.line.span()[1], law.pools[0].refills["ETH"].expiry_s
        values: dict[str, object] = {
            "what": "?",
            "purpose": purpose,
            "salt": self.dice.randbytes(16),
            "chain_id": self.dice.choice(list(CHAINS)),
            "asset": NATIVE,
            "source": address_of(source),
            "destination": address_of(destination),
            "amount": amount,
            "max_fee": ETH // 100,
            "maker": NATIVE,
            "proposed_at": now,
            "expires_at": now + self.dice.choice([life // 10, life, life]),
            "law_digest": law_digest(law),
        }
        terms = TransferTerms(**{**values, **changes})  # type: ignore[arg-type]
        return dataclasses.replace(terms, what=describe_transfer(terms, law))

    def keep(self, terms: TransferTerms) -> TransferTerms:
        """Remember an order for later, and forget the oldest."""
        self.orders.append(terms)
        del self.orders[:-MOST_KEPT]
        return terms

    def ask(self) -> None:
        """Ask for a new order, often a bad one, with old approvals."""
        self.sign(self.keep(self._invent()))

    def replay(self) -> None:
        """Ask for an old order again, often with one bit or field changed."""
        if self.orders:
            terms = self.dice.choice(self.orders)
            self.sign(self.keep(self._bent(terms)) if self.dice.random() < 0.6 else terms)

    def collect_ahead(self) -> None:
        """Use all refills together that were approved ahead of time; what must wait is kept."""
        ready, self.ahead = self.ahead[-12:], []
        if ready:
            answers = self.sign(*ready)
            asked = zip(ready, answers, strict=True)
            self.ahead = [t for t, a in asked if a is None or a.result is Result.NOT_READY]

    def hurry(self) -> None:
        """Cut off the wallet that stands by: refills of the active one may then wait less."""
        self.isolate(self.dice.choice(["hot-b", "hot-b-2"]))
        self.collect_ahead()

    def replace(self) -> None:
        """Bump or cancel old orders, up to the last wei of their fee and past it."""
        known = self.signed if self.dice.random() < 0.8 else self.orders
        if not known:
            return
        terms = self.dice.choice(known)
        bodies = []
        for _ in range(self.dice.choice([1, 1, 3])):
            fees = fees_to_json(self._fees(terms))
            body: Body = {"orderId": to_hex(self.id_of(terms)), "fees": fees, **self._epoch()}
            bodies.append((self.dice.choice(["bump", "bump", "cancel"]), body))
        self._send([terms] * len(bodies), bodies)

    def probe_window(self) -> None:
        """Ask for exactly what a window has left, and at once for more."""
        status = self.line.ask([("status", {})])[0]
        windows = status.body["windows"] if status else {}
        assert isinstance(windows, dict)
        for name, left in windows.items():
            kind, wallet, symbol = str(name).split()
            if kind == "withdrawal":
                self._probe(wallet, symbol, int(str(left)))

    def _probe(self, wallet: str, symbol: str, left: int) -> None:
        chain_id = 31338 if wallet.endswith("-2") else 31337
        asset = NATIVE if symbol == "ETH" else TOKENS[chain_id]
        fee, unit = 42 * 10**12, ETH if symbol == "ETH" else 1000 * USDC
        most = min(left - fee * (asset == NATIVE), 4 * unit)
        chosen = []
        for amount in (most, most + 1, 1):
            if amount > 0:
                changes = {"chain_id": chain_id, "asset": asset, "amount": amount, "max_fee": fee}
                source = address_of(wallet.removesuffix("-2"))
                to = address_of(self.dice.choice(["thief", f"mule-{self.dice.randrange(9)}"]))
                terms = self.order(Purpose.WITHDRAWAL, source=source, destination=to, **changes)
                chosen.append(self.keep(terms))
        self.sign(*chosen)

    def burn_fees(self) -> None:
        """Sweep a wei at the dearest fee, more often than a day's fees allow."""
        source, chain_id = address_of(self.dice.choice(NAMES[1:3])), self.dice.choice(list(CHAINS))
        changes = {"amount": 1, "source": source, "chain_id": chain_id}
        for _ in range(9):
            self.sign(*(self.order(Purpose.SWEEP, **changes) for _ in range(25)))

    def merge(self) -> None:
        """Put approvals of several orders, their twins and copies under one order."""
        if self.approvals:
            some = [self.dice.choice(self.approvals) for _ in range(4)]
            twins = [_high_s(some[0]), some[1][:64] + bytes([some[1][64] - 27]), some[2], some[2]]
            terms = self._invent(self.dice.choice([Purpose.REFILL, Purpose.WITHDRAWAL]))
            self.sign(self.keep(terms), approvals=some + twins)

    def claim(self) -> None:
        """Claim nonces, for wallets where that is heard and for others."""
        terms = self._invent(self.dice.choice([Purpose.EVACUATION, *Purpose]))
        nonce = self.dice.choice([0, 1, 5, self.dice.randrange(400), 2**53, 2**53 + 1, 2**63])
        self.sign(self.keep(terms), nonce=nonce)

    def swap(self) -> None:
        """Try to activate another wallet, and sometimes to cut one off first."""
        wallet = self.dice.choice(["hot-a", "hot-b", "hot-a-2", "hot-b-2", "vault", "nobody"])
        if self.dice.random() < 0.1:
            self.isolate(self.dice.choice(["hot-a", "hot-a-2"]))
        answer = self.line.ask([("activate", {"wallet": wallet, **self._epoch()})])[0]
        refused = answer is not None and answer.result is not Result.OK
        if not refused and wallet in POOLS:
            self.crowd.activate(POOLS[wallet], wallet, surely=answer is not None)

    def isolate(self, wallet: str) -> None:
        """Cut a wallet off, which anybody may."""
        answer = None
        while answer is None:
            self.line.recover()
            answer = self.line.ask([("isolate", {"wallet": wallet, "why": "the thief"})])[0]
        assert answer.result is Result.OK, answer
        self.crowd.isolate(wallet)

    def freeze(self) -> None:
        """Freeze exposure, by word or by pretending to have seen a longer book."""
        body: Body = {"seq": str(2**40), "limit": "1"}
        asks: list[tuple[str, Body]] = [("freeze", {"why": "the thief"}), ("orders_since", body)]
        answer = self.line.ask([self.dice.choice(asks)])[0]
        if answer is not None:
            self.crowd.event += 1
            self.crowd.frozen = self.crowd.frozen or self.crowd.event

    def old_epoch(self) -> None:
        """Speak as a newer daemon, then as the older one, which must get nothing."""
        self.epoch += 1
        if self.dice.random() < 0.5:
            self.line.ask([("lead", self._epoch())])
        else:
            self.sign(self.keep(self._invent()))
        terms = self.keep(self._invent(Purpose.SWEEP))
        body = {**self._body(terms, ()), "epoch": str(self.epoch - 1)}
        answer = self._send([terms], [("sign", body)])[0]
        known = answer is not None and self._has_heard_epoch()
        assert not known or (answer and answer.result is not Result.SIGNED), "an old epoch signed"

    def _has_heard_epoch(self) -> bool:
        status = self.line.ask([("status", {})])[0]
        return status is not None and int(str(status.body["epoch"])) >= self.epoch

    def replay_motion(self) -> None:
        """Bring an old motion again, or a new use of its signatures."""
        if not self.motions:
            return
        verb, body = self.dice.choice(self.motions)
        if self.dice.random() < 0.5:
            motion = dict(body["motion"])  # type: ignore[arg-type]
            motion[self.dice.choice(["salt", "expiresAt"])] = self.dice.choice(
                ["0x" + "0" * 32, "1"]
            )
            body = {**body, "motion": motion}
        self.line.ask([(verb, body)])

    def oracle(self) -> None:
        """Try to have a transaction's hash signed as a proof of something else."""
        wanted = self.id_of(self._invent(Purpose.WITHDRAWAL))
        seq = str(self.dice.choice([0, 1, 2**62]))
        body: Body = {"wallet": self.dice.choice(NAMES), "challenge": to_hex(wanted)}
        verb = self.dice.choice(["possession", "checkpoint"])
        body = body if verb == "possession" else {"seq": seq, "head": to_hex(wanted)}
        self.judge.judge_proof(self.line.ask([(verb, body)])[0], wanted)

    def rubbish(self) -> None:
        """Send bytes that are no request, or a request with a spoiled part."""
        dice = self.dice
        good = b'{"body":{},"v":"1","verb":"status"}'
        bad = [
            dice.randbytes(dice.randrange(1, 99)),
            (2**31).to_bytes(4, "big"),
            len(good).to_bytes(4, "big") + good[: dice.randrange(len(good))],
            b"\x00\x00\x20\x00" + b"[" * 8192,
            len(good).to_bytes(4, "big") + good.replace(b"1", b"1.0"),
        ]
        self.line.rubbish(dice.choice(bad))
        body = dict(self._body(self._invent(), ()))
        worthless: list[Json] = ["", "0x", "-1", "1" * 400, [], {}]
        body[dice.choice(list(body))] = dice.choice(worthless)
        verb = dice.choice(["sign", "lodge", "bump", "cancel", "sign_hash", "unlock", "motion"])
        answer = self.line.ask([(verb, body)])[0]
        assert answer is None or answer.result is not Result.SIGNED

    def break_something(self) -> None:
        """Let an answer be lost, the process die or its clock turn, and ask in that moment."""
        terms = [self.keep(self._invent(self.dice.choice(list(Purpose)))) for _ in range(2)]
        self.line.fail(self.dice)
        self.sign(*terms)
        self.line.recover()
        self.sign(*terms)

    def lodge(self) -> None:
        """Show approvals without asking for a signature."""
        for terms in self.dice.sample(self.orders, min(3, len(self.orders))):
            approvals = self._approvals_for(terms)
            body: Body = {
                "order": terms_to_json(terms),
                "approvals": [to_hex(a) for a in approvals],
            }
            self.crowd.show(self.id_of(terms), approvals, self.line.span()[0])
            self.line.ask([("lodge", body)])

    def sign(
        self,
        *orders: TransferTerms,
        approvals: Sequence[bytes] | None = None,
        nonce: int | None = None,
    ) -> list[Answer | None]:
        """Ask for signatures, all in one batch."""
        batch = []
        for terms in orders:
            some = self._approvals_for(terms) if approvals is None else list(approvals)
            self.crowd.show(self.id_of(terms), some, self.line.span()[0])
            body = self._body(terms, some)
            if nonce is not None:
                body["nonce"] = str(nonce)
            batch.append(("sign", body))
        return self._send(orders, batch)

    def _send(
        self, orders: Sequence[TransferTerms], batch: Sequence[tuple[str, Body]]
    ) -> list[Answer | None]:
        ids = [self.id_of(terms) for terms in orders]
        for order_id in ids:
            self.judge.asked(order_id, self.line.span()[0])
        answers = self.line.ask(batch)
        now = self.line.span()[1]
        for order_id, terms, answer in zip(ids, orders, answers, strict=True):
            self.judge.heard(order_id, terms, answer, now)
            if answer is not None and answer.result is Result.SIGNED:
                self.signed = [*self.signed[-60:], terms]
        return answers

    def _body(self, terms: TransferTerms, approvals: Sequence[bytes]) -> dict[str, Json]:
        return {
            "orderId": to_hex(self.id_of(terms)),
            "order": terms_to_json(terms),
            "approvals": [to_hex(a) for a in approvals],
            "fees": fees_to_json(self._fees(terms)),
            **self._epoch(),
        }

    def _epoch(self) -> dict[str, str]:
        return {"epoch": str(self.epoch)}

    def _approvals_for(self, terms: TransferTerms) -> list[bytes]:
        given = list(self.crowd.given[self.id_of(terms)].values())
        return given + self.dice.sample(self.approvals, min(len(self.approvals), 3))

    def _invent(self, purpose: Purpose | None = None) -> TransferTerms:
        dice = self.dice
        changes: dict[str, object] = {}
        ours = [address_of(name) for name in NAMES]
        mules = [address_of(f"mule-{dice.randrange(40)}"), address_of("thief")]
        if dice.random() < 0.7:
            some = [0, 1, ETH, 3 * ETH, 4 * ETH + 1, 5 * ETH, 60 * ETH, 2000 * USDC]
            changes["amount"] = dice.choice(some)
        if dice.random() < 0.4:
            changes["destination"] = dice.choice([*mules, *mules, *ours, TOKEN])
        if dice.random() < 0.4:
            changes["source"] = dice.choice(ours)
        if dice.random() < 0.3:
            changes["asset"] = dice.choice(list(TOKENS.values()))
        if dice.random() < 0.5:
            changes["max_fee"] = dice.choice([42 * 10**12, 10**15, ETH // 100, ETH // 100 + 1])
        if dice.random() < 0.05:
            changes["maker"] = dice.choice([address_of("alice"), address_of("thief")])
        terms = self.order(purpose or dice.choice(list(Purpose)), **changes)
        if dice.random() < 0.05:
            return dataclasses.replace(terms, what=terms.what.replace("ETH", "wei"))
        return terms

    def _bent(self, terms: TransferTerms) -> TransferTerms:
        dice = self.dice
        name = dice.choice([f.name for f in dataclasses.fields(terms) if f.name != "what"])
        value = getattr(terms, name)
        changed: object
        if isinstance(value, Purpose):
            changed = dice.choice(list(Purpose))
        elif isinstance(value, int):
            changed = dice.choice([value + 1, value ^ (1 << dice.randrange(62)), value + 3600])
        elif isinstance(value, bytes):
            changed = bytes([value[0] ^ (1 << dice.randrange(8))]) + value[1:]
        else:
            changed = dice.choice([_flipped(value), address_of("thief"), address_of("vault")])
        bent = dataclasses.replace(terms, **{name: changed})  # type: ignore[arg-type]
        if dice.random() < 0.5:
            law = self.crowd.law_at(self.line.span())
            bent = dataclasses.replace(bent, what=describe_transfer(bent, law))
        return bent

    def _fees(self, terms: TransferTerms) -> Fees:
        dice = self.dice
        gas = dice.choice([GAS, GAS, 60_000])
        dear = terms.max_fee // gas
        price = dice.choices([10**9, 2 * 10**9, dear, dear + 1], weights=[9, 9, 6, 1])[0]
        return Fees(gas_limit=gas, max_fee_per_gas=price, max_priority_fee_per_gas=price // 2)


def _flipped(address: Address) -> Address:
    data = bytearray(address_bytes(address))
    data[-1] ^= 1
    return checksum_address(bytes(data))


def _high_s(signature: bytes) -> bytes:
    s = SECP256K1_N - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


_Act = Callable[[Thief], None]
_ACTS: tuple[_Act, ...] = (
    Thief.ask,
    Thief.replay,
    Thief.collect_ahead,
    Thief.hurry,
    Thief.replace,
    Thief.probe_window,
    Thief.burn_fees,
    Thief.merge,
    Thief.claim,
    Thief.swap,
    Thief.freeze,
    Thief.old_epoch,
    Thief.replay_motion,
    Thief.oracle,
    Thief.rubbish,
    Thief.break_something,
    Thief.lodge,
)
_WEIGHTS = (24, 10, 6, 0.5, 14, 12, 0.3, 6, 5, 4, 0.3, 2, 3, 3, 4, 4, 4)
