"""Adapter: errors as RFC 9457 problem details with stable codes, and which of them a route answers with."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from sleap_rtc.events.api import Problem
from sleap_rtc.events.jobs import JobCancelled, LeaseLost
from sleap_rtc.events.problem_fields import ProblemFields, crosses_whole, fields_of
from sleap_rtc.events.service_facts import TokenRefused
from sleap_rtc.service.errors import InvalidRequest, KeyReused, TooManyRequests
from sleap_rtc.service.identity import Unauthenticated, WorkersWorkOnly
from sleap_rtc.storage.document import ChangeNotShown, DocumentTooNew, DocumentUnreadable
from sleap_rtc.storage.errors import ExitCode, NotFound, Refused, SleapRtcError, Unreachable
from sleap_rtc.storage.telling import tell

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

log = logging.getLogger(__name__)

CODES = "x-problem-codes"
"""Where in the OpenAPI document the codes of an answer stand."""
# Whoever is asked for, by whom, and for what: any route with callers may answer so.
SIGNED_IN = (Unauthenticated, WorkersWorkOnly, TooManyRequests, InvalidRequest, Unreachable)
READS = (*SIGNED_IN, NotFound, DocumentUnreadable, DocumentTooNew)
WRITES = (*READS, Refused, ChangeNotShown)
HOLDS = (LeaseLost, JobCancelled)
"""Of what only the holder of a job may do."""

# Python's own words for these change from version to version, and codes are stable.
_PHRASES = {413: "Request Entity Too Large", 422: "Unprocessable Entity"}
_STATUS = {
    ExitCode.BAD_INPUT: 400,
    ExitCode.NOT_FOUND: 404,
    ExitCode.INTEGRITY: 409,
    ExitCode.REFUSED: 403,
    ExitCode.UNREACHABLE: 503,
}
_STATUS_OF_KIND: dict[type[SleapRtcError], int] = {
    Unauthenticated: 401,
    InvalidRequest: 422,
    KeyReused: 422,
    TooManyRequests: 429,
}


def code_of(kind: type[Exception]) -> str:
    """Return the stable code of an error."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def status_of(kind: type[SleapRtcError]) -> HTTPStatus:
    """Return the status with which an error is answered."""
    given = _STATUS_OF_KIND.get(kind)
    if given is not None:
        return HTTPStatus(given)
    if crosses_whole(kind) and not issubclass(kind, NotFound):
        return HTTPStatus.CONFLICT
    return HTTPStatus(_STATUS.get(kind.exit_code, 500))


def answers(*kinds: type[SleapRtcError], **others: int) -> dict[int | str, dict[str, Any]]:
    """Return what the OpenAPI document says of a route that may answer with these errors.

    Args:
        kinds: the errors.
        others: the statuses of problems that are no error of ours, by code.
    """
    codes: dict[int | str, list[str]] = {}
    for code, status in [*((code_of(kind), int(status_of(kind))) for kind in kinds), *others.items()]:
        codes.setdefault(status, []).append(code)
    return {
        status: {
            "model": Problem,
            "description": f"{_phrase(int(status))}: {', '.join(f'`{code}`' for code in found)}.",
            CODES: sorted(set(found)),
        }
        for status, found in sorted(codes.items())
    }


def _phrase(status: int) -> str:
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def problem(
    status: int, code: str, title: str, detail: str, fields: ProblemFields | None = None
) -> JSONResponse:
    """Return a problem as a response."""
    body = Problem(title=title, status=status, code=code, detail=detail, fields=fields)
    return JSONResponse(
        body.model_dump(mode="json", exclude_none=True), status, media_type="application/problem+json"
    )


def install(app: FastAPI) -> None:
    """Let the app answer every error with a problem."""

    @app.exception_handler(SleapRtcError)
    async def ours(_: Request, error: SleapRtcError) -> JSONResponse:
        return _answer(error)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        phrase = _phrase(error.status_code)
        answer = problem(error.status_code, phrase.lower().replace(" ", "_"), phrase, str(error.detail))
        answer.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            answer.headers["Allow"] = ", ".join(sorted(_methods_of(request)))
        return answer

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return _answer(_invalid(error))

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        log.error("unexpected %s", type(error).__name__, exc_info=error)
        return problem(500, "unexpected", "Unexpected error", "The service failed; its log says why.")


def _methods_of(request: Request) -> set[str]:
    """Return the methods that a path has, whose routes know of themselves alone."""
    routes = (route for route in request.app.routes if isinstance(route, Route))
    return {
        method
        for route in routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }


def _answer(error: SleapRtcError) -> JSONResponse:
    status = status_of(type(error))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(error, DocumentUnreadable):
        log.error("%s: %s", code_of(type(error)), error)
    answer = problem(status, code_of(type(error)), _phrase(status), str(error), fields_of(error))
    if status is HTTPStatus.UNAUTHORIZED:
        tell(TokenRefused())
        answer.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyRequests):
        answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


def _invalid(error: RequestValidationError) -> SleapRtcError:
    """What cannot be a name in a path names nothing; anything else is a request of the wrong form."""
    for found in error.errors():
        if found["loc"][0] == "path":
            what = str(found["loc"][-1]).removesuffix("_id").replace("_", " ")
            return NotFound(what=f"{what} {str(found.get('input', ''))[:128]}")
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"])
    return InvalidRequest(message=f"{where}: {first['msg']}")
