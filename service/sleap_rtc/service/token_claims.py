"""Pure: what a token has to say of itself and of its holder before and after its signature is checked.

The form is that of Amazon Cognito: an id token names the app client in `aud`, an access token in `client_id`,
and `token_use` says which of the two it is. Header and claims are read strictly: a member that is there
twice, an audience that is a list, or a header that changes how the rest is read are nobody's honest token.
"""

from __future__ import annotations

import base64
import json
import math
import re
from dataclasses import dataclass
from typing import Any

LONGEST_TOKEN = 16_384
"""In characters; Cognito's, with hundreds of groups in them, stay below it."""
LEEWAY_S = 60
"""By how much the issuer's clock and ours may differ, in seconds."""
ALGORITHM = "RS256"

_LONGEST_NAME = 128
_LONGEST_SUBJECT = 255
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KEY_ID = re.compile(r"[A-Za-z0-9+/=_.:-]{1,128}")
_TYPES = {"", "jwt", "at+jwt"}
# The header of RFC 7515 and RFC 7797 may ask for rules that are not ours.
_RULE_CHANGING = {"crit", "b64", "zip", "enc"}


class ClaimsRefused(ValueError):
    """The token is not one of ours; the message says why, for the log alone."""


@dataclass(frozen=True)
class Holder:
    """Whom a token was made for: the subject, and a name for people."""

    subject: str
    name: str


def key_id_of(token: str) -> str:
    """Return which key a token says that it is signed with. Nothing else that its header says is believed.

    Raises:
        ClaimsRefused: it is no token that we could take, whatever its signature.
    """
    if len(token) > LONGEST_TOKEN:
        raise ClaimsRefused("too long")
    if not _FORM.fullmatch(token):
        raise ClaimsRefused("not three parts of base64url")
    header = _read(token.partition(".")[0])
    if header.get("alg") != ALGORITHM:
        raise ClaimsRefused("another algorithm")
    if str(header.get("typ") or "").lower() not in _TYPES or _RULE_CHANGING & set(header):
        raise ClaimsRefused("another kind of token")
    key_id = header.get("kid")
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise ClaimsRefused("no key id")
    return key_id


def holder_of(token: str, audience: str) -> Holder:
    """Return whom a token was made for. Signature, issuer and times are checked already.

    Raises:
        ClaimsRefused: it was made for another service or another use, or names nobody.
    """
    claims = _read(token.split(".")[1])
    match claims.get("token_use"):
        case "id":
            right = claims.get("aud") == audience
        case "access":
            right = claims.get("client_id") == audience and claims.get("aud", audience) == audience
        case _:
            raise ClaimsRefused("neither an id token nor an access token")
    if not right:
        raise ClaimsRefused("made for another service")
    if not all(_is_time(claims[name]) for name in ("exp", "iat", "nbf") if name in claims):
        raise ClaimsRefused("a time that is none")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        raise ClaimsRefused("no subject")
    names = (_plain(claims.get(name)) for name in ("name", "cognito:username", "username"))
    return Holder(subject, next(filter(None, names), subject))


def _read(part: str) -> dict[str, Any]:
    try:
        text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("utf-8")
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ClaimsRefused("no JSON") from error
    if not isinstance(found, dict):
        raise ClaimsRefused("no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ClaimsRefused("a member that is there twice")
    return found


def _no_constant(text: str) -> Any:
    raise ClaimsRefused(f"{text} is no JSON")


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _plain(name: Any) -> str:
    """Return a name without what a terminal would take for a command, and not longer than names are."""
    text = name if isinstance(name, str) else ""
    return "".join(char for char in text if char.isprintable())[:_LONGEST_NAME].strip()
