"""Infrastructure that deploys green and does not work: what such accidents have in common is looked for.

Over every module, by what its files say; Terraform itself is not needed. Each check is shown to find its
accident.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from support import deployment_checks as checks
from support.terraform_modules import ACCOUNT, KEY_ARN, Modules, modules_below

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.deployment_checks import Found

TERRAFORM = Path(__file__).parents[2] / "infra/terraform"
ALARMS = f"arn:aws:sns:us-west-2:{ACCOUNT}:sleap-rtc-test-alarms"
QUEUES, TOPIC = f"arn:aws:sqs:us-west-2:{ACCOUNT}", f"arn:aws:sns:us-west-2:{ACCOUNT}:lab-room-events"
EVENT_QUEUES = (f"{QUEUES}:lab-upload-events", f"{QUEUES}:lab-model-events")
LETTERS = tuple(f"{queue}-dlq" for queue in EVENT_QUEUES)
JOB_QUEUES = f"{QUEUES}:lab-jobs-*"
DOCTORS = f"{QUEUES}:sleap-rtc-doctor-*"
INSTANCES = f"{QUEUES}:lab-room-events-*"
DATASETS, ROOMS = "arn:aws:s3:::lab-uploads/uploads/*", "arn:aws:s3:::lab-rooms"
MADE_IN_ROOMS = tuple(f"{ROOMS}/*/{of}/*" for of in ("models", "jobs/*/checkpoint", "jobs/*/results"))
LOGS = f"arn:aws:logs:us-west-2:{ACCOUNT}:log-group:/sleap-rtc/sleap-rtc-test/*"
ALLOWED = {
    "s3:GetObject": (DATASETS, "arn:aws:s3:::lab-uploads/uploads/*/*", f"{ROOMS}/*", f"{ROOMS}/*/*/*"),
    "s3:PutObject": (
        DATASETS,
        f"{ROOMS}/*",
        f"{ROOMS}/*/*/*",
        "arn:aws:s3:::lab-logs/uploads/*",
        "arn:aws:s3:::lab-logs/rooms/*",
        f"arn:aws:s3:::lab-logs/load-balancer/AWSLogs/{ACCOUNT}/*",
    ),
    "s3:DeleteObject": (
        DATASETS,
        *MADE_IN_ROOMS,
        f"{ROOMS}/*/manifest.json",
        f"{ROOMS}/.*/*",
        f"{ROOMS}/.open/jobs/*/*",
        f"{ROOMS}/*/*pending/*",
        f"{ROOMS}/check-*",
    ),
    "s3:AbortMultipartUpload": (DATASETS, *MADE_IN_ROOMS),
    "s3:ListMultipartUploadParts": (DATASETS, *MADE_IN_ROOMS),
    "s3:ListBucket": ("arn:aws:s3:::lab-uploads", ROOMS),
    "s3:ListBucketMultipartUploads": ("arn:aws:s3:::lab-uploads", ROOMS),
    "sqs:SendMessage": (*EVENT_QUEUES, *LETTERS, JOB_QUEUES, f"{JOB_QUEUES}-dlq"),
    "sqs:ReceiveMessage": (*EVENT_QUEUES, *LETTERS, JOB_QUEUES, INSTANCES, f"{JOB_QUEUES}-dlq", DOCTORS),
    "sqs:DeleteMessage": (*EVENT_QUEUES, *LETTERS, JOB_QUEUES, INSTANCES, f"{JOB_QUEUES}-dlq"),
    "sqs:ChangeMessageVisibility": (*EVENT_QUEUES, *LETTERS, JOB_QUEUES, INSTANCES, f"{JOB_QUEUES}-dlq"),
    "sqs:GetQueueAttributes": (*EVENT_QUEUES, *LETTERS, JOB_QUEUES, INSTANCES, f"{JOB_QUEUES}-dlq", DOCTORS),
    "sqs:GetQueueUrl": (*EVENT_QUEUES, *LETTERS, JOB_QUEUES, INSTANCES, f"{JOB_QUEUES}-dlq", DOCTORS),
    "sqs:CreateQueue": (JOB_QUEUES, INSTANCES, DOCTORS),
    "sqs:SetQueueAttributes": (JOB_QUEUES, INSTANCES, DOCTORS),
    "sqs:DeleteQueue": (INSTANCES, f"{QUEUES}:lab-jobs-check-*", DOCTORS),
    "sqs:ListQueues": ("*",),
    "sns:CreateTopic": (TOPIC,),
    "sns:Publish": (TOPIC, ALARMS),
    "sns:Subscribe": (TOPIC, ALARMS),
    "sns:GetTopicAttributes": (ALARMS,),
    "sns:Unsubscribe": ("*",),  # a subscription's ARN is not known before it is there
    "kms:Decrypt": (KEY_ARN, "none"),
    "kms:GenerateDataKey": (KEY_ARN, "none"),  # where there is no key, it is the name of nothing
    "ecr:GetAuthorizationToken": ("*",),  # it is for no repository
    "ecr:BatchCheckLayerAvailability": (f"arn:aws:ecr:us-west-2:{ACCOUNT}:repository/sleap-rtc",),
    "ecr:BatchGetImage": (f"arn:aws:ecr:us-west-2:{ACCOUNT}:repository/sleap-rtc",),
    "ecr:GetDownloadUrlForLayer": (f"arn:aws:ecr:us-west-2:{ACCOUNT}:repository/sleap-rtc",),
    "logs:CreateLogStream": (LOGS, f"{LOGS}:log-stream:*"),
    "logs:PutLogEvents": (LOGS, f"{LOGS}:log-stream:*"),
    "logs:DescribeLogStreams": (LOGS, f"{LOGS}:log-stream:*"),
    "logs:FilterLogEvents": (LOGS, f"{LOGS}:log-stream:*"),
    "logs:GetLogEvents": (LOGS, f"{LOGS}:log-stream:*"),
    "secretsmanager:GetSecretValue": (f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:sleap-rtc-test/*",),
    "cloudwatch:GetMetricData": ("*",),  # CloudWatch knows no narrower resource for metrics
    "cloudwatch:GetMetricStatistics": ("*",),
    "cloudwatch:ListMetrics": ("*",),
    "cloudwatch:DescribeAlarms": (f"arn:aws:cloudwatch:us-west-2:{ACCOUNT}:alarm:*",),
    "cloudwatch:DescribeAlarmHistory": (f"arn:aws:cloudwatch:us-west-2:{ACCOUNT}:alarm:*",),
    "cloudwatch:SetAlarmState": (f"arn:aws:cloudwatch:us-west-2:{ACCOUNT}:alarm:sleap-rtc-test-*",),
    "ecs:DescribeServices": (f"arn:aws:ecs:us-west-2:{ACCOUNT}:service/sleap-rtc-test/*",),
    "sts:AssumeRole": ("",),  # a role's trust has no resource but the role
    "sts:AssumeRoleWithWebIdentity": ("",),
}
"""What any policy of any module may allow: the action, and what resources it may be on at the most."""


def too_wide_statements(modules: Modules) -> Found:
    return checks.too_wide_statements(modules, ALLOWED)


CHECKS: dict[str, Callable[[Modules], Found]] = {
    check.__name__: check
    for check in (
        checks.second_notifications,
        checks.early_notifications,
        checks.keys_that_s3_cannot_use,
        checks.confused_deputies,
        checks.early_expiry,
        checks.bytes_that_are_paid_for_ever,
        checks.open_buckets,
        checks.lost_letters,
        checks.unreadable_policies,
        checks.strangers,
        too_wide_statements,
    )
}


@pytest.mark.parametrize("key", [None, KEY_ARN], ids=["keys of AWS", "customer key"])
@pytest.mark.parametrize("check", CHECKS)
def test_modules_are_free_of(check: str, key: str | None) -> None:
    assert CHECKS[check](modules_below(TERRAFORM / "modules", kms_key_arn=key)) == []


@pytest.mark.parametrize(
    ("check", "file", "written", "broken"),
    [
        (
            "second_notifications",
            "eventing/notifications.tf",
            "bucket     = var.rooms_bucket",
            "bucket = var.uploads_bucket",
        ),
        (
            "early_notifications",
            "eventing/notifications.tf",
            "  depends_on = [aws_sqs_queue_policy.upload_events]\n",
            "",
        ),
        (
            "early_notifications",
            "eventing/notifications.tf",
            "[aws_sqs_queue_policy.model_events]",
            "[aws_sqs_queue_policy.upload_events]",
        ),
        ("keys_that_s3_cannot_use", "eventing/queues.tf", "null ? true : null", "null ? false : null"),
        ("keys_that_s3_cannot_use", "eventing/queues.tf", "= var.kms_key_arn\n", '= "alias/aws/sqs"\n'),
        (
            "confused_deputies",
            "eventing/queues.tf",
            '          StringEquals = { "aws:SourceAccount" = var.account_id }\n',
            "",
        ),
        (
            "confused_deputies",
            "keys/main.tf",
            '          StringEquals = { "aws:SourceAccount" = var.account_id }\n',
            "",
        ),
        (
            "confused_deputies",
            "storage/logs.tf",
            'ArnLike = { "aws:SourceArn"',
            'ArnLike = { "aws:PrincipalArn"',
        ),
        ("early_expiry", "storage/variables.tf", "default     = 30", "default     = 1"),
        ("early_expiry", "storage/variables.tf", "default     = 345600", "default     = 1209600"),
        (
            "bytes_that_are_paid_for_ever",
            "storage/uploads.tf",
            "expired_object_delete_marker = true",
            "days = 90",
        ),
        (
            "bytes_that_are_paid_for_ever",
            "storage/uploads.tf",
            "    noncurrent_version_expiration {\n      noncurrent_days = 1\n    }\n",
            "",
        ),
        (
            "bytes_that_are_paid_for_ever",
            "storage/rooms.tf",
            '  rule {\n    id     = "abort-incomplete-uploads"\n    status = "Enabled"',
            '  rule {\n    id     = "abort"\n    status = "Disabled"',
        ),
        (
            "bytes_that_are_paid_for_ever",
            "storage/uploads.tf",
            "      days_after_initiation = var.resume_days\n    }\n",
            "      days_after_initiation = 7\n    }\n    expiration {\n      days = 30\n    }\n",
        ),
        ("open_buckets", "storage/rooms.tf", "block_public_policy     = true", "block_public_policy = false"),
        ("open_buckets", "storage/uploads.tf", "BucketOwnerEnforced", "ObjectWriter"),
        ("open_buckets", "storage/logs.tf", 'status = "Enabled"', 'status = "Suspended"'),
        (
            "open_buckets",
            "storage/main.tf",
            '"aws:SecureTransport" = "false"',
            '"aws:SecureTransport" = "true"',
        ),
        ("lost_letters", "eventing/queues.tf", "  redrive_policy = jsonencode", "  other = jsonencode"),
        ("lost_letters", "eventing/queues.tf", "var.dead_letter_retention_s", "345600"),
        (
            "unreadable_policies",
            "eventing/queues.tf",
            "policy    = local.upload_events_policy",
            "policy = data.aws_iam_policy_document.x.json",
        ),
        ("unreadable_policies", "keys/main.tf", "policy = jsonencode", "policy = encode"),
        (
            "strangers",
            "eventing/queues.tf",
            'Principal = { Service = "s3.amazonaws.com" }',
            'Principal = "*"',
        ),
        ("too_wide_statements", "eventing/queues.tf", '"sqs:SendMessage"', '"sqs:*"'),
        ("too_wide_statements", "eventing/queues.tf", "Resource  = pair.arn", 'Resource = "*"'),
        ("too_wide_statements", "storage/logs.tf", '"${local.logs_arn}/rooms/*"', '"${local.logs_arn}/*"'),
        ("too_wide_statements", "storage/logs.tf", '"s3:PutObject"', '"s3:PutObjectAcl"'),
    ],
)
def test_accidents_are_found(tmp_path: Path, check: str, file: str, written: str, broken: str) -> None:
    shutil.copytree(TERRAFORM / "modules", tmp_path / "modules")
    path = tmp_path / "modules" / file
    text = path.read_text("utf-8")
    assert written in text
    path.write_text(text.replace(written, broken, 1), "utf-8")
    assert CHECKS[check](modules_below(tmp_path / "modules", kms_key_arn=None)) != []


def test_findings_of_checkov_are_skipped_with_a_sentence() -> None:
    config = yaml.safe_load((TERRAFORM / ".checkov.yaml").read_text("utf-8"))
    assert not {"skip-check", "soft-fail", "skip-path"} & {*config}, (
        "a skip for everything hides the next one"
    )
    skips = [
        (path, skip)
        for path in TERRAFORM.rglob("*.tf")
        for skip in re.findall(r"checkov:skip=(.*)", path.read_text("utf-8"))
    ]
    assert skips
    for path, skip in skips:
        check, _, why = skip.partition(":")
        assert len(why.split()) > 3, f"{path}: why is {check} skipped?"
