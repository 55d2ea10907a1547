"""What handlers of every subject take from a request: the office, ids, and the filters of lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, TypeVar, cast

from fastapi import Depends, Query, Request

from treasury.api.answers import Glossary
from treasury.api.errors import ApiError
from treasury.api.office import Office
from treasury.ledger.listings import Filter

Fact = TypeVar("Fact")
MAX_LIMIT = 500
_DIGEST = re.compile(r"0x[0-9a-f]{64}\Z")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}\Z")

State = Annotated[str, Query(max_length=100, description="states, separated by commas")]
Asset = Annotated[str, Query(max_length=40, description="symbol of an asset")]
Since = Annotated[int | None, Query(ge=0, le=2**53, description="changed since, unix seconds")]
Before = Annotated[int | None, Query(ge=1, le=2**53, description="numbers below, for paging")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]


def office_of(request: Request) -> Office:
    """Return the office that the application was built for."""
    return cast("Office", request.app.state.office)


TheOffice = Annotated[Office, Depends(office_of)]


class Narrowing:
    """The filters that every list takes, as one dependency."""

    def __init__(
        self,
        state: State = "",
        asset: Asset = "",
        since: Since = None,
        before: Before = None,
        limit: Limit = 50,
    ) -> None:
        """Take them from the query."""
        self.state = state
        self.asset = asset
        self.since = since
        self.before = before
        self.limit = limit

    def filter(self, states: type[StrEnum], words: Glossary) -> Filter:
        """Return the ledger's filter. Raises `ApiError` for a word that is no state or asset."""
        assets = words.assets_named(self.asset) if self.asset else None
        if assets == ():
            raise ApiError(400, "unknown_asset", f"the law knows no asset {self.asset!r}")
        return Filter(
            states=_states(self.state, states),
            assets=assets,
            since=self.since,
            before=self.before,
            limit=self.limit,
        )


Narrowed = Annotated[Narrowing, Depends()]


def _states(text: str, states: type[StrEnum]) -> tuple[str, ...]:
    wanted = tuple(word.strip().upper() for word in text.split(",") if word.strip())
    known = ", ".join(state.value for state in states)
    for word in wanted:
        if word not in known.split(", "):
            raise ApiError(400, "unknown_state", f"{word!r} is no state; write one of {known}")
    return wanted


def found_by(
    key: str,
    kind: str,
    *,
    by_number: Callable[[int], Fact | None],
    by_digest: Callable[[str], Fact | None],
) -> Fact:
    """Find one thing by "17" or by its 0x-digest. Raises `ApiError` 400 or 404."""
    if _NUMBER.match(key):
        found = by_number(int(key))
    elif _DIGEST.match(key):
        found = by_digest(key)
    else:
        text = f"{key[:80]!r} is no {kind}: write its number, or its 64-digit 0x id"
        raise ApiError(400, "bad_id", text)
    if found is None:
        raise ApiError(404, "not_found", f"there is no {kind} {key}")
    return found
