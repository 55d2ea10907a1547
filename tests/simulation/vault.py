"""The signer of the simulation: the real desk over a real book, a soft token, and a frail wire.

The token signs as RFC 6979 says, so the same run signs the same bytes; half of its answers have a
high s, as a real token's do. The wire may be cut before a request or before its answer, and the
signer may die at each of its crash points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hsm import crashpoints
from hsm.client import SignerClient
from hsm.errors import HsmError, ProtocolError, SignerUnavailableError, TokenAwayError
from hsm.process.desk import Door
from hsm.token.bench import TokenState
from hsm.token.signature import PinnedKey, Signature
from hsm.wire.answers import NotReady, Refused, SignAsk, Signed
from hsm.wire.message import FENCED, Answer, Body, Result
from hsm.wire.reading import sign_body, signature_from
from policies.crypto import SECP256K1_N
from tests.fakes.vault_room import SoftTokens, VaultRoom, public_key_of
from tests.laws import key_of
from tests.simulation.dice import Crash, Dice, SignerCrash

_HALF = 0x80
_DEATHS = {
    "activate": 0.25,
    "isolate": 0.10,
    "veto": 0.10,
    "bump": 0.08,
    "cancel": 0.15,
    "motion": 0.04,
    "lodge": 0.02,
    "sign": 0.02,
}
"""How often the daemon dies around a call: the rarer the call, the oftener."""


class SteadyTokens(SoftTokens):
    """Tokens that sign the same digest the same way every time."""

    def __init__(self, dice: Dice) -> None:
        super().__init__()
        self.dice = dice

    def check_ready(self, key_name: str) -> None:
        if self.dice.happens("token_away", 0.02):
            raise _away()

    def sign(self, key_name: str, digest: bytes) -> Signature:
        if self.dice.happens("token_fails", 0.05):
            raise _away()
        compact = key_of(key_name).sign_recoverable(digest, hasher=None)
        r, s = compact[:32], int.from_bytes(compact[32:64], "big")
        if r[-1] >= _HALF:
            s = SECP256K1_N - s
        return PinnedKey(public_key_of(key_name)).prove(digest, r + s.to_bytes(32, "big"))

    def state_of(self, token: str) -> TokenState:
        return TokenState.READY


def _away() -> HsmError:
    return TokenAwayError("the token does not answer")


class FrailClient(SignerClient):
    """The daemon's client, with the signer behind it in this process and a frail wire between.

    Each daemon has an epoch of its own, and a former one may still speak after its successor began.
    """

    def __init__(self, room: VaultRoom, dice: Dice) -> None:
        super().__init__(Path("unused.sock"))
        self.room = room
        self.dice = dice
        self.epoch = 1
        self._last: tuple[str, Body] | None = None
        self._former: tuple[str, Body] | None = None
        self.is_away = False
        self.on_answer: Callable[[str, Body, Answer], None] = lambda *_: None

    def sign_all(self, asks: Sequence[SignAsk]) -> Iterator[list[Signed | Refused | NotReady]]:
        """Sign in groups of two or three: what was signed first may be lost with the others."""
        left = list(asks)
        while left:
            size = 3 if self.dice.happens("signs_three_at_once", 0.5) else 2
            group, left = left[:size], left[size:]
            yield [signature_from(self.call("sign", sign_body(ask))) for ask in group]

    def succeed(self) -> None:
        """Begin the next epoch; what the former daemon said last it may say again."""
        self.epoch = (self.epoch or 0) + 1
        self._former = self._last

    def call(self, verb: str, body: Body) -> Answer:
        if verb in FENCED:
            body = {**body, "epoch": str(self.epoch)}
            self._last = (verb, body)
            self._let_former_speak()
        if self.is_away or self.dice.happens("signer_not_reached", 0.02):
            raise SignerUnavailableError("the signer is away")
        if self.dice.happens(f"crash_before_{verb}", _DEATHS.get(verb, 0.01)):
            raise Crash
        answer = self._serve(verb, body)
        self.dice.note(f"{verb}: {answer.result.value}")
        self.on_answer(verb, body, answer)
        if self.dice.happens(f"crash_after_{verb}", _DEATHS.get(verb, 0.01)):
            raise Crash
        if self.dice.happens("signer_answer_lost", 0.02):
            raise SignerUnavailableError("the signer hung up")
        if answer.result is Result.ERROR:
            raise ProtocolError("; ".join(reason.text for reason in answer.reasons))
        return answer

    def _let_former_speak(self) -> None:
        if self._former is not None and self.dice.happens("former_daemon_speaks", 0.05):
            verb, body = self._former
            try:
                answer = self.room.call(verb, body)
            except SignerCrash:
                self.room.reopen()
                return
            self.dice.note(f"the former daemon asks to {verb}: {answer.result.value}")
            self.on_answer(verb, body, answer)

    def call_as_person(self, verb: str, body: Body) -> Answer | None:
        """Ask at the people's door; None when the signer died over it."""
        try:
            return self.room.call(verb, body, Door.PEOPLE)
        except SignerCrash:
            self.room.reopen()
            return None

    def _serve(self, verb: str, body: Body) -> Answer:
        try:
            return self.room.call(verb, body)
        except SignerCrash:
            self.room.reopen()
            if self.dice.happens("both_crashed", 0.3):
                raise Crash from None
            raise SignerUnavailableError("the signer died") from None


def arm(dice: Dice) -> None:
    """Let the signer die at each of its crash points, now and then."""

    def strike(point: str) -> Callable[[], None]:
        def action() -> None:
            if dice.happens(f"signer_died_{point}", 0.01):
                raise SignerCrash

        return action

    for point in crashpoints.POINTS:
        crashpoints.arm(point, strike(point))
