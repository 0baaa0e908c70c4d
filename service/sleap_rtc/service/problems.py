"""Adapter: errors as RFC 9457 problem details with stable codes."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from sleap_rtc.events.api import Problem
from sleap_rtc.events.problem_fields import ProblemFields, fields_of
from sleap_rtc.service.identity import Unauthenticated
from sleap_rtc.storage.document import DocumentUnreadable
from sleap_rtc.storage.errors import ExitCode, NotFound, SleapRtcError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

log = logging.getLogger(__name__)

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 401, 403, 404, 409, 422, 503)
}
"""The problems that any route may answer with."""

_STATUS = {
    ExitCode.BAD_INPUT: 400,
    ExitCode.NOT_FOUND: 404,
    ExitCode.INTEGRITY: 409,
    ExitCode.REFUSED: 403,
    ExitCode.UNREACHABLE: 503,
}


def _code(error: Exception) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()


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
        status = HTTPStatus(_STATUS.get(error.exit_code, 500))
        fields = fields_of(error)
        if isinstance(error, Unauthenticated):
            status = HTTPStatus.UNAUTHORIZED
        elif fields is not None and not isinstance(error, NotFound):
            status = HTTPStatus.CONFLICT
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(error, DocumentUnreadable):
            log.error("%s: %s", _code(error), error)
        answer = problem(status, _code(error), status.phrase, str(error), fields)
        if status is HTTPStatus.UNAUTHORIZED:
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        phrase = HTTPStatus(error.status_code).phrase
        return problem(error.status_code, phrase.lower().replace(" ", "_"), phrase, str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        return problem(422, "invalid_request", "Invalid request", f"{where}: {first['msg']}")

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        log.error("unexpected %s", type(error).__name__, exc_info=error)
        return problem(500, "unexpected", "Unexpected error", "The service failed; its log says why.")
