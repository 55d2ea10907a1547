"""One application per role. The table below is the whole of who may do what.

    reader      looks at everything
    operator    looks, halts, freezes, acknowledges alarms, loads denylists
    treasurer   all that, and hands in signed proposals, approvals, vetoes, motions
    service     sees the status, asks for withdrawals, sees and takes back what it asked for,
                registers what it sends itself from a wallet in shared custody;
                over TCP within the pools that its certificate stands for

A path that a role may not use answers 403 and names the role that may.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, Depends, FastAPI

from config.settings import ApiRole, ServiceClient
from treasury.api import (
    alarms,
    denylists,
    drills,
    evidence,
    exposure,
    freezing,
    incidents,
    journal,
    live,
    motions,
    outflows,
    refills,
    status,
    transfers,
    wallets,
    withdrawals,
)
from treasury.api.errors import ApiError, install_error_answers
from treasury.api.limits import RequestLimits
from treasury.api.office import Office
from treasury.api.scopes import KnownServices

_EVERYONE = tuple(ApiRole)
_PEOPLE = (ApiRole.READER, ApiRole.OPERATOR, ApiRole.TREASURER)
_POWERS: Sequence[tuple[APIRouter, tuple[ApiRole, ...]]] = (
    (status.reading, _EVERYONE),
    (live.reading, _EVERYONE),
    (wallets.reading, _PEOPLE),
    (refills.reading, _PEOPLE),
    (transfers.reading, _PEOPLE),
    (journal.reading, _PEOPLE),
    (motions.reading, _PEOPLE),
    (incidents.reading, _PEOPLE),
    (alarms.reading, _PEOPLE),
    (denylists.reading, _PEOPLE),
    (exposure.reading, _PEOPLE),
    (withdrawals.reading, _EVERYONE),
    (outflows.reading, _EVERYONE),
    (motions.stopping, (ApiRole.OPERATOR, ApiRole.TREASURER)),
    (incidents.sealing, (ApiRole.OPERATOR, ApiRole.TREASURER)),
    (evidence.sealing, (ApiRole.OPERATOR, ApiRole.TREASURER)),
    (drills.recording, (ApiRole.OPERATOR, ApiRole.TREASURER)),
    (denylists.loading, (ApiRole.OPERATOR, ApiRole.TREASURER)),
    (alarms.answering, (ApiRole.OPERATOR, ApiRole.TREASURER)),
    (freezing.freezing, (ApiRole.OPERATOR, ApiRole.TREASURER)),
    (refills.consenting, (ApiRole.TREASURER,)),
    (motions.consenting, (ApiRole.TREASURER,)),
    (withdrawals.consenting, (ApiRole.TREASURER,)),
    (live.following, (ApiRole.SERVICE, ApiRole.OPERATOR)),
    (withdrawals.asking, (ApiRole.SERVICE,)),
    (outflows.registering, (ApiRole.SERVICE,)),
)


def build_app(office: Office, role: ApiRole) -> FastAPI:
    """Build the application that answers on one role's socket."""
    app = FastAPI(
        title="Treasury",
        version="1",
        description=f"The daemon's API as the role `{role}` sees it.",
        docs_url=None,
        redoc_url=None,
    )
    app.state.office = office
    install_error_answers(app)
    for router, roles in _POWERS:
        if role in roles:
            app.include_router(router)
        else:
            guard = Depends(_refusing(role, roles))
            app.include_router(router, dependencies=[guard], include_in_schema=False)
    app.add_middleware(RequestLimits, limits=office.limits, role=role)
    return app


def build_tcp_app(office: Office, clients: Sequence[ServiceClient]) -> FastAPI:
    """Build the application for services of other machines: a service's, for known ones only."""
    app = build_app(office, ApiRole.SERVICE)
    # Added last, so it stands first: a stranger costs no more than a look at his certificate.
    app.add_middleware(KnownServices, clients=clients)
    return app


def _refusing(role: ApiRole, roles: Sequence[ApiRole]) -> Callable[[], Any]:
    allowed = " or ".join(roles)

    def refuse() -> None:
        text = f"the {role} socket may not do this: use the socket of {allowed}"
        raise ApiError(403, "forbidden", text)

    return refuse
