"""An engine that enforces IAM, with the roles of the Terraform module `identity`, each with its own policies.

The policies are rendered from the same files that Terraform renders. Roles are assumed by STS, so their keys
are temporary, requests are signed with them, and a URL is worth what its signer may do.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from sleap_rtc.local.engine import start_engine
from sleap_rtc.local.stack import LocalStack
from sleap_rtc.settings import Settings
from support.iam_policy import Policy
from support.iam_witness import ACCOUNT_ID, IamWitness

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sleap_rtc.local.child import Child

IDENTITY = Path(__file__).parents[2] / "infra" / "terraform" / "modules" / "identity"
POLICIES = IDENTITY / "policies"
REGION = "us-east-1"
ROLES = ("service", "worker", "scaler", "operator")
DEFAULTS = Settings()
NAMES = {
    "partition": "aws",
    "region": REGION,
    "account_id": ACCOUNT_ID,
    "name": "sleap-rtc-test",
    "uploads_bucket": DEFAULTS.s3_upload_bucket,
    "rooms_bucket": DEFAULTS.s3_room_bucket,
    "upload_events_queue": DEFAULTS.upload_events_queue,
    "model_events_queue": DEFAULTS.model_events_queue,
    "room_events_topic": DEFAULTS.room_events_topic,
    "job_queue_prefix": DEFAULTS.job_queue_prefix,
    "ecr_repository": "sleap-rtc-service",
    "kms_key_arn": f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/0",
    "room": "*",
}
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
_BATCHES = {f"sqs:{action}": f"sqs:{action}Batch" for action in ("ChangeMessageVisibility", "DeleteMessage")}


def rendered(role: str, **changed: str) -> str:
    """Return the policy of a role as Terraform renders it: names in ${} and nothing else."""
    return Template((POLICIES / f"{role}.json.tftpl").read_text("utf-8")).substitute({**NAMES, **changed})


def for_engine(policy: str) -> str:
    """Return a policy in the words of MiniStack 1.5, which asks for sqs:DeleteMessageBatch.

    AWS has no such permission: sqs:DeleteMessage is good for the batch, too (SQS Developer Guide, "Amazon SQS
    API permissions: Actions and resource reference").
    """
    found = json.loads(policy)
    for statement in found["Statement"]:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        statement["Action"] = [*actions, *(_BATCHES[action] for action in actions if action in _BATCHES)]
    return json.dumps(found)


@dataclass(frozen=True)
class Keys:
    """The temporary keys of a role."""

    access_key: str
    secret_key: str
    session_token: str

    @property
    def environment(self) -> dict[str, str]:
        """What a process with this role has in its environment."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }


class IamLab:
    """The engine, and whoever has a role there. The keys `test` are the account's own, which may do all."""

    def __init__(self, engine_url: str, witness: IamWitness) -> None:
        self._engine_url = engine_url
        self.witness = witness
        self._keys: dict[str, Keys] = {}
        self._clients: dict[tuple[str, str], Any] = {}

    @cached_property
    def settings(self) -> Settings:
        """Where everything is, for code that is run in this process."""
        return Settings(
            s3_endpoint_url=self.witness.url, sqs_endpoint_url=self.witness.url, poll_wait_s=0, job_lease_s=4
        )

    def root(self, service: str) -> Any:
        """Return a client that may do everything."""
        session: Any = boto3.session.Session("test", "test")
        return session.client(service, region_name=REGION, endpoint_url=self._engine_url)

    def may(self, role: str, policy: str) -> None:
        """Give a role a policy in place of the one that it has."""
        iam = self.root("iam")
        if role not in self._keys:
            arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=_TRUST)["Role"]["Arn"]
            got = self.root("sts").assume_role(RoleArn=arn, RoleSessionName=role)["Credentials"]
            self._keys[role] = Keys(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
        iam.put_role_policy(RoleName=role, PolicyName="work", PolicyDocument=for_engine(policy))
        self.witness.knows(self._keys[role].access_key, role, Policy.parse(policy))

    def keys(self, role: str) -> Keys:
        """Return the keys of a role, which has what its file says unless something else was said."""
        if role not in self._keys:
            self.may(role, rendered(role))
        return self._keys[role]

    def client(self, role: str, service: str) -> Any:
        """Return a client with the keys of a role."""
        if (role, service) not in self._clients:
            self._clients[role, service] = self._new_client(role, service)
        return self._clients[role, service]

    def _new_client(self, role: str, service: str) -> Any:
        keys = self.keys(role)
        session: Any = boto3.session.Session(keys.access_key, keys.secret_key, keys.session_token)
        return session.client(service, region_name=REGION, endpoint_url=self.witness.url)

    @contextmanager
    def in_role(self, role: str) -> Iterator[Settings]:
        """Have the code of this process find the keys of a role where it looks for credentials."""
        with pytest.MonkeyPatch.context() as patched:
            for name, value in self.keys(role).environment.items():
                patched.setenv(name, value)
            patched.setattr(boto3, "DEFAULT_SESSION", None)
            yield self.settings


class StackWithRoles(LocalStack):
    """The local stack, provisioned by the account's owner, its service and workers with a role each."""

    lab: IamLab

    def service(self, name: str = "service", port: int = 0, **more: str) -> tuple[Child, str]:
        """Start an instance of the service with the service's role."""
        return super().service(name, port, **self.lab.keys("service").environment, **more)

    def worker(self, room_id: str, trainer: str = "reference", name: str = "worker", **more: str) -> Child:
        """Start a worker with the worker's role."""
        keys: Mapping[str, str] = self.lab.keys("worker").environment
        return super().worker(room_id, trainer, name, **{**keys, **more})


@contextmanager
def iam_lab(folder: Path) -> Iterator[IamLab]:
    """Run an engine that enforces IAM, and a witness before it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AUTH", "true")  # the engine's own switch
        engine, url = start_engine(folder, folder / "engine.log")
    try:
        with IamWitness(url) as witness:
            yield IamLab(url, witness)
    finally:
        engine.stop()
