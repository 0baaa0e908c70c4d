"""Pure: what client and service say to each other about a job under way, where there is no live path."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from sleap_rtc.events.job_commands import Command, CommandAnswer, CommandId

TOLD, ENDED = "told", "end"
"""The server-sent events of `GET /api/rooms/{room_id}/jobs/{job_id}/live`: something happened, with the id
`{run}.{seq}`; and nothing more will."""


class GiveCommand(BaseModel):
    """`POST /api/rooms/{room_id}/jobs/{job_id}/commands`; safe to repeat with the same id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command_id: CommandId
    command: Command


class CommandView(BaseModel):
    """`GET .../commands/{command_id}`: a command, and what came of it; `answer` is None while none came."""

    model_config = ConfigDict(frozen=True)

    command_id: CommandId
    command: Command
    by: str
    at: datetime
    answer: CommandAnswer | None = None


class SampleView(BaseModel):
    """`GET .../samples`: a picture that the job's trainer drew."""

    model_config = ConfigDict(frozen=True)

    name: str
    size_bytes: int
    at: datetime
