"""Pure: why a job fails, each with the stable code that its record keeps.

JobFailed
├── PackageRefused          package_refused      the zip or what is in it cannot be used
├── DatasetNotHere          dataset_not_here     the worker does not see the file in the shared folder
├── SharedDatasetChanged    dataset_changed      the file in the shared folder is another one by now
├── TrainerMissing          trainer_missing      the trainer that was asked for is not installed here
├── ConfigRefused           config_refused       the trainer does not take the configuration
├── TrainingDiverged        training_diverged    the loss is not a number any more
├── TrainingOutOfMemory     out_of_memory        there was not enough memory, of the machine or of its GPU
├── TrainingDiskFull        disk_full            the disk took no more of what the training writes
├── ModelNotKept            disk_full            there is no room for what is to be read out
├── ModelUnavailable        model_unavailable    a model of the job is not in the room any more
├── ModelUnsuitable         model_unsuitable     the engine finds no poses with such models
├── SkeletonMismatch        skeleton_mismatch    the model is of another animal than the dataset
├── NoFrames                no_frames            there is nothing to predict poses for
├── DatasetUnusable         dataset_unusable     the dataset of an inference cannot be read
├── OptionsRefused          options_refused      the engine does not take an option of the inference
├── TrackingFailed          tracking_failed      it ran and left no predictions, for another reason
└── TrainingFailed          training_failed      it ran and did not produce a model, for another reason
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


class DatasetNotHere(JobFailed):
    """This worker does not see {path} in the shared folder: {why}. Mount the folder there (shared_dir), or
    submit the job with --force-transport s3."""

    code = "dataset_not_here"
    path: str
    why: str


class SharedDatasetChanged(JobFailed):
    """{path} in the shared folder is not the file any more for which the job was submitted. Submit the job
    again."""

    code = "dataset_changed"
    path: str


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


class ConfigRefused(JobFailed):
    """The trainer refuses the configuration. Correct it and submit the job again. Its last words:
    {last_lines}"""

    code = "config_refused"
    last_lines: str


class TrainingDiverged(JobFailed):
    """The loss is not a number any more, and training on would not mend it. Submit the job again with a lower
    learning rate (trainer_config.optimizer.lr). Last words of the trainer: {last_lines}"""

    code = "training_diverged"
    last_lines: str


class TrainingOutOfMemory(JobFailed):
    """The trainer ran out of memory: {how}. Submit the job again with a smaller batch or smaller images, or
    to a worker with more memory. Last words of the trainer: {last_lines}"""

    code = "out_of_memory"
    how: str
    last_lines: str


class TrainingDiskFull(JobFailed):
    """The worker's disk was full while the training wrote to it. Make room there and retry the job. Last
    words of the trainer: {last_lines}"""

    code = "disk_full"
    last_lines: str


class ModelNotKept(JobFailed):
    """The model has {size_bytes:,} bytes, which this worker could not keep for you to read. Have its setting
    served_models_bytes raised, or its disk tidied up."""

    code = "disk_full"
    size_bytes: int


class ModelUnavailable(JobFailed):
    """The room had model {model} when the job was submitted, and it cannot be brought now: {why} Submit the
    job again with another model."""

    code = "model_unavailable"
    model: str
    why: str


class ModelUnsuitable(JobFailed):
    """The models of the job cannot be used: {told}"""

    code = "model_unsuitable"
    told: str


class SkeletonMismatch(JobFailed):
    """The model does not fit the dataset: {told}"""

    code = "skeleton_mismatch"
    told: str


class NoFrames(JobFailed):
    """There is nothing in the dataset to predict poses for: {told}"""

    code = "no_frames"
    told: str


class DatasetUnusable(JobFailed):
    """The dataset cannot be read: {told}"""

    code = "dataset_unusable"
    told: str


class OptionsRefused(JobFailed):
    """The engine refuses an option of the inference: {told}"""

    code = "options_refused"
    told: str


class TrackingFailed(JobFailed):
    """The inference stopped with exit code {exit_status} and left no predictions. Its last words:
    {last_lines}"""

    code = "tracking_failed"
    exit_status: int
    last_lines: str
