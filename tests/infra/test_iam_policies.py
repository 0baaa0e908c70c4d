"""The policies of the Terraform module `identity` let the product do its work, and nothing else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from botocore.exceptions import ClientError
from support.iam_lab import IDENTITY, POLICIES, ROLES, IamLab, StackWithRoles, iam_lab, rendered
from support.iam_policy import Policy
from support.iam_story import Story
from support.product import Product

from sleap_rtc.local.stack import External

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

UPLOADS, ROOMS = "sleap-rtc-uploads", "sleap-rtc-rooms"
CODES = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"}

SELDOM = {
    "service": {
        r"WhatIsDoneWith: .*/\*/(room-)?pending/\*": "two members change the same room within milliseconds",
        r"WhatIsDoneWith: .*/check-\*": "`doctor --environment` removes the room that it made",
        "QueuesOfCheckRooms: .*": "and that room's queue",
        "Datasets: s3:DeleteObject": "an object is not what its upload was opened for; or see above",
    },
    "worker": {
        r"ReadsItsRoom: .*/snapshots/\*": "the manifest is behind and its room has changed hundreds of times",
    },
    "operator": {
        "(Metrics|Alarms|TriesAlarms|Logs|Tasks): .*": "a person looks, with the console or AWS's own tools",
    },
}
"""What the story below does not come to, and when it is needed."""

DENIED: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "a worker reads another room's dataset": (
        "worker",
        "s3",
        lambda s3: s3.get_object(Bucket=UPLOADS, Key="uploads/other/other-1/data"),
    ),
    "a worker reads another room's model": (
        "worker",
        "s3",
        lambda s3: s3.get_object(Bucket=ROOMS, Key="other/models/centroid_0123abcd/model.json"),
    ),
    "a worker writes a dataset": (
        "worker",
        "s3",
        lambda s3: s3.put_object(Bucket=UPLOADS, Key="uploads/{room}/{room}-1/data", Body=b""),
    ),
    "a worker writes the manifest": (
        "worker",
        "s3",
        lambda s3: s3.put_object(Bucket=ROOMS, Key="{room}/manifest.json", Body=b"{}"),
    ),
    "a worker changes who is in the room": (
        "worker",
        "s3",
        lambda s3: s3.put_object(Bucket=ROOMS, Key="{room}/room.json", Body=b"{}"),
    ),
    "a worker deletes a model": (
        "worker",
        "s3",
        lambda s3: s3.delete_object(Bucket=ROOMS, Key="{room}/models/centroid_0123abcd/best.ckpt"),
    ),
    "a worker deletes a job": (
        "worker",
        "s3",
        lambda s3: s3.delete_object(Bucket=ROOMS, Key="{room}/jobs/1/job.json"),
    ),
    "a worker lists all rooms": ("worker", "s3", lambda s3: s3.list_objects_v2(Bucket=ROOMS)),
    "a worker lists all rooms by an empty prefix": (
        "worker",
        "s3",
        lambda s3: s3.list_objects_v2(Bucket=ROOMS, Prefix=""),
    ),
    "a worker lists another room": (
        "worker",
        "s3",
        lambda s3: s3.list_objects_v2(Bucket=ROOMS, Prefix="other/"),
    ),
    "a worker takes another room's jobs": (
        "worker",
        "sqs",
        lambda sqs: sqs.receive_message(QueueUrl="{queues}/sleap-rtc-jobs-other"),
    ),
    "a worker reads its dead letters": (
        "worker",
        "sqs",
        lambda sqs: sqs.receive_message(QueueUrl="{queues}/sleap-rtc-jobs-{room}-dlq"),
    ),
    "a worker announces uploads": (
        "worker",
        "sqs",
        lambda sqs: sqs.send_message(QueueUrl="{queues}/sleap-rtc-upload-events", MessageBody="{}"),
    ),
    "a worker makes queues": ("worker", "sqs", lambda sqs: sqs.create_queue(QueueName="sleap-rtc-jobs-x")),
    "a worker listens to all rooms": (
        "worker",
        "sns",
        lambda sns: sns.subscribe(TopicArn="{topic}", Protocol="sqs", Endpoint="arn:aws:sqs:::x"),
    ),
    "the service writes beside the datasets": (
        "service",
        "s3",
        lambda s3: s3.put_object(Bucket=UPLOADS, Key="elsewhere/data", Body=b""),
    ),
    "the service lists all of the uploads bucket": (
        "service",
        "s3",
        lambda s3: s3.list_objects_v2(Bucket=UPLOADS, Prefix=""),
    ),
    "the service deletes a job": (
        "service",
        "s3",
        lambda s3: s3.delete_object(Bucket=ROOMS, Key="{room}/jobs/1/job.json"),
    ),
    "the service deletes what was said of members": (
        "service",
        "s3",
        lambda s3: s3.delete_object(Bucket=ROOMS, Key="{room}/room-log/000000000001.json"),
    ),
    "the service opens a bucket to others": (
        "service",
        "s3",
        lambda s3: s3.put_bucket_policy(Bucket=ROOMS, Policy="{}"),
    ),
    "the service has a bucket forget": (
        "service",
        "s3",
        lambda s3: s3.put_bucket_versioning(Bucket=ROOMS, VersioningConfiguration={"Status": "Suspended"}),
    ),
    "the service removes a bucket": ("service", "s3", lambda s3: s3.delete_bucket(Bucket=ROOMS)),
    "the service looks at all buckets": ("service", "s3", lambda s3: s3.list_buckets()),
    "the service removes a room's queue": (
        "service",
        "sqs",
        lambda sqs: sqs.delete_queue(QueueUrl="{queues}/sleap-rtc-jobs-{room}"),
    ),
    "the service opens its own queue to others": (
        "service",
        "sqs",
        lambda sqs: sqs.set_queue_attributes(
            QueueUrl="{queues}/sleap-rtc-upload-events", Attributes={"VisibilityTimeout": "0"}
        ),
    ),
    "the service uses somebody else's queue": (
        "service",
        "sqs",
        lambda sqs: sqs.create_queue(QueueName="somebody-elses"),
    ),
    "the service gives itself more": (
        "service",
        "iam",
        lambda iam: iam.put_role_policy(RoleName="service", PolicyName="more", PolicyDocument="{}"),
    ),
    "a worker makes itself a user": ("worker", "iam", lambda iam: iam.create_user(UserName="ada")),
    "the scaler takes jobs": (
        "scaler",
        "sqs",
        lambda sqs: sqs.receive_message(QueueUrl="{queues}/sleap-rtc-jobs-{room}"),
    ),
    "the operator reads a dataset": (
        "operator",
        "s3",
        lambda s3: s3.get_object(Bucket=UPLOADS, Key="uploads/{room}/{room}-1/data"),
    ),
    "the operator takes jobs": (
        "operator",
        "sqs",
        lambda sqs: sqs.receive_message(QueueUrl="{queues}/sleap-rtc-jobs-{room}"),
    ),
}
"""Who may not do what: a role, a service of AWS, and the call."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, small_package: Path) -> Iterator[tuple[IamLab, Story]]:
    """Return a lab in which everything was done that the product does, and the story of it."""
    folder = tmp_path_factory.mktemp("iam")
    (folder / "engine").mkdir()
    with iam_lab(folder / "engine") as lab:
        product = Product(folder)
        stack = StackWithRoles(folder / "stack", External(lab.witness.url), job_lease_s=4)
        stack.lab = lab
        product.stack = stack
        with stack:
            story = Story(lab, product, small_package, folder)
            story.tell()
        yield lab, story


@pytest.fixture(scope="module")
def lab(told: tuple[IamLab, Story]) -> IamLab:
    """Return the lab alone."""
    return told[0]


@pytest.fixture(scope="module")
def room(told: tuple[IamLab, Story]) -> str:
    """Return the room that everything was done in, to which the worker is confined."""
    return told[1].room


def test_the_product_is_denied_nothing_that_it_asks_for(told: tuple[IamLab, Story]) -> None:
    assert told[1].denied == []


def test_the_engine_and_our_reading_of_the_policies_agree(lab: IamLab) -> None:
    assert [seen for seen in lab.witness.seen if seen.allowed != seen.foreseen] == []


@pytest.mark.parametrize("role", ROLES)
def test_no_action_and_no_resource_can_be_taken_from_a_policy(lab: IamLab, room: str, role: str) -> None:
    policy, needed = Policy.parse(rendered(role, room=room)), lab.witness.of(role)
    unused = {gone for gone, less in policy.without_one() if all(less.allows(each) for each in needed)}
    assert [
        gone for gone in unused if not any(re.fullmatch(each, gone) for each in SELDOM.get(role, ()))
    ] == []


def test_what_is_needed_seldom_is_in_the_policies() -> None:
    for role, seldom in SELDOM.items():
        parts = [gone for gone, _ in Policy.parse(rendered(role)).without_one()]
        assert [each for each in seldom if not any(re.fullmatch(each, part) for part in parts)] == []


@pytest.mark.parametrize("what", DENIED)
def test_nobody_may(lab: IamLab, room: str, what: str) -> None:
    role, service, call = DENIED[what]
    topic = f"arn:aws:sns:us-east-1:000000000000:{lab.settings.room_events_topic}"
    client = lab.client(role, service)
    filled = _Filled(client, room=room, topic=topic, queues=f"{lab.witness.url}/000000000000")
    with pytest.raises(ClientError) as refused:
        call(filled)
    assert refused.value.response["Error"]["Code"] in CODES


def test_a_dataset_is_not_signed_for_by_a_service_that_may_not_write_it(lab: IamLab) -> None:
    """A URL is worth what its signer may do when it is used, not when it was signed."""
    service = lab.client("service", "s3")
    asked = {"Bucket": UPLOADS, "Key": "uploads/later/later-1/data"}
    url = service.generate_presigned_url("put_object", Params=asked)
    assert urllib3.request("PUT", url, body=b"x").status == 200
    less = json.loads(rendered("service"))
    less["Statement"][0]["Action"].remove("s3:PutObject")
    lab.may("service", json.dumps(less))
    try:
        assert urllib3.request("PUT", url, body=b"x").status == 403
    finally:
        lab.may("service", rendered("service"))


def test_every_policy_is_one_that_terraform_renders_with_the_same_names() -> None:
    written = (IDENTITY / "policies.tf").read_text("utf-8")
    for template in POLICIES.iterdir():
        assert f"policies/{template.name}" in written
        assert not re.search(r"%\{|\$\{[^}]*[^a-z_}]", template.read_text("utf-8"))
        Policy.parse(rendered(template.name.removesuffix(".json.tftpl")))


class _Filled:
    """A client whose arguments may name the room, the topic and the place of queues."""

    def __init__(self, client: Any, **values: str) -> None:
        self._client = client
        self._values = values

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            return getattr(self._client, name)(
                **{
                    key: self._in(value) if isinstance(value, str) else value
                    for key, value in arguments.items()
                }
            )

        return call

    def _in(self, text: str) -> str:
        for name, value in self._values.items():
            text = text.replace(f"{{{name}}}", value)
        return text
