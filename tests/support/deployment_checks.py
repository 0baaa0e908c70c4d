"""What makes an infrastructure that deploys green and does not work: each check returns what it found."""

from __future__ import annotations

import json
import math
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sleap_rtc.events.uploads import TAKES_JOBS_FOR
from support.hcl import Reference
from support.terraform_modules import ACCOUNT, KEY_ARN, Modules, resources, statements, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

Found = list[str]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def second_notifications(modules: Modules) -> Found:
    """S3 keeps one configuration for each bucket; two resources would overwrite each other at every apply."""
    buckets = Counter(found["bucket"] for _, found in resources(modules, "aws_s3_bucket_notification"))
    return [f"{bucket} has {number} notifications" for bucket, number in buckets.items() if number > 1]


def early_notifications(modules: Modules) -> Found:
    """S3 tries a queue when it is asked to notify it, so the queue's policy has to be there."""
    policies = {found["queue_url"]: address for address, found in resources(modules, "aws_sqs_queue_policy")}
    queues = {f"${{{address}.url}}": found["name"] for address, found in resources(modules, "aws_sqs_queue")}
    of_queue = {queues[url]: policy for url, policy in policies.items() if url in queues}
    return [
        f"{address} does not wait for the policy of {queue['queue_arn']}"
        for address, found in resources(modules, "aws_s3_bucket_notification")
        for queue in found.get("queue", [])
        if f"${{{of_queue.get(queue['queue_arn'].rpartition(':')[2])}}}" not in found.get("depends_on", [])
    ]


def keys_that_s3_cannot_use(modules: Modules) -> Found:
    """A queue is encrypted by SQS itself or by a customer key whose policy lets S3 use it; AWS's does not."""
    letting = [
        statement
        for statement in statements(modules)
        if statement.get("Principal") == {"Service": "s3.amazonaws.com"}
        and {"kms:Decrypt", "kms:GenerateDataKey*"} <= set(_listed(statement["Action"]))
    ]
    found = []
    for address, queue in resources(modules, "aws_sqs_queue"):
        key = queue.get("kms_master_key_id")
        if key is None and queue.get("sqs_managed_sse_enabled") is not True:
            found.append(f"{address} is not encrypted")
        if key is not None and key != KEY_ARN:
            found.append(f"{address} uses {key}")
        if key is not None and not letting:
            found.append(f"{address} uses a key that S3 may not use")
    return found


def confused_deputies(modules: Modules) -> Found:
    """A service of AWS acts for one source of one account; a bucket's ARN does not say whose it is."""
    found = []
    for statement in statements(modules):
        principal = statement.get("Principal")
        if statement["Effect"] != "Allow" or not isinstance(principal, dict) or "Service" not in principal:
            continue
        conditions = _flat(statement.get("Condition", {}))
        sources = _listed(conditions.get("aws:SourceArn", []))
        named = conditions.get("aws:SourceAccount") == ACCOUNT or all(
            f":{ACCOUNT}:" in arn for arn in sources
        )
        if not sources or not named or any(arn == "*" for arn in sources):
            found.append(f"{statement.get('Sid')} lets {principal['Service']} in for anybody")
    return found


def _flat(condition: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        key: value
        for test, pairs in condition.items()
        if test in {"StringEquals", "ArnEquals", "ArnLike", "ArnLikeIfExists"}
        for key, value in pairs.items()
    }


def early_expiry(modules: Modules) -> Found:
    """A dataset stays for as long as it takes jobs, a job waits in the queue, and the longest job takes."""
    storage = modules["storage"]
    waits = storage.default("queue_retention_s") + storage.default("longest_job_s")
    taken = max(storage.default("resume_days"), TAKES_JOBS_FOR.days)
    needed = taken + math.ceil(waits / 86_400)
    return [
        f"datasets go after {expiration['days']} days, {needed} are needed"
        for address, found in resources(modules, "aws_s3_bucket_lifecycle_configuration")
        if address.endswith(".uploads")
        for rule in found["rule"]
        for expiration in rule.get("expiration", [])
        if expiration.get("days", needed) < needed
    ]


def bytes_that_are_paid_for_ever(modules: Modules) -> Found:
    """Older versions, delete markers and parts of uploads go by rules; the last two by their own."""
    found = []
    rules = {
        found["bucket"]: found["rule"]
        for _, found in resources(modules, "aws_s3_bucket_lifecycle_configuration")
    }
    for address, _ in resources(modules, "aws_s3_bucket"):
        its = [rule for rule in rules.get(f"${{{address}.id}}", []) if rule["status"] == "Enabled"]
        older = [rule for rule in its if "noncurrent_version_expiration" in rule]
        markers = [
            rule for rule in its if rule.get("expiration", [{}])[0].get("expired_object_delete_marker")
        ]
        parts = [rule for rule in its if "abort_incomplete_multipart_upload" in rule]
        found += [f"{address}: older versions stay"] * (not older)
        found += [f"{address}: delete markers stay"] * (not markers)
        found += [f"{address}: parts of uploads stay"] * (not parts)
        found += [
            f"{address}: {rule['id']} does more than one thing"
            for rule in [*markers, *parts]
            if len(
                {"noncurrent_version_expiration", "expiration", "abort_incomplete_multipart_upload"} & {*rule}
            )
            > 1
            or "days" in rule.get("expiration", [{}])[0]
        ]
    return found


def open_buckets(modules: Modules) -> Found:
    """A bucket is closed to the public, owned, encrypted, versioned, and takes TLS alone."""
    found = []
    for address, bucket in resources(modules, "aws_s3_bucket"):
        label, its = address.rpartition(".")[2], f"${{{address}.id}}"
        configured = {
            type_: one
            for type_ in (
                "aws_s3_bucket_public_access_block",
                "aws_s3_bucket_ownership_controls",
                "aws_s3_bucket_versioning",
                "aws_s3_bucket_server_side_encryption_configuration",
                "aws_s3_bucket_policy",
            )
            for _, one in resources(modules, type_)
            if one["bucket"] == its
        }
        block = configured.get("aws_s3_bucket_public_access_block", {})
        if [value for value in block.values() if isinstance(value, bool)] != [True] * 4:
            found.append(f"{label} could be made public")
        if "BucketOwnerEnforced" not in str(configured.get("aws_s3_bucket_ownership_controls")):
            found.append(f"{label} takes objects of other owners")
        if "Enabled" not in str(configured.get("aws_s3_bucket_versioning")):
            found.append(f"{label} is not versioned")
        if "sse_algorithm" not in str(configured.get("aws_s3_bucket_server_side_encryption_configuration")):
            found.append(f"{label} is not encrypted")
        denied = json.loads(configured.get("aws_s3_bucket_policy", {}).get("policy", '{"Statement": []}'))
        arn = f"arn:aws:s3:::{bucket['bucket']}"
        if not any(
            statement["Effect"] == "Deny"
            and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            and set(_listed(statement["Resource"])) == {arn, f"{arn}/*"}
            for statement in denied["Statement"]
        ):
            found.append(f"{label} takes requests without TLS")
    return found


def lost_letters(modules: Modules) -> Found:
    """What fails for good goes to a queue that is there, and that keeps it longer than the first did."""
    queues = {found["name"]: found for _, found in resources(modules, "aws_sqs_queue")}
    found = []
    for name, queue in queues.items():
        if name.endswith("-dlq"):
            continue
        redrive = json.loads(queue.get("redrive_policy", "{}"))
        letters = queues.get(redrive.get("deadLetterTargetArn", "").rpartition(":")[2])
        if letters is None:
            found.append(f"{name} has no queue for dead letters")
        elif letters["message_retention_seconds"] <= queue["message_retention_seconds"]:
            found.append(f"{name} keeps what fails for longer than its dead letters")
    return found


def unreadable_policies(modules: Modules) -> Found:
    """Policies are text that a plan has: a mocked data source makes a random string of them."""
    found = [
        f"{name} asks aws_iam_policy_document"
        for name, module in modules.items()
        if module.asks_for("aws_iam_policy_document")
    ]
    for name, module in modules.items():
        found += [
            f"{name}: {value} is not known before an apply"
            for value in module.locals.values()
            for text in texts(value)
            if isinstance(text, Reference) and ("Statement" in text or "policies/" in text)
        ]
        found += [
            f"{name}: {address} has the policy {value}"
            for (type_, address), resource in module.resources().items()
            for attribute, value in resource.items()
            if attribute in {"policy", "assume_role_policy"} and isinstance(value, Reference)
            if value != "${each.value}" and not value.startswith("${local.") and type_ != "aws_vpc_endpoint"
        ]
    return found


def strangers(modules: Modules) -> Found:
    """Nobody is let in by a wildcard, and a pod only with its subject and audience."""
    found = []
    for statement in statements(modules):
        principal = statement.get("Principal", {})
        if statement["Effect"] != "Allow":
            continue
        if principal == "*" or "*" in _listed(principal.get("AWS", [])):
            found.append(f"{statement.get('Sid')} lets everybody in")
        if statement["Action"] == "sts:AssumeRoleWithWebIdentity":
            asked = {
                key.rpartition(":")[2]: value for key, value in statement["Condition"]["StringEquals"].items()
            }
            if not asked.get("sub") or not asked.get("aud") or "*" in str(asked):
                found.append(f"{statement.get('Sid')} lets any pod in")
    return found


def too_wide_statements(modules: Modules, allowed: Mapping[str, tuple[str, ...]]) -> Found:
    """Return every allowed action on a resource that is on no line of the list."""
    found = []
    for statement in statements(modules):
        if statement["Effect"] != "Allow":
            continue
        of_key = "Principal" in statement and all(
            one.startswith("kms:") for one in _listed(statement["Action"])
        )
        for action in _listed(statement["Action"]):
            for resource in _listed(statement.get("Resource", "")):
                patterns = ("this key",) if of_key else allowed.get(action, ())
                named = "this key" if of_key and resource == "*" else resource
                if not any(
                    fnmatchcase(named, pattern) and named.count("*") <= pattern.count("*")
                    for pattern in patterns
                ):
                    found.append(f"{statement.get('Sid')}: {action} on {resource}")
    return found
