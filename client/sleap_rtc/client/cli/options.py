"""Pure: options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

RoomOption = Annotated[
    str,
    typer.Option(
        "--room-id", "--room_id", "-r", envvar="SLEAP_RTC_ROOM_ID", help="The room. `sleap-rtc rooms ls`."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="The model's id, an alias, or a version such as flies@2.")
]
LimitOption = Annotated[
    str,
    typer.Option(
        "--limit",
        metavar="RATE",
        help="Send no faster than this: bytes a second, such as 5MB; 0 for no limit.",
    ),
]
