"""Pure: which requests to the service are steps of a trace, and under which name.

Those that look, wait, renew, or ask for the URLs of parts are not: a long job makes thousands of them.
"""

from __future__ import annotations

import re
from typing import Final

_ROUTES: Final = (
    "/api/request-upload",
    "/api/complete-upload",
    "/api/rooms/{room_id}/jobs",
    "/api/rooms/{room_id}/shared-jobs",
    "/api/rooms/{room_id}/jobs/{job_id}/retry",
    "/api/rooms/{room_id}/jobs/{job_id}/model",
)
"""All of them are POST."""
_FORMS: Final = tuple((route, re.compile(re.sub(r"{\w+}", "[^/]+", route))) for route in _ROUTES)
HEADER: Final = "traceparent"
"""Of W3C Trace Context."""


def traced_route(method: str, path: str) -> str | None:
    """Return the route of a request that is a step, with the names of its fields; None if it is none."""
    if method != "POST":
        return None
    return next((route for route, form in _FORMS if form.fullmatch(path)), None)
