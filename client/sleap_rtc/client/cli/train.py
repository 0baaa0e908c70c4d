"""Adapter: `sleap-rtc client-train`, with the options of the existing tool in both spellings."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sleap_rtc.client.cli.options import JsonOption, LimitOption

app = typer.Typer(add_completion=False)


class Transport(StrEnum):
    """How a dataset may travel."""

    WEBRTC = "webrtc"
    S3 = "s3"


class TrainerChoice(StrEnum):
    """The training engines."""

    REFERENCE = "reference"
    SLEAP_NN = "sleap-nn"


_LEGACY = "Existing tool"


@app.command()
def client_train(
    pkg_path: Annotated[
        Path, typer.Option("--pkg-path", "--pkg_path", "-p", help="The training package (.zip).")
    ],
    room_id: Annotated[
        str, typer.Option("--room-id", "--room_id", "-r", envvar="SLEAP_RTC_ROOM_ID", help="The room.")
    ] = "",
    session_string: Annotated[
        str, typer.Option("--session-string", "--session_string", "-s", help="Names the room instead.")
    ] = "",
    trainer: Annotated[
        TrainerChoice | None, typer.Option(help="Engine to train with; the worker's choice without it.")
    ] = None,
    override: Annotated[
        list[str] | None,
        typer.Option("--set", help="Trainer option, such as trainer_config.max_epochs=5."),
    ] = None,
    force_transport: Annotated[
        Transport | None, typer.Option(help="Send the dataset this way whatever its size.")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return once the dataset is uploaded.")] = False,
    limit: LimitOption = "",
    as_json: JsonOption = False,
    token: Annotated[str, typer.Option("--token", "-t", help="Room token.", rich_help_panel=_LEGACY)] = "",
    worker_id: Annotated[
        str, typer.Option("--worker-id", "--worker_id", help="One worker.", rich_help_panel=_LEGACY)
    ] = "",
    auto_select: Annotated[
        bool, typer.Option("--auto-select", "--auto_select", help="Any worker.", rich_help_panel=_LEGACY)
    ] = False,
    controller_port: Annotated[
        int, typer.Option("--controller-port", "--controller_port", rich_help_panel=_LEGACY)
    ] = 9000,
    publish_port: Annotated[
        int, typer.Option("--publish-port", "--publish_port", rich_help_panel=_LEGACY)
    ] = 9001,
    min_gpu_memory: Annotated[
        int | None, typer.Option("--min-gpu-memory", "--min_gpu_memory", rich_help_panel=_LEGACY)
    ] = None,
) -> None:
    """Train on a remote GPU: upload the package, follow the job, pull the model.

    Run the same command again after a cut: the upload goes on where it was.
    """
    del token, worker_id, auto_select, controller_port, publish_port, min_gpu_memory
    from sleap_rtc.client import training
    from sleap_rtc.events.jobs import JobRequest
    from sleap_rtc.live.session_string import parse_session_string
    from sleap_rtc.storage.errors import InputError
    from sleap_rtc.storage.keys import checked_room_id

    if session_string:
        room_id = parse_session_string(session_string).room_id
    if not room_id:
        raise InputError(message="Say which room: --room-id ROOM. `sleap-rtc rooms ls` shows yours.")
    if force_transport is Transport.WEBRTC:
        raise InputError(
            message="This version sends datasets through S3 only. Leave --force-transport webrtc out."
        )
    request = JobRequest(trainer=trainer.value if trainer else None, overrides=_overrides(override or []))
    session = training.TrainSession(checked_room_id(room_id), limit=limit, as_json=as_json)
    session.run(pkg_path, request, detach=detach)


def _overrides(texts: list[str]) -> dict[str, str]:
    from sleap_rtc.storage.errors import InputError

    pairs = [text.partition("=") for text in texts]
    wrong = [name for name, sign, _ in pairs if not sign or not name.replace(".", "_").isidentifier()]
    if wrong:
        raise InputError(
            message=f"--set takes name=value, such as trainer_config.max_epochs=5; not {wrong[0]!r}."
        )
    return {name: value for name, _, value in pairs}
