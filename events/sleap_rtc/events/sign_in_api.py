"""Pure: what client and service say to each other about who is calling, and where that is proved."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Port = Annotated[int, Field(ge=1, le=65_535)]


class SignIn(BaseModel):
    """`GET /api/sign-in`: the issuer that the service believes, and as whose client people sign in there.

    Attributes:
        issuer: what its tokens, and the document at `discovery_url`, call it.
        discovery_url: where it says what it offers (OpenID Connect Discovery 1.0).
        client_id: of the command line, a public client (RFC 6749, 2.1).
        scopes: to ask for.
        redirect_ports: ports of this machine that the issuer sends people back to; any one where it is empty.
    """

    model_config = ConfigDict(frozen=True)

    issuer: str = Field(min_length=1, max_length=2000)
    discovery_url: str = Field(min_length=1, max_length=2000)
    client_id: str = Field(min_length=1, max_length=255)
    scopes: tuple[str, ...] = ()
    redirect_ports: tuple[Port, ...] = ()


class CallerView(BaseModel):
    """`GET /api/who-am-i`: whom a token was made for; `works_in` is the room of a worker's token."""

    model_config = ConfigDict(frozen=True)

    subject: str
    name: str
    works_in: str = ""
