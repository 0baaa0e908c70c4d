"""Pure: the OpenAPI document as clients are to read it.

FastAPI makes most of it. What it cannot know is put in here: that errors are problem+json, who has to sign
in, what every route answers to a body that is none, which headers say what is left of the limits, and an
example of each request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from sleap_rtc.service.examples import EXAMPLES
from sleap_rtc.service.problems import CODES

if TYPE_CHECKING:
    from fastapi import FastAPI

_JSON, _PROBLEM = "application/json", "application/problem+json"
_AS_PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}
_SCHEME = "token"
_ERROR = 400
_PARSED = {"400": ("bad_request", "the body cannot be read"), "413": ("request_entity_too_large", "too long")}
"""What is answered before a handler sees a body."""
_INTEGER = {"schema": {"type": "integer", "minimum": 0}}
_TEXT = {"schema": {"type": "string"}}
_LIMITS = {
    "RateLimit": {"description": 'What is left, such as `"user";r=99;t=12`.', **_TEXT},
    "RateLimit-Policy": {"description": 'The limits, such as `"user";q=100;w=60`.', **_TEXT},
}


def install(app: FastAPI) -> None:
    """Let the app show this document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # FastAPI's own way of doing this


def _document(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for operations in made["paths"].values():
        for operation in operations.values():
            _finish(operation)
    schemas = made["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    made["components"]["securitySchemes"] = {
        _SCHEME: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    }
    return made


def _finish(operation: dict[str, Any]) -> None:
    parameters = operation.get("parameters", [])
    kept = [one for one in parameters if one["name"].lower() != "authorization"]
    signed_in = len(kept) < len(parameters)
    if kept:
        operation["parameters"] = kept
    else:
        operation.pop("parameters", None)
    if signed_in:
        operation["security"] = [{_SCHEME: []}]
    if "requestBody" in operation:
        _finish_body(operation)
    for status, response in operation["responses"].items():
        if int(status) < _ERROR:
            if signed_in:
                response["headers"] = _LIMITS
        elif "content" in response:
            response["content"] = {_PROBLEM: _AS_PROBLEM}
        if status == "401":
            response["headers"] = {"WWW-Authenticate": _TEXT}
        if status == "429":
            response["headers"] = {"Retry-After": {"required": True, **_INTEGER}}
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _finish_body(operation: dict[str, Any]) -> None:
    content = operation["requestBody"]["content"][_JSON]
    name = content["schema"]["$ref"].rpartition("/")[2]
    content["examples"] = {title: {"value": value} for title, value in EXAMPLES[name].items()}
    responses = operation["responses"]
    for status, (code, why) in _PARSED.items():
        known = responses.setdefault(status, {"content": {_PROBLEM: _AS_PROBLEM}, CODES: []})
        known[CODES] = sorted({*known[CODES], code})
        known["description"] = (
            f"{known.get('description', '').rstrip('.') or why.capitalize()}; `{code}`: {why}."
        )
