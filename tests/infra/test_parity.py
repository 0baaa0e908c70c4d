"""What the local stack makes and what the Terraform describes is the same thing, and stays it.

The product provisions a real engine, the engine is asked what it has, and that is held against the modules'
files. Terraform itself is not needed.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import boto3
import pytest
from support.engines import ENGINES
from support.hcl import Module
from support.provisioned import Described, in_engine, in_store, in_terraform

from sleap_rtc.events.uploads import TAKES_JOBS_FOR
from sleap_rtc.service.provision import provision, sns_client, sqs_client
from sleap_rtc.service.topology import (
    ABORT_UPLOADS_AFTER_DAYS,
    DEAD_LETTER_RETENTION_S,
    EXPIRE_DATASETS_AFTER_DAYS,
    LOCAL_ORIGINS,
    MESSAGE_RETENTION_S,
    job_queue,
)
from sleap_rtc.settings import Settings
from sleap_rtc.storage.s3_client import s3_client
from sleap_rtc.storage.s3_transfers import URL_LIFETIME_S

MODULES = Path(__file__).parents[2] / "infra/terraform/modules"
DAY_S = 86_400


def settings_of(engine_url: str) -> Settings:
    return Settings(s3_endpoint_url=engine_url, sqs_endpoint_url=engine_url)


def inputs_of(settings: Settings, account: str) -> dict[str, Any]:
    """What an environment says; all else has the modules' defaults."""
    return {
        "name": "sleap-rtc",
        "account_id": account,
        "region": settings.s3_region,
        "uploads_bucket": settings.s3_upload_bucket,
        "rooms_bucket": settings.s3_room_bucket,
        "logs_bucket": "sleap-rtc-logs",
        "trusted_role_arns": [f"arn:aws:iam::{account}:role/sleap-rtc-service"],
        "cors_origins": list(LOCAL_ORIGINS),
    }


@pytest.fixture(scope="module")
def made(engine_url: str) -> tuple[Described, dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        return made_by_the_product(engine_url)


def made_by_the_product(engine_url: str) -> tuple[Described, dict[str, Any]]:
    settings = settings_of(engine_url)
    provision(settings)
    sqs = sqs_client(settings)
    found = in_engine(settings, s3_client(settings.s3_region, engine_url), sqs, sns_client(settings))
    url = sqs.get_queue_url(QueueName=settings.upload_events_queue)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return found, inputs_of(settings, arn.split(":")[4])


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_have_what_the_terraform_describes(engine: str, request: pytest.FixtureRequest) -> None:
    made, inputs = made_by_the_product(request.getfixturevalue(f"{engine}_url"))
    assert in_terraform(MODULES, inputs) == made


@pytest.mark.seaweedfs
def test_a_store_without_queues_has_the_buckets_that_the_terraform_describes(
    seaweedfs_url: str, engine_url: str
) -> None:
    settings = Settings(s3_endpoint_url=seaweedfs_url, sqs_endpoint_url=engine_url)
    provision(settings)
    s3 = s3_client(settings.s3_region, seaweedfs_url)
    described = in_terraform(MODULES, inputs_of(settings, "000000000000"))["buckets"]
    for bucket in (settings.s3_upload_bucket, settings.s3_room_bucket):
        del described[bucket]["notices"]  # the sweep finds out instead
        assert in_store(s3, bucket) == described[bucket]


@pytest.mark.parametrize(
    ("file", "written", "drifted"),
    [
        ("storage/uploads.tf", 'status = "Enabled"', 'status = "Suspended"'),
        ("storage/uploads.tf", '      prefix = "uploads/"', 'prefix = "upload/"'),
        ("storage/uploads.tf", "days = var.dataset_days", "days = 1"),
        ("storage/uploads.tf", "noncurrent_days = 1", "noncurrent_days = 2"),
        ("storage/uploads.tf", "expired_object_delete_marker = true", "expired_object_delete_marker = false"),
        ("storage/uploads.tf", "days_after_initiation = var.resume_days", "days_after_initiation = 1"),
        ("storage/uploads.tf", 'allowed_methods = ["GET", "PUT"]', 'allowed_methods = ["GET"]'),
        ("storage/uploads.tf", '"etag", ', ""),
        ("storage/uploads.tf", '"if-match", ', ""),
        ("storage/uploads.tf", "max_age_seconds = 3600", "max_age_seconds = 60"),
        ("storage/rooms.tf", 'prefix = ".quotas/"', 'prefix = ""'),
        ("storage/rooms.tf", 'id     = "expire-replaced"', 'id     = "expire-models"'),
        ("storage/rooms.tf", "noncurrent_days = 7", "noncurrent_days = 1"),
        ("storage/variables.tf", "default     = 30", "default     = 31"),
        ("eventing/notifications.tf", 'filter_prefix = "uploads/"', 'filter_prefix = ""'),
        ("eventing/notifications.tf", 'filter_suffix = "/model.json"', 'filter_suffix = "model.json"'),
        ("eventing/notifications.tf", "s3:ObjectCreated:Put", "s3:ObjectCreated:*"),
        (
            "eventing/notifications.tf",
            "queue_arn     = local.model_events_arn",
            "queue_arn = local.upload_events_arn",
        ),
        ("eventing/notifications.tf", "bucket     = var.rooms_bucket", "bucket = var.uploads_bucket"),
        ("eventing/queues.tf", "redrive_after         = 1000", "redrive_after = 3"),
        ("eventing/queues.tf", "largest_message_bytes = 262144", "largest_message_bytes = 1048576"),
        ("eventing/queues.tf", "largest_letter_bytes  = 1048576", "largest_letter_bytes = 262144"),
        ("eventing/queues.tf", "= var.event_visibility_s", "= 30"),
        ("eventing/queues.tf", "= var.queue_retention_s", "= 86400"),
        ("eventing/queues.tf", "= var.dead_letter_retention_s", "= 345600"),
        ("eventing/queues.tf", "null ? true : null", "null ? false : null"),
        (
            "eventing/queues.tf",
            "deadLetterTargetArn = local.model_events_dead",
            "deadLetterTargetArn = local.upload_events_dead",
        ),
        ("eventing/queues.tf", '          StringEquals = { "aws:SourceAccount" = var.account_id }\n', ""),
        ("eventing/queues.tf", 'Service = "s3.amazonaws.com"', 'Service = "sns.amazonaws.com"'),
        ("eventing/queues.tf", "bucket = var.uploads_bucket }", "bucket = var.rooms_bucket }"),
        ("eventing/queues.tf", "  redrive_policy = jsonencode", "  other = jsonencode"),
        ("eventing/topic.tf", "= var.room_events_topic\n", '= "other"\n'),
        ("eventing/variables.tf", '"sleap-rtc-upload-events"', '"upload-events"'),
        ("eventing/variables.tf", '"sleap-rtc-model-events"', '"model-events"'),
        ("eventing/variables.tf", '"sleap-rtc-room-events"', '"room-events"'),
        ("eventing/variables.tf", "default     = 60", "default     = 61"),
        ("eventing/variables.tf", "default     = 345600", "default     = 345601"),
        ("eventing/variables.tf", "default     = 1209600", "default     = 1209601"),
    ],
)
def test_drift_is_seen(
    made: tuple[Described, dict[str, Any]], tmp_path: Path, file: str, written: str, drifted: str
) -> None:
    product, inputs = made
    shutil.copytree(MODULES, tmp_path / "modules")
    path = tmp_path / "modules" / file
    text = path.read_text("utf-8")
    assert written in text
    path.write_text(text.replace(written, drifted, 1), "utf-8")
    assert in_terraform(tmp_path / "modules", inputs) != product


def test_drift_of_the_engine_is_seen(engine_url: str) -> None:
    made, inputs = made_by_the_product(engine_url)
    settings = settings_of(engine_url)
    sqs = boto3.client("sqs", region_name=settings.s3_region, endpoint_url=engine_url)
    url = sqs.get_queue_url(QueueName=settings.model_events_queue)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7"})
    found = in_engine(settings, s3_client(settings.s3_region, engine_url), sqs, sns_client(settings))
    assert found != in_terraform(MODULES, inputs) == made


@pytest.mark.parametrize(
    ("module", "variable", "ours"),
    [
        ("storage", "dataset_days", EXPIRE_DATASETS_AFTER_DAYS),
        ("storage", "resume_days", ABORT_UPLOADS_AFTER_DAYS),
        ("storage", "queue_retention_s", MESSAGE_RETENTION_S),
        ("eventing", "queue_retention_s", MESSAGE_RETENTION_S),
        ("eventing", "dead_letter_retention_s", DEAD_LETTER_RETENTION_S),
        ("eventing", "event_visibility_s", Settings().event_visibility_s),
        ("eventing", "upload_events_queue", Settings().upload_events_queue),
        ("eventing", "model_events_queue", Settings().model_events_queue),
        ("eventing", "room_events_topic", Settings().room_events_topic),
        ("eventing", "job_queue_prefix", Settings().job_queue_prefix),
    ],
)
def test_defaults_are_those_of_the_product(module: str, variable: str, ours: object) -> None:
    assert Module(MODULES / module).default(variable) == ours


def test_datasets_take_jobs_for_as_long_as_the_modules_count_with() -> None:
    text = (MODULES / "storage/variables.tf").read_text("utf-8")
    assert f"max(var.resume_days, {TAKES_JOBS_FOR.days}) + ceil(" in text
    assert f"var.queue_retention_s >= {MESSAGE_RETENTION_S} " in text, (
        "the queues of rooms keep jobs for longer"
    )
    longest_job_s = Module(MODULES / "storage").default("longest_job_s")
    waits_days = math.ceil((MESSAGE_RETENTION_S + longest_job_s) / DAY_S)
    assert TAKES_JOBS_FOR.days + waits_days <= EXPIRE_DATASETS_AFTER_DAYS
    assert TAKES_JOBS_FOR.days >= ABORT_UPLOADS_AFTER_DAYS, "an upload of a week has to take its own job"


def test_urls_live_no_longer_than_the_bucket_policy_takes_them() -> None:
    assert Module(MODULES / "storage").default("signature_age_limit_s") > URL_LIFETIME_S
    text = (MODULES / "storage/variables.tf").read_text("utf-8")
    assert f"var.signature_age_limit_s > {URL_LIFETIME_S} " in text, (
        "what is validated is another life of URLs"
    )


def test_job_queues_are_called_as_the_pattern_that_workers_may_use_says() -> None:
    name = job_queue(Settings(), "R" * 32).name
    assert name.startswith(f"{Module(MODULES / 'eventing').default('job_queue_prefix')}-")
    assert len(f"{name}-dlq") <= 80
