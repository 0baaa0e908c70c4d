"""Pure: the metrics of jobs and rooms."""

from __future__ import annotations

from typing import Final

from sleap_rtc.observability.instrument import Instrument, Kind
from sleap_rtc.observability.instruments.words import CLOUD, LAG_S, SERVICE, STATE, WORK_S, label

JOB_STEPS: Final = Instrument(
    "sleap_rtc.job.steps",
    Kind.COUNTER,
    "{step}",
    "Steps that jobs took, by the state that they came into.",
    (STATE,),
    parts=CLOUD,
)

JOBS: Final = Instrument(
    "sleap_rtc.jobs",
    Kind.GAUGE,
    "{job}",
    "Jobs that have not ended, by state, as the last sweep found them.",
    (STATE,),
    parts=SERVICE,
)

OLDEST_WAITING: Final = Instrument(
    "sleap_rtc.oldest_waiting_job",
    Kind.GAUGE,
    "s",
    "How long the oldest waiting job has waited, as the last sweep found it; 0 where none waits.",
    parts=SERVICE,
)

WAKE_LATENCY: Final = Instrument(
    "sleap_rtc.wake_latency",
    Kind.HISTOGRAM,
    "s",
    "From when the upload was found complete to the first claim by a worker.",
    (),
    LAG_S,
    CLOUD,
)

JOB_STEP_DURATION: Final = Instrument(
    "sleap_rtc.job.step.duration",
    Kind.HISTOGRAM,
    "s",
    "How long jobs stayed in a state.",
    (STATE,),
    WORK_S,
    CLOUD,
)

JOB_FAILURES: Final = Instrument(
    "sleap_rtc.job.failures",
    Kind.COUNTER,
    "{job}",
    "Jobs that failed, by code (docs/reference/exit-codes.md).",
    (
        label(
            "code",
            *("package_refused", "dataset_not_here", "dataset_changed", "dataset_corrupt"),
            *(
                "trainer_missing",
                "training_failed",
                "config_refused",
                "training_diverged",
                "out_of_memory",
            ),
            *("disk_full", "model_unavailable", "model_unsuitable", "skeleton_mismatch", "no_frames"),
            *("dataset_unusable", "options_refused", "tracking_failed", "refused", "transfer_cancelled"),
            *("worker_lost", "gave_up", "model_refused", "unexpected"),
        ),
    ),
    parts=CLOUD,
)

SWEEPS: Final = Instrument(
    "sleap_rtc.sweeps",
    Kind.COUNTER,
    "{sweep}",
    "Reconcile sweeps, by how they ended.",
    (label("outcome", "done", "failed"),),
    parts=SERVICE,
)

MENDED: Final = Instrument(
    "sleap_rtc.mended",
    Kind.COUNTER,
    "{event}",
    "What a sweep did since the event for it was lost: made a job, sent a message again, published a model, "
    "or took a job from a lost worker.",
    (label("what", "dispatched", "queued", "published", "lost_worker"),),
    parts=SERVICE,
)

MANIFEST_WRITES: Final = Instrument(
    "sleap_rtc.manifest.writes",
    Kind.COUNTER,
    "{write}",
    "Conditional writes of a room's log, by their answer; `ours` is a lost reply that was recognised.",
    (label("result", "won", "lost", "ours"),),
    parts=SERVICE,
)

MANIFEST_ATTEMPTS: Final = Instrument(
    "sleap_rtc.manifest.attempts",
    Kind.HISTOGRAM,
    "{write}",
    "How many conditional writes a change of a room took; none if another writer made it as well.",
    (),
    (0, 1, 2, 3, 5, 8, 13, 20),
    SERVICE,
)

MODELS: Final = Instrument(
    "sleap_rtc.models.published",
    Kind.COUNTER,
    "{model}",
    "Models that came into a room's manifest.",
    (),
    parts=SERVICE,
)

NOTIFICATIONS: Final = Instrument(
    "sleap_rtc.notifications",
    Kind.COUNTER,
    "{event}",
    "Room events that were sent to streams.",
    (),
    parts=SERVICE,
)

STREAMS: Final = Instrument(
    "sleap_rtc.event_streams",
    Kind.GAUGE,
    "{stream}",
    "Clients that listen to a room's events now.",
    (),
    parts=SERVICE,
)

EVERY: Final = (
    JOB_STEPS,
    JOBS,
    OLDEST_WAITING,
    WAKE_LATENCY,
    JOB_STEP_DURATION,
    JOB_FAILURES,
    SWEEPS,
    MENDED,
    MANIFEST_WRITES,
    MANIFEST_ATTEMPTS,
    MODELS,
    NOTIFICATIONS,
    STREAMS,
)
