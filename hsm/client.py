"""The daemon's end of the signer's sockets: one blocking call per verb, typed answers.

It verifies nothing about money: the caller reads sender and fields back from `Signed.raw`. A
call that got no answer raises `SignerUnavailableError`, which means "unknown": the same call may
be repeated, because every verb is idempotent. Calls from several threads take turns.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from hsm.errors import Blame, HsmError, ProtocolError, SignerUnavailableError
from hsm.transaction import ReadBack, read_back
from hsm.wire import long_law, reading
from hsm.wire.answers import (
    AttemptKind,
    AttemptRecord,
    BookPlace,
    Fees,
    LawInForce,
    Lodged,
    NotReady,
    Okay,
    OrderRecord,
    OrdersPage,
    OrderState,
    Proof,
    Refused,
    SignAsk,
    Signed,
    SignerStatus,
)
from hsm.wire.fields import brief, to_hex
from hsm.wire.message import (
    DEADLINE_S,
    FENCED,
    Answer,
    Body,
    Request,
    Result,
    encode_request,
    frame,
    read_message,
)
from hsm.wire.pipeline import exchanged, is_stale
from policies.consent import motion_to_json, terms_to_json
from policies.terms import MotionTerms, TransferTerms

__all__ = [
    "AttemptKind",
    "AttemptRecord",
    "Blame",
    "BookPlace",
    "Fees",
    "HsmError",
    "LawInForce",
    "Lodged",
    "NotReady",
    "Okay",
    "OrderRecord",
    "OrderState",
    "OrdersPage",
    "Proof",
    "ProtocolError",
    "ReadBack",
    "Refused",
    "Signed",
    "SignerClient",
    "SignerStatus",
    "SignerUnavailableError",
    "read_back",
]


class SignerClient:
    """A connection to `signer.sock` or `people.sock`, opened at the first call and kept."""

    def __init__(
        self, path: Path, *, deadline_s: float = DEADLINE_S, epoch: int | None = None
    ) -> None:
        """Remember where the socket is; `deadline_s` bounds every call.

        `epoch` numbers the daemons of a deployment: the signer refuses orders of a lower one.
        """
        self._path = path
        self.epoch = epoch
        self._deadline_s = deadline_s
        self._connection: socket.socket | None = None
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        """Use the client for a while."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the connection."""
        self.close()

    def lodge(self, order: TransferTerms, approvals: Sequence[bytes]) -> Lodged | Refused:
        """Show an order and the approvals collected so far; nothing is signed."""
        body: Body = {"order": terms_to_json(order), "approvals": [to_hex(a) for a in approvals]}
        answer = self.call("lodge", body)
        is_ok = answer.result is Result.OK
        return reading.lodged_from(answer) if is_ok else reading.refused_from(answer)

    def sign(
        self,
        order_id: bytes,
        fees: Fees,
        *,
        order: TransferTerms | None = None,
        approvals: Sequence[bytes] = (),
        nonce: int | None = None,
    ) -> Signed | Refused | NotReady:
        """Sign an order; the same id again returns the same bytes.

        `order` and `approvals` spare an earlier `lodge`. `nonce` is the daemon's claim, heard only
        for an isolated wallet's evacuation and in shared custody.
        """
        ask = SignAsk(order_id=order_id, fees=fees, order=order, approvals=approvals, nonce=nonce)
        return reading.signature_from(self.call("sign", reading.sign_body(ask)))

    def sign_all(self, asks: Sequence[SignAsk]) -> Iterator[list[Signed | Refused | NotReady]]:
        """Sign many orders; yield the answers in order, in groups.

        While a group is used the signer works on the next one, so nothing else may be asked of
        this client until the last group was taken. Raises as `call` does.
        """
        frames = [self._framed("sign", reading.sign_body(ask)) for ask in asks]
        is_over = False
        with self._turn:
            try:
                connection = self._connected()
                for group in exchanged(connection, frames, deadline_s=self._deadline_s):
                    yield [
                        reading.signature_from(reading.served("sign", answer)) for answer in group
                    ]
                is_over = True
            except OSError as error:
                raise SignerUnavailableError(f"the signer went away: {error}") from error
            finally:
                # A late answer must never be taken for the answer to the next question.
                if not is_over:
                    self._drop()

    def bump(self, order_id: bytes, fees: Fees) -> Signed | Refused | NotReady:
        """Sign the same order on the same nonce at a higher fee."""
        body: Body = {"orderId": to_hex(order_id), "fees": reading.fees_to_json(fees)}
        return reading.signature_from(self.call("bump", body))

    def cancel(self, order_id: bytes, fees: Fees) -> Signed | Refused | NotReady:
        """Sign zero to self on the order's nonce."""
        body: Body = {"orderId": to_hex(order_id), "fees": reading.fees_to_json(fees)}
        return reading.signature_from(self.call("cancel", body))

    def activate(self, wallet: str) -> Okay | Refused:
        """Make a standby wallet the active one of its pool."""
        return reading.okay_from(self.call("activate", {"wallet": wallet}))

    def lead(self) -> None:
        """Say this daemon's epoch; older daemons get no signature from now on."""
        self.call("lead", {})

    def isolate(self, wallet: str, why: str) -> Okay | Refused:
        """Mark a wallet as isolated, for ever until a quorum lifts it."""
        return reading.okay_from(self.call("isolate", {"wallet": wallet, "why": brief(why)}))

    def orders_since(self, seq: int, limit: int = 100) -> OrdersPage:
        """Return the orders that changed after entry `seq` of the book."""
        answer = self.call("orders_since", {"seq": str(seq), "limit": str(limit)})
        return reading.orders_from(reading.expect_ok(answer))

    def status(self, seen: BookPlace | None = None) -> SignerStatus:
        """Ask how the signer is; a book without the entry that was `seen` last freezes itself."""
        body: Body = {"seq": str(seen.seq), "head": to_hex(seen.head)} if seen else {}
        return reading.status_from(reading.expect_ok(self.call("status", body)))

    def law(self) -> LawInForce | Refused:
        """Return the law in force; refused while none is adopted."""
        answer = long_law.whole(self.call)
        return (
            reading.law_from(answer) if answer.result is Result.OK else reading.refused_from(answer)
        )

    def checkpoint(self, seq: int, head: bytes) -> Proof | Refused | NotReady:
        """Sign the daemon's journal head with the checkpoint key."""
        body = {"seq": str(seq), "head": to_hex(head)}
        return reading.proof_or_not(self.call("checkpoint", body))

    def possession(self, wallet: str, challenge: bytes) -> Proof | Refused | NotReady:
        """Prove control of a wallet's key over a 32-byte challenge, in a fixed domain."""
        body = {"wallet": wallet, "challenge": to_hex(challenge)}
        return reading.proof_or_not(self.call("possession", body))

    def adopt(
        self, motion: MotionTerms, law_text: str, signatures: Sequence[bytes]
    ) -> Okay | Refused:
        """Put a law (canonical JSON) in force; on an empty book this is genesis."""
        body: Body = {
            "motion": motion_to_json(motion),
            "law": law_text,
            "signatures": [to_hex(s) for s in signatures],
        }
        return reading.okay_from(self.call("adopt", body))

    def motion(
        self, motion: MotionTerms, payload: str, signatures: Sequence[bytes]
    ) -> Okay | Refused:
        """Carry any other motion; `payload` is the canonical JSON whose digest was signed."""
        body: Body = {
            "motion": motion_to_json(motion),
            "payload": payload,
            "signatures": [to_hex(s) for s in signatures],
        }
        return reading.okay_from(self.call("motion", body))

    def veto(self, digest: bytes, signature: bytes) -> Okay | Refused:
        """Hand in a signed veto against an order or a motion."""
        body = {"digest": to_hex(digest), "signature": to_hex(signature)}
        return reading.okay_from(self.call("veto", body))

    def freeze(self, why: str) -> Okay | Refused:
        """Stop every signature toward exposure; cancels, sweeps and evacuations go on."""
        return reading.okay_from(self.call("freeze", {"why": brief(why)}))

    def unlock(self, token: str, pin: str, *, minutes: int) -> Okay | Refused:
        """Type an attended token's PIN; only at people.sock, and never stored."""
        body: Body = {"token": token, "pin": pin, "minutes": str(minutes)}
        return reading.okay_from(self.call("unlock", body))

    def lock(self, token: str) -> Okay | Refused:
        """Log a token out now."""
        return reading.okay_from(self.call("lock", {"token": token}))

    def call(self, verb: str, body: Body) -> Answer:
        """Send one request and return the answer, whatever it is.

        Raises `SignerUnavailableError` (world), `ProtocolError` when the signer calls the request
        malformed or answers nonsense (us), `FencedOffError` when it heard a newer daemon.
        """
        if verb == "adopt":
            body = long_law.brought(self.call, body)
        message = self._framed(verb, body)
        with self._turn:
            answer = self._exchange(message)
        return reading.served(verb, answer)

    def close(self) -> None:
        """Close the connection; the next call opens a new one."""
        with self._turn:
            self._drop()

    def _framed(self, verb: str, body: Body) -> bytes:
        if self.epoch is not None and verb in FENCED:
            body = {**body, "epoch": str(self.epoch)}
        return frame(encode_request(Request(verb=verb, body=body)))

    def _exchange(self, message: bytes) -> bytes:
        end = time.monotonic() + self._deadline_s
        connection = self._connected()
        try:
            connection.settimeout(self._deadline_s)
            connection.sendall(message)
            return read_message(connection, max(0.001, end - time.monotonic()))
        except (OSError, SignerUnavailableError, ProtocolError) as error:
            # A late answer must never be taken for the answer to the next question.
            self._drop()
            if isinstance(error, OSError):
                raise SignerUnavailableError(f"the signer went away: {error}") from error
            raise

    def _connected(self) -> socket.socket:
        if self._connection is not None and is_stale(self._connection):
            self._drop()
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._deadline_s)
        try:
            connection.connect(str(self._path))
        except OSError as error:
            connection.close()
            raise SignerUnavailableError(
                f"cannot reach the signer at {self._path}: {error}; is treasury-signer running?"
            ) from error
        return connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
