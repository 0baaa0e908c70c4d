"""Pure: whom a token was made for, as its holder reads it; nobody else may believe it unverified."""

from __future__ import annotations

import base64
import json

from sleap_rtc.storage.errors import InputError


def token_subject(token: str) -> str:
    """Return the subject of a JSON Web Token (RFC 7519), unverified.

    Raises:
        InputError: it is no such token, or has no subject.
    """
    try:
        _, body, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        match claims:
            case {"sub": str(subject)} if subject:
                return subject
    except (ValueError, RecursionError):
        pass
    raise InputError(
        message="The token does not say whom it was made for. Ask for a new one (SLEAP_RTC_TOKEN)."
    )
