"""Pure: why a job fails, each with the stable code that its record keeps.

JobFailed
├── PackageRefused          package_refused      the zip or what is in it cannot be used
├── TrainerMissing          trainer_missing      the trainer that was asked for is not installed here
└── TrainingFailed          training_failed      it ran and did not produce a model
"""

from __future__ import annotations

from typing import ClassVar

from sleap_rtc.storage.errors import ExitCode, SleapRtcError


class JobFailed(SleapRtcError):
    """{why}"""

    exit_code = ExitCode.JOB_FAILED
    code: ClassVar[str] = "failed"


class PackageRefused(JobFailed):
    """The training package cannot be used: {why}."""

    code = "package_refused"
    why: str


class TrainerMissing(JobFailed):
    """The trainer {trainer} is not installed on this worker. Install it there, or choose another with
    --trainer."""

    code = "trainer_missing"
    trainer: str


class TrainingFailed(JobFailed):
    """Training stopped with exit code {exit_status}. Its last words: {last_lines}"""

    code = "training_failed"
    exit_status: int
    last_lines: str
