"""Pure: takes out of what is logged what would let a reader act as somebody else.

A presigned URL is a bearer secret, so the query of every URL is removed. So is what follows `Bearer`, the
password in a URL, keys and session tokens of AWS, JSON Web Tokens, and cookies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

REDACTED: Final = "[redacted]"
_DEEPEST = 6
_SECRETS: Final = (
    (re.compile(r"(/[^\s?\"']*)\?[^\s\"']+"), rf"\1?{REDACTED}"),
    (re.compile(r"(?i)(bearer )[A-Za-z0-9._~+/=-]+"), rf"\1{REDACTED}"),
    (re.compile(r"([a-z][a-z0-9+.-]*://)[^\s/@\"']+@"), rf"\1{REDACTED}@"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), REDACTED),
    (re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), REDACTED),
    (re.compile(r"(?i)((?:set-)?cookie[\"']?\s*[:=]\s*[\"']?)[^\"'\r\n]+"), rf"\1{REDACTED}"),
    (
        re.compile(
            r"(?i)((?:aws_?)?(?:secret_?access_?key|session_?token|security_?token)[\"']?\s*[:=]\s*[\"']?)"
            r"[A-Za-z0-9/+=]+"
        ),
        rf"\1{REDACTED}",
    ),
)
_SECRET_NAME: Final = re.compile(
    r"(?i)(?:password|passwd|secret|authorization|cookie|credential|api_?key|session_?token|^token$|_token$)"
)


def redacted(text: str) -> str:
    """Return a text without secrets."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def redacted_value(name: str, value: Any, depth: int = 0) -> Any:
    """Return a value of a line without secrets, whatever it is made of.

    Args:
        name: under which it stands; under some names everything is a secret.
        value: what stands there.
        depth: how deep in another value it lies; what lies too deep is left out.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET_NAME.search(name) or depth > _DEEPEST:
        return REDACTED
    match value:
        case Mapping():
            taken: Any = {key: redacted_value(str(key), each, depth + 1) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            taken = [redacted_value("", each, depth + 1) for each in value]
        case bytes():
            taken = redacted(value.decode("utf-8", "replace"))
        case _:
            taken = redacted(str(value))
    return taken
