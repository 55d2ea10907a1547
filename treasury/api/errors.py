"""How the API says no: one shape for every error, with all reasons.

{"error": {"code": "not_open", "message": "one clear sentence", "reasons": [{"code", "text"}]}}
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from policies.terms import Reason
from treasury.errors import LedgerBusyError, LedgerError, StaleRowError, TwinError

log = structlog.get_logger()

_CODES: Mapping[int, str] = {404: "not_found", 405: "wrong_method", 403: "forbidden"}


class ApiError(Exception):
    """A request that is answered with no; `status` is the HTTP status."""

    def __init__(
        self, status: int, code: str, message: str, reasons: tuple[Reason, ...] = ()
    ) -> None:
        """Keep status, a stable code for machines, a sentence for people, and all reasons."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.reasons = reasons


def refusal(status: int, code: str, message: str, reasons: tuple[Reason, ...] = ()) -> JSONResponse:
    """Write an error answer."""
    told = [{"code": reason.code, "text": reason.text} for reason in reasons]
    body = {"error": {"code": code, "message": message, "reasons": told}}
    return JSONResponse(body, status_code=status)


def install_error_answers(app: FastAPI) -> None:
    """Give every exception that may leave a handler its one answer."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(LedgerBusyError, _busy)
    app.add_exception_handler(LedgerError, _busy)
    app.add_exception_handler(TwinError, _raced)
    app.add_exception_handler(StaleRowError, _raced)
    app.add_exception_handler(Exception, _broken)


def _api_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return refusal(error.status, error.code, str(error), error.reasons)


def _malformed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    reasons = tuple(
        Reason(code=str(item["type"]), text=f"{_place(item['loc'])}: {item['msg']}")
        for item in error.errors()
    )
    told = "; ".join(reason.text for reason in reasons[:3])
    return refusal(400, "malformed", f"the request is malformed: {told}", reasons)


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "refused")
    message = f"{request.method} {request.url.path}: {error.detail}"
    return refusal(error.status_code, code, message)


def _busy(_request: Request, error: Exception) -> JSONResponse:
    return refusal(503, "ledger_busy", f"{error}; nothing was changed, try again")


def _raced(_request: Request, error: Exception) -> JSONResponse:
    return refusal(409, "raced", f"somebody was quicker ({error}): look again, then decide")


def _broken(request: Request, error: Exception) -> JSONResponse:
    log.error("api_request_failed", path=request.url.path, exc_info=error)
    message = "the daemon failed to answer; its log has the details, nothing was changed"
    return refusal(500, "internal", message)
