"""A whole vault room for tests: law, settings, tokens and orders with the keys of `tests.laws`.

`SoftTokens` stands for the HSM where its own behaviour is not the matter: it signs with the same
keys in memory. `soft_settings` and `real_settings` give settings that pin those keys.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import coincurve
import pkcs11

from hsm.book.book import Book
from hsm.curve import Curve
from hsm.errors import HsmError
from hsm.process.desk import Desk, Door
from hsm.settings import Settings, parse_settings
from hsm.token.bench import TokenState
from hsm.token.provision import create_key, import_key
from hsm.token.signature import PinnedKey, Signature
from hsm.transaction import read_back
from hsm.wire.answers import Fees
from hsm.wire.fields import blob, to_hex
from hsm.wire.message import Answer, Body, Json, Request, Result
from hsm.wire.reading import fees_to_json
from policies.consent import (
    describe_motion,
    describe_transfer,
    motion_digest,
    motion_to_json,
    payload_digest,
    terms_to_json,
    transfer_digest,
)
from policies.crypto import SECP256K1_N
from policies.law import Law, canonical_law, law_digest
from policies.terms import NATIVE, Address, MotionKind, MotionTerms, Purpose, TransferTerms
from tests.fakes.clock import FakeClock
from tests.fakes.softhsm import SoftHsm
from tests.laws import ETH, address_of, key_of, make_law, sign

NAMES = ("vault", "hot-a", "hot-b", "sponsor")
CHAIN_ID = 31337
MAX_FEE = ETH // 100
FEES = Fees(gas_limit=21_000, max_fee_per_gas=2 * 10**9, max_priority_fee_per_gas=10**9)
CUSTOMER = address_of("customer")
_salts = itertools.count(1)


def public_key_of(name: str) -> bytes:
    """Return the 64-byte public key of a name in tests."""
    found: bytes = key_of(name).public_key.format(compressed=False)[1:]
    return found


def settings_document(
    serials: Mapping[str, str], checkpoint: bytes | None, *, attended: str = ""
) -> dict[str, object]:
    """Return a signer.toml as data; `serials` maps vault and hot to token serials.

    `attended` names a token whose PIN is typed by a person.
    """
    keys: dict[str, object] = {
        name: {
            "token": "vault" if name == "vault" else "hot",
            "cka_id": f"{number:02x}",
            "public_key": public_key_of(name).hex(),
            "imported": True,
        }
        for number, name in enumerate(NAMES, start=1)
    }
    if checkpoint is not None:
        keys["checkpoint"] = {
            "token": "hot",
            "cka_id": "0c",
            "public_key": checkpoint.hex(),
            "curve": "p256",
            "purpose": "checkpoint",
        }
    return {
        "module": "/usr/lib/softhsm/libsofthsm2.so",
        "book": "book.sqlite3",
        "profile": "development",
        "sockets": {"signer": "signer.sock", "people": "people.sock"},
        "tokens": {
            name: {"serial": serial, "mode": "attended"}
            if name == attended
            else {"serial": serial, "pin_credential": f"./softhsm/{name}.pin"}
            for name, serial in serials.items()
        },
        "keys": keys,
    }


def soft_settings(base: Path) -> Settings:
    """Return settings for a room whose tokens are `SoftTokens`."""
    document = settings_document({"vault": "01", "hot": "02"}, None)
    return parse_settings(document, source="signer.toml", base=base)


def real_settings(store: SoftHsm, *, attended: str = "") -> Settings:
    """Make two SoftHSM tokens with the keys of the law imported, and settings that pin them."""
    tokens = {name: store.init_token(name) for name in ("vault", "hot")}
    library = pkcs11.lib(store.module)
    checkpoint = b""
    for name, token in tokens.items():
        library.reinitialize()
        session = library.get_token(token_serial=token.serial.encode()).open(
            rw=True, user_pin=token.pin
        )
        for number, key in enumerate(NAMES, start=1):
            if (key == "vault") == (name == "vault"):
                secret = key_of(key).secret
                import_key(session, label=key, cka_id=bytes([number]), private_key=secret)
        if name == "hot":
            made = create_key(session, label="checkpoint", cka_id=b"\x0c", curve=Curve.P256)
            checkpoint = made.public_key
        session.close()
    serials = {name: token.serial for name, token in tokens.items()}
    document = settings_document(serials, checkpoint, attended=attended)
    return parse_settings(document, source="signer.toml", base=store.directory.parent)


class SoftTokens:
    """Tokens that sign with keys in memory; `trouble` is raised by whatever is asked."""

    def __init__(self) -> None:
        self.trouble: HsmError | None = None
        self.trouble_at_signing: HsmError | None = None
        self.signed: list[tuple[str, bytes]] = []
        self.seed = os.urandom(16)

    def check_ready(self, key_name: str) -> None:
        if self.trouble is not None:
            raise self.trouble

    def sign(self, key_name: str, digest: bytes) -> Signature:
        self.check_ready(key_name)
        if self.trouble_at_signing is not None:
            raise self.trouble_at_signing
        self.signed.append((key_name, digest))
        # Like a real token: another k, so another r, at every signature.
        k = hashlib.sha256(self.seed + b"%d" % len(self.signed)).digest()
        answer = textbook_signature(key_of(key_name).secret, k, digest)
        return PinnedKey(public_key_of(key_name)).prove(digest, answer)

    def state_of(self, token: str) -> TokenState:
        return TokenState.READY if self.trouble is None else TokenState.DEGRADED

    def waivers(self) -> tuple[str, ...]:
        return ("the tokens are soft",)

    def unlock(
        self, token: str, pin: str, *, seconds: float, signatures: int | None = None
    ) -> None:
        self.check_ready(token)

    def lock(self, token: str) -> None:
        return

    def tend(self) -> None:
        return


def textbook_signature(secret: bytes, k: bytes, digest: bytes) -> bytes:
    """Return ECDSA r, s with a chosen k, as no honest library would let one do."""
    point = coincurve.PrivateKey(k).public_key.format(compressed=False)
    r = int.from_bytes(point[1:33], "big") % SECP256K1_N
    e, d = int.from_bytes(digest, "big"), int.from_bytes(secret, "big")
    s = pow(int.from_bytes(k, "big"), -1, SECP256K1_N) * (e + r * d) % SECP256K1_N
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def order(
    law: Law, clock: FakeClock, purpose: Purpose = Purpose.REFILL, **changes: object
) -> TransferTerms:
    """Return terms of a purpose that the sample law allows, with changes; `what` fits them."""
    ends = {
        Purpose.REFILL: ("vault", address_of("hot-a"), 40 * ETH),
        Purpose.SWEEP: ("hot-a", address_of("vault"), 30 * ETH),
        Purpose.EVACUATION: ("hot-a", address_of("vault"), 30 * ETH),
        Purpose.WITHDRAWAL: ("hot-a", CUSTOMER, 2 * ETH),
        Purpose.TOP_UP: ("sponsor", address_of("hot-a"), ETH // 10),
    }
    source, destination, amount = ends[purpose]
    terms = TransferTerms(
        what="?",
        purpose=purpose,
        salt=next(_salts).to_bytes(15, "big") + b"\0",
        chain_id=CHAIN_ID,
        asset=NATIVE,
        source=address_of(source),
        destination=destination,
        amount=amount,
        max_fee=MAX_FEE,
        maker=NATIVE,
        proposed_at=clock.unix(),
        expires_at=clock.unix() + 3600,
        law_digest=law_digest(law),
    )
    terms = dataclasses.replace(terms, **changes)  # type: ignore[arg-type]
    if "what" not in changes:
        terms = dataclasses.replace(terms, what=describe_transfer(terms, law))
    return terms


class VaultRoom:
    """A desk over a real book in a file, with everything a test needs to talk to it."""

    def __init__(
        self, directory: Path, clock: FakeClock, *, law: Law | None = None, adopt: bool = True
    ) -> None:
        self.directory = directory
        self.clock = clock
        self.law = law or make_law().law
        self.tokens = SoftTokens()
        self.settings = soft_settings(directory)
        self._book: Book | None = None
        self.reopen()
        if adopt:
            answer = self.adopt(self.law)
            assert answer.result is Result.OK, answer.reasons

    def reopen(self) -> None:
        """Open the book anew, as after a restart."""
        self.close()
        self._book = Book(self.settings.book, self.clock.unix)
        self.desk = Desk(
            book=self.book, tokens=self.tokens, settings=self.settings, clock=self.clock.unix
        )

    def close(self) -> None:
        """Close the book."""
        if self._book is not None:
            self._book.close()
            self._book = None

    @property
    def book(self) -> Book:
        """Return the open book."""
        assert self._book is not None
        return self._book

    def call(self, verb: str, body: Body, door: Door = Door.SIGNER) -> Answer:
        """Send one request."""
        return self.desk.serve([(door, Request(verb=verb, body=body))])[0]

    def order(self, purpose: Purpose = Purpose.REFILL, **changes: object) -> TransferTerms:
        """Return terms under the room's law."""
        return order(self.law, self.clock, purpose, **changes)

    def id_of(self, terms: TransferTerms) -> bytes:
        """Return the order id of terms."""
        return transfer_digest(terms, self.book.deployment)

    def approvals(self, terms: TransferTerms, *people: str) -> list[bytes]:
        """Return the approvals of people."""
        return [sign(name, self.id_of(terms)) for name in people]

    def lodge(self, terms: TransferTerms, *people: str) -> Answer:
        """Lodge terms with the approvals of people."""
        approvals = [to_hex(a) for a in self.approvals(terms, *people)]
        return self.call("lodge", {"order": terms_to_json(terms), "approvals": approvals})

    def sign(
        self,
        terms: TransferTerms,
        *people: str,
        fees: Fees = FEES,
        nonce: int | None = None,
        order_id: bytes | None = None,
    ) -> Answer:
        """Sign terms with the approvals of people in one message."""
        return self.call("sign", self.sign_body(terms, *people, fees=fees, nonce=nonce))

    def sign_body(
        self, terms: TransferTerms, *people: str, fees: Fees = FEES, nonce: int | None = None
    ) -> dict[str, Json]:
        """Return the body of a `sign` message."""
        body: dict[str, Json] = {
            "orderId": to_hex(self.id_of(terms)),
            "order": terms_to_json(terms),
            "approvals": [to_hex(a) for a in self.approvals(terms, *people)],
            "fees": fees_to_json(fees),
        }
        if nonce is not None:
            body["nonce"] = str(nonce)
        return body

    def again(self, verb: str, terms: TransferTerms, fees: Fees) -> Answer:
        """Bump or cancel."""
        body: Body = {"orderId": to_hex(self.id_of(terms)), "fees": fees_to_json(fees)}
        return self.call(verb, body)

    def isolate(self, wallet: str) -> Answer:
        """Isolate a wallet."""
        return self.call("isolate", {"wallet": wallet, "why": "a test"})

    def motion_terms(
        self, kind: MotionKind, payload: Mapping[str, str], **changes: object
    ) -> MotionTerms:
        """Return motion terms over a payload, under the room's law, with changes."""
        terms = MotionTerms(
            what=describe_motion(kind, payload),
            kind=kind,
            salt=next(_salts).to_bytes(15, "big") + b"\0",
            payload_digest=payload_digest(payload),
            maker=NATIVE,
            proposed_at=self.clock.unix(),
            expires_at=self.clock.unix() + 3600,
            law_digest=law_digest(self.law),
        )
        return dataclasses.replace(terms, **changes)  # type: ignore[arg-type]

    def carry(
        self,
        kind: MotionKind,
        payload: Mapping[str, str],
        *,
        people: Sequence[str] = ("alice", "bob"),
        **changes: Any,  # noqa: ANN401 - fields of the terms
    ) -> Answer:
        """Carry a motion with the signatures of people."""
        import json

        terms = self.motion_terms(kind, payload, **changes)
        digest = motion_digest(terms, self.book.deployment)
        body: Body = {
            "motion": motion_to_json(terms),
            "payload": json.dumps(payload, sort_keys=True, separators=(",", ":")),
            "signatures": [to_hex(sign(name, digest)) for name in people],
        }
        return self.call("motion", body, Door.PEOPLE)

    def adopt(
        self, law: Law, *, people: Sequence[str] = ("alice", "bob"), **changes: object
    ) -> Answer:
        """Adopt a law with the signatures of people; genesis when the book has none."""
        payload = {"lawDigest": to_hex(law_digest(law))}
        is_genesis = self.call("law", {}).result is Result.REFUSED
        before = bytes(32) if is_genesis else law_digest(self.law)
        terms = self.motion_terms(MotionKind.ADOPT, payload, **{"law_digest": before, **changes})
        digest = motion_digest(terms, self.book.deployment)
        body: Body = {
            "motion": motion_to_json(terms),
            "law": canonical_law(law).decode(),
            "signatures": [to_hex(sign(name, digest)) for name in people],
        }
        return self.call("adopt", body, Door.PEOPLE)


def codes(answer: Answer) -> set[str]:
    """Return the codes of all reasons of an answer."""
    return {reason.code for reason in answer.reasons}


def address_is(name: str) -> Address:
    """Return the address of a name; a short word for tables."""
    return address_of(name)


def raw_of(answer: Answer) -> bytes:
    """Return the raw bytes of a signed answer."""
    assert answer.result is Result.SIGNED, answer
    return blob(answer.body, "raw")


def nonce_of(answer: Answer) -> int:
    """Return the nonce of a signed answer."""
    return read_back(raw_of(answer)).transaction.nonce
