"""The live wallets, for outside spenders: who pays now, and the word that they have followed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from treasury.api.asking import TheOffice
from treasury.api.errors import ApiError
from treasury.api.models import Body
from treasury.records import live_wallets
from treasury.records.live_wallets import Live

reading = APIRouter(prefix="/v1/live", tags=["live wallets"])
following = APIRouter(prefix="/v1/live", tags=["live wallets"])
_WHO = "a payout service"


class Followed(Body):
    """The number that the service has read and follows."""

    sequence: Annotated[int, Field(ge=1, le=2**53)]


@reading.get("")
def show_live(office: TheOffice) -> dict[str, Any]:
    """Show the live wallet of every pool, their number, and the number that was followed."""
    with office.ledger.read() as session:
        return _shown(live_wallets.published(session))


@following.post("/acknowledge")
def acknowledge(office: TheOffice, body: Followed) -> dict[str, Any]:
    """Take the word that the service pays from these wallets alone."""
    with office.ledger.write() as session:
        now = office.now()
        if not live_wallets.acknowledge(session, body.sequence, who=_WHO, now=now):
            newest = live_wallets.published(session).sequence
            text = f"the newest number is {newest}: read it, follow it, and acknowledge that one"
            raise ApiError(409, "not_newest", text)
        return _shown(live_wallets.published(session))


def _shown(live: Live) -> dict[str, Any]:
    return {
        "sequence": live.sequence,
        "pools": {name: dict(pool) for name, pool in live.pools.items()},
        "acknowledged": live.acknowledged,
    }
