"""Broadcasts to every endpoint and makes one answer of theirs.

One node that has the transaction is enough; everything else that was said is kept as text. An
endpoint that rests after failures gets the bytes too, without being waited for.
"""

from __future__ import annotations

from collections.abc import Sequence

from treasury.chain.errors import UnavailableError, clean_text
from treasury.chain.pool.crew import Crew
from treasury.chain.pool.endpoint import Endpoint, Witness
from treasury.chain.pool.votes import Silence, Voice, answers_in
from treasury.chain.port import SendAnswer, SendKind

# What says most about a transaction stands first; silence is TRANSIENT.
_TELLING = (
    SendKind.ACCEPTED,
    SendKind.KNOWN,
    SendKind.NONCE_LOW,
    SendKind.UNDERPRICED,
    SendKind.FUNDS,
    SendKind.NONCE_HIGH,
    SendKind.FEE_CAP,
    SendKind.UNKNOWN,
)


class Broadcaster:
    """The endpoints that get every transaction, over connections of their own."""

    def __init__(self, crew: Crew, endpoints: Sequence[Endpoint]) -> None:
        """Send to `endpoints` by way of `crew`."""
        self._crew = crew
        self._endpoints = tuple(endpoints)

    def send(self, raw: bytes) -> SendAnswer:
        """Broadcast `raw` to all; never raises for an absent node."""

        def question(witness: Witness) -> SendAnswer:
            answer = witness.send(raw)
            if answer.kind is SendKind.TRANSIENT:
                raise UnavailableError(answer.text)
            return answer

        awake = tuple(e for e in self._endpoints if e.breaker.may_ask()) or self._endpoints
        for endpoint in self._endpoints:
            if endpoint not in awake:
                self._crew.tell(endpoint, question)
        return combined(self._crew.ask(awake, question, _is_settled))

    def close(self) -> None:
        """End the threads and close the connections."""
        self._crew.close()
        for endpoint in self._endpoints:
            endpoint.witness.close()


def combined(voices: Sequence[Voice[SendAnswer]]) -> SendAnswer:
    """Return the most telling answer; the text holds what each endpoint said."""
    kinds = {answer.value.kind for answer in answers_in(voices)}
    kind = next((kind for kind in _TELLING if kind in kinds), SendKind.TRANSIENT)
    if len(voices) == 1 and not isinstance(voices[0], Silence):
        return voices[0].value
    told = "; ".join(f"{voice.endpoint}: {_told(voice)}" for voice in voices)
    return SendAnswer(kind=kind, text=clean_text(told))


def _told(voice: Voice[SendAnswer]) -> str:
    if isinstance(voice, Silence):
        return str(voice.error)
    kind, text = voice.value.kind.value, voice.value.text
    return f"{kind}: {text}" if text else kind


def _is_settled(voices: Sequence[Voice[SendAnswer]]) -> bool:
    return any(answer.value.kind.is_with_node for answer in answers_in(voices))
