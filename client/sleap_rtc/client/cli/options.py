"""Adapter: options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class ForcedTransport(StrEnum):
    """How data may travel."""

    WEBRTC = "webrtc"
    S3 = "s3"


class TrainerChoice(StrEnum):
    """The engines."""

    REFERENCE = "reference"
    SLEAP_NN = "sleap-nn"


def _room_id(given: str) -> str:
    """Return the id of the room that is meant: an id as the service makes them, or the name of one's own."""
    from sleap_rtc.client.room_names import looks_like_an_id, room_named

    if not given or looks_like_an_id(given):
        return given
    from sleap_rtc.client.wiring import service_client

    return room_named(service_client(), given)


RoomOption = Annotated[
    str,
    typer.Option(
        "--room-id",
        "--room_id",
        "-r",
        envvar="SLEAP_RTC_ROOM_ID",
        callback=_room_id,
        help="The room, by its id or its name. `sleap-rtc rooms ls` lists yours.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
JobArgument = Annotated[
    str, typer.Argument(metavar="JOB", help="The job's id, or its last four or more characters.")
]
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
# By its id alone: it may be a room of the existing tool, whose names nobody can look up.
AnyRoomOption = Annotated[
    str, typer.Option("--room-id", "--room_id", "-r", envvar="SLEAP_RTC_ROOM_ID", help="The room.")
]
_LIVE = "A worker that is connected"
SessionStringOption = Annotated[
    str,
    typer.Option(
        "--session-string",
        "--session_string",
        "-s",
        help="What a worker prints: names it, its room and the room's token.",
        rich_help_panel=_LIVE,
    ),
]
TokenOption = Annotated[
    str,
    typer.Option(
        "--token", "-t", help="The room's token, for whoever is no member of it.", rich_help_panel=_LIVE
    ),
]
WorkerIdOption = Annotated[
    str, typer.Option("--worker-id", "--worker_id", help="This worker of the room.", rich_help_panel=_LIVE)
]
AutoSelectOption = Annotated[
    bool,
    typer.Option(
        "--auto-select",
        "--auto_select",
        help="The free worker of the room that has the most GPU memory.",
        rich_help_panel=_LIVE,
    ),
]
MinGpuMemoryOption = Annotated[
    int | None,
    typer.Option(
        "--min-gpu-memory",
        "--min_gpu_memory",
        help="Only a worker with so many MB of GPU memory.",
        metavar="MB",
        min=0,
        rich_help_panel=_LIVE,
    ),
]


def named_by_option(context: typer.Context, parameter: str) -> bool:
    """Tell whether a parameter was given on the command line, and not by the environment."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"
