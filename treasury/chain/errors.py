"""What can go wrong between the daemon and a node, sorted by who has to act.

A message never carries more of a URL than its host, because paths and query strings of hosted
nodes are secrets, and never carries text of a node unescaped.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

_TEXT_LIMIT = 200


class Blame(StrEnum):
    """Who can mend it: the world mends itself, an operator must act, or the fault is ours."""

    WORLD = "world"
    OPERATOR = "operator"
    US = "us"


class ChainError(Exception):
    """The root of everything that this package raises."""

    blame: ClassVar[Blame] = Blame.WORLD


class UnavailableError(ChainError):
    """The node did not answer in time, or not at all; ask again at the next tick."""


class BadAnswerError(ChainError):
    """The node answered something that is not a valid answer; nothing of it was used."""


class MissingBlockError(ChainError):
    """The node does not have the block, or it is no longer part of the chain."""


class BelowQuorumError(ChainError):
    """Too few endpoints agree: nothing may be decided, the next tick asks again.

    It never falls back to fewer endpoints: whoever silences the honest ones would be believed.
    """


class DisagreementError(BelowQuorumError):
    """Enough endpoints answered, but no quorum of them says the same."""


class NodeError(ChainError):
    """The node answered with a JSON-RPC error; `code` and `text` are the node's own."""

    def __init__(self, method: str, code: int, text: str) -> None:
        """Keep the code and the escaped text of the node's answer to `method`."""
        self.code = code
        self.text = clean_text(text)
        super().__init__(f"the node refused {method}: {self.text} (code {code})")


class EndpointError(ChainError):
    """The configured endpoint cannot be used as it is written."""

    blame = Blame.OPERATOR


class WrongChainError(ChainError):
    """The endpoint serves another chain than the law says."""

    blame = Blame.OPERATOR


def clean_text(text: str) -> str:
    """Return foreign text as printable ASCII of at most 200 characters, escapes included."""
    escaped = text.encode("unicode_escape").decode("ascii")
    return escaped if len(escaped) <= _TEXT_LIMIT else escaped[: _TEXT_LIMIT - 3] + "..."
