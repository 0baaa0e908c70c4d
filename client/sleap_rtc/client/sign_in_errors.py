"""Pure: what can go wrong when somebody signs in, or when his login is used.

Refused
├── SignInFailed    the issuer said no, or nobody answered its page
├── NotSignedIn     there is neither a token nor a login here
└── LoginEnded      the issuer does not renew it any more
"""

from __future__ import annotations

from sleap_rtc.storage.errors import Refused


class SignInFailed(Refused):
    """You could not be signed in at {where}: {why}. Run `sleap-rtc login` to try again."""

    where: str
    why: str


class NotSignedIn(Refused):
    """You are not signed in at {where}. Run `sleap-rtc login`, or set a token (SLEAP_RTC_TOKEN)."""

    where: str


class LoginEnded(Refused):
    """Your login at {where} has ended. Run `sleap-rtc login` again."""

    where: str
