"""Address lists: what is denied beside the law, and by whose word."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from policies.crypto import BadAddressError, parse_address
from treasury.api.asking import TheOffice
from treasury.api.errors import ApiError
from treasury.api.models import Body, Line, Name
from treasury.ledger import denylists
from treasury.ledger.denylists import Denylist

reading = APIRouter(prefix="/v1/denylists", tags=["denylists"])
loading = APIRouter(prefix="/v1/denylists", tags=["denylists"])
_Hex = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]


class Part(Body):
    """Some addresses of a list, and what the whole list is; SHA-256 is of the publisher's file."""

    source: Line
    dated: Annotated[str, Field(pattern=r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    count: Annotated[int, Field(ge=1, le=200_000)]
    addresses: Annotated[list[_Hex], Field(max_length=1_000)]


@reading.get("")
def list_denylists(office: TheOffice) -> dict[str, Any]:
    """List the active lists."""
    with office.ledger.read() as session:
        return {"denylists": [asdict(one) for one in denylists.denylists(session)]}


@loading.post("/{name}")
def load(office: TheOffice, name: Name, body: Part) -> dict[str, Any]:
    """Take in a part; a list older than the active one of its name is refused."""
    wanted = Denylist(
        id=0,
        name=name,
        source=body.source,
        dated=body.dated,
        digest=body.sha256,
        addresses=body.count,
        loaded_at=0,
        is_active=False,
    )
    try:
        addresses = [parse_address(address) for address in body.addresses]
    except BadAddressError as error:
        raise ApiError(400, "bad_address", str(error)) from error
    with office.ledger.write() as session:
        newest = denylists.newest_date(session, name)
        if body.dated < newest:
            text = f"the list {name} in force is of {newest}: an older one would take names off it"
            raise ApiError(409, "older", text)
        return asdict(denylists.take_in(session, wanted, addresses, now=office.now()))
