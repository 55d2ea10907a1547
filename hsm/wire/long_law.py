"""The client's way with a law that is longer than a message: piece by piece, in both directions."""

from __future__ import annotations

from collections.abc import Callable

from hsm.errors import ProtocolError
from hsm.wire import fields
from hsm.wire.draft import MOST_LAW, PIECE
from hsm.wire.message import Answer, Body, Result

Call = Callable[[str, Body], Answer]
_TRIES = 3


def brought(call: Call, body: Body) -> Body:
    """Bring the law of an adoption ahead when it is long; return the body that adopts it.

    Raises `ProtocolError` when the signer does not take a piece, and what `call` raises.
    """
    text = fields.text(body, "law", limit=MOST_LAW)
    if len(text) <= PIECE:
        return body
    for offset in range(0, len(text), PIECE):
        piece: Body = {"offset": str(offset), "law": text[offset : offset + PIECE]}
        answer = call("law_piece", piece)
        if answer.result is not Result.OK:
            told = "; ".join(reason.text for reason in answer.reasons)
            raise ProtocolError(f"the signer did not take the law: {told}; hand it in again")
    return {**body, "law": ""}


def whole(call: Call) -> Answer:
    """Return the answer to `law` with the whole text, or the refusal.

    Raises `ProtocolError` when the law changes again and again, and what `call` raises.
    """
    for _ in range(_TRIES):
        answer = call("law", {})
        if answer.result is not Result.OK:
            return answer
        text, digest = _piece(answer), answer.body.get("digest")
        length = fields.integer(answer.body, "length")
        while len(text) < length and answer.body.get("digest") == digest:
            answer = call("law", {"offset": str(len(text))})
            piece = _piece(answer)
            if not piece:
                break
            text += piece
        if len(text) == length and answer.body.get("digest") == digest:
            return answer._replace(body={**answer.body, "law": text})
    raise ProtocolError("the law changed while it was read: ask again")


def _piece(answer: Answer) -> str:
    return fields.text(answer.body, "law", limit=PIECE) if answer.result is Result.OK else ""
