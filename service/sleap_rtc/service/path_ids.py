"""Pure: what may stand in a path: no name of anything of ours goes beyond these, so nothing else comes in."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

RoomId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$", examples=["a1b2c3d4"])]
JobId = Annotated[str, Path(pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$", examples=["01JD0000000000000000000000"])]
UploadId = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}-[0-9A-HJKMNP-TV-Z]{26}$",
        examples=["a1b2c3d4-01JD0000000000000000000000"],
    ),
]
"""`{room_id}-{ulid}`."""
InvitationId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["0f1e2d3c4b5a"])]
ModelName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@+-]{0,79}$", examples=["flies@2"])]
"""An id, an alias, or a name's version."""
Alias = Annotated[str, Path(pattern=r"^[^\x00-\x1f\x7f/]{1,64}$", examples=["production"])]
"""What of these can be an alias is said in a sentence of its own."""
Subject = Annotated[
    str, Path(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["somebody"])
]
"""Whom a token is for, as the issuer writes it."""
