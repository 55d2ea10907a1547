"""Broadcasts to every endpoint and makes one answer of theirs.

One node that has the transaction is enough; everything else that was said is kept as text. An
endpoint that rests after failures gets the bytes too, without being waited for.
"""

from __future__ import annotations

from collections.abc import Sequence

from treasury.chain.errors import UnavailableError, clean_text
from treasury.chain.pool.crew import Crew
from treasury.chain.pool.endpoint import Endpoint, Witness
from treasury.chain.pool.votes import Answer, Silence, Voice, answers_in
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

    def send_all(self, raws: Sequence[bytes]) -> list[SendAnswer]:
        """Broadcast to all, in order; one answer for each; never raises for an absent node."""

        def question(witness: Witness) -> Sequence[SendAnswer]:
            answers = witness.send_all(raws)
            if all(answer.kind is SendKind.TRANSIENT for answer in answers):
                raise UnavailableError(answers[0].text)
            return answers

        awake = tuple(e for e in self._endpoints if e.breaker.may_ask()) or self._endpoints
        for endpoint in self._endpoints:
            if endpoint not in awake:
                self._crew.tell(endpoint, question)
        voices = self._crew.ask(awake, question, _is_settled)
        return [combined(_about(voices, place)) for place in range(len(raws))]

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


def _about(voices: Sequence[Voice[Sequence[SendAnswer]]], place: int) -> list[Voice[SendAnswer]]:
    return [
        voice
        if isinstance(voice, Silence)
        else Answer(endpoint=voice.endpoint, value=voice.value[place])
        for voice in voices
    ]


def _told(voice: Voice[SendAnswer]) -> str:
    if isinstance(voice, Silence):
        return str(voice.error)
    kind, text = voice.value.kind.value, voice.value.text
    return f"{kind}: {text}" if text else kind


def _is_settled(voices: Sequence[Voice[Sequence[SendAnswer]]]) -> bool:
    """Say whether one endpoint has all of them."""
    return any(all(one.kind.is_with_node for one in a.value) for a in answers_in(voices))
