"""Pure: what the commands of people who sign in print; there is no secret in it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

if TYPE_CHECKING:
    from sleap_rtc.client.login_file import Login


class LoginShown(BaseModel):
    """What `login --json` prints; `renewed` is whether the token is renewed when it is about to end."""

    service: str
    issuer: str
    subject: str
    name: str
    expires_at: datetime
    renewed: bool

    @classmethod
    def of(cls, login: Login) -> LoginShown:
        """Return what is shown of a login."""
        return cls(
            service=login.service,
            issuer=login.issuer,
            subject=login.subject,
            name=login.name,
            expires_at=login.expires_at,
            renewed=bool(login.renewal),
        )


class LogoutShown(BaseModel):
    """What `logout --json` prints."""

    service: str
    was_signed_in: bool


class WhoShown(BaseModel):
    """What `whoami --json` prints; `expires_at` is when a login's token is renewed at the latest."""

    service: str
    subject: str
    name: str
    works_in: str
    by: Literal["token", "login"]
    expires_at: datetime | None

    @property
    def sentence(self) -> str:
        """The same for people."""
        how = "by SLEAP_RTC_TOKEN" if self.by == "token" else "by your login"
        if self.works_in:
            return f"You are worker {self.name} of room {self.works_in} at {self.service}, {how}."
        subject = "" if self.subject == self.name else f" (subject {self.subject})"
        return f"You are {self.name}{subject} at {self.service}, {how}."
