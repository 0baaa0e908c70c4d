"""The manifests that are shipped fit the product: its queues, options, settings and times."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from sleap_rtc.service.topology import job_queue
from sleap_rtc.settings import Settings
from sleap_rtc.worker.cli import app
from sleap_rtc.worker.kind import WorkerKind, cache_folder
from sleap_rtc.worker.tether import GRACE_S

DEPLOY = Path(__file__).parents[2] / "worker" / "deploy"
FILES = ("keda-scaledjob.yaml", "runai-workload.yaml")
PREFIX = "SLEAP_RTC_"
# How `subprocess_trainer._end` ends an engine: politely, by force, then its last lines are read.
TRAINER_ENDS_S = (GRACE_S + 5) + GRACE_S
GIB = 1 << 30


def documents(file: str) -> dict[str, Any]:
    """Return the documents of a manifest by kind."""
    return {found["kind"]: found for found in yaml.safe_load_all((DEPLOY / file).read_text("utf-8"))}


def pod(file: str) -> dict[str, Any]:
    """Return the pod that a manifest starts."""
    found = documents(file)
    target = found["ScaledJob"]["spec"]["jobTargetRef"] if "ScaledJob" in found else found["Job"]["spec"]
    return dict(target["template"]["spec"])


def worker(file: str) -> dict[str, Any]:
    """Return its only container."""
    (container,) = pod(file)["containers"]
    return dict(container)


def environment(file: str) -> dict[str, str]:
    """Return what the container's environment says."""
    return {entry["name"]: entry["value"] for entry in worker(file)["env"]}


def settings(file: str) -> Settings:
    """Return the settings that hold in the pod."""
    own = {name: value for name, value in environment(file).items() if name.startswith(PREFIX)}
    return Settings.model_validate({name.removeprefix(PREFIX).lower(): value for name, value in own.items()})


def option(file: str, name: str) -> str:
    """Return the value of an option of the container's command."""
    arguments = worker(file)["args"]
    return str(arguments[arguments.index(name) + 1])


@pytest.mark.parametrize("file", FILES)
def test_every_option_is_one_of_the_worker_and_takes_its_value(file: str) -> None:
    assert worker(file)["command"] == ["sleap-rtc", "worker"]
    command: Any = typer.main.get_command(app)
    command.make_context("worker", list(worker(file)["args"]))


@pytest.mark.parametrize("file", FILES)
def test_every_variable_is_a_setting(file: str) -> None:
    names = [name for name in environment(file) if name.startswith(PREFIX)]
    assert {name.removeprefix(PREFIX).lower() for name in names} <= set(Settings.model_fields)
    assert settings(file).environment == "production"


@pytest.mark.parametrize("file", FILES)
def test_a_pod_has_the_time_that_leaving_takes(file: str) -> None:
    longest_s = settings(file).poll_wait_s + TRAINER_ENDS_S
    assert pod(file)["terminationGracePeriodSeconds"] >= longest_s + GRACE_S


@pytest.mark.parametrize("file", FILES)
def test_the_cache_lies_on_a_volume_that_its_budget_fits_into(file: str) -> None:
    holds = settings(file)
    default = cache_folder(WorkerKind.KUBERNETES, Path("/unused"), Path("/tmp"))
    assert holds.cache_dir == default
    (mount,) = [mount for mount in worker(file)["volumeMounts"] if mount["mountPath"] == str(default)]
    (volume,) = [volume for volume in pod(file)["volumes"] if volume["name"] == mount["name"]]
    size_bytes = int(volume["emptyDir"]["sizeLimit"].removesuffix("Gi")) * GIB
    assert size_bytes >= holds.cache_budget_bytes + holds.cache_free_floor_bytes


@pytest.mark.parametrize("file", FILES)
def test_a_pod_gets_a_gpu_and_no_privileges(file: str) -> None:
    assert worker(file)["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod(file)["securityContext"]["runAsNonRoot"] is True
    assert pod(file)["securityContext"]["runAsUser"] > 0
    assert worker(file)["securityContext"]["allowPrivilegeEscalation"] is False
    assert worker(file)["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("file", FILES)
def test_no_secret_is_in_it(file: str) -> None:
    text = (DEPLOY / file).read_text("utf-8")
    assert not re.search(r"AKIA|ASIA|SECRET|TOKEN|PASSWORD|_KEY", text)
    assert "Secret" not in documents(file)
    assert pod(file)["serviceAccountName"] == "sleap-rtc-worker"


@pytest.mark.parametrize("file", FILES)
def test_a_pod_that_failed_is_not_started_in_place(file: str) -> None:
    assert pod(file)["restartPolicy"] == "Never"


def trigger() -> dict[str, str]:
    """Return what the KEDA trigger watches."""
    (found,) = documents("keda-scaledjob.yaml")["ScaledJob"]["spec"]["triggers"]
    assert found["type"] == "aws-sqs-queue"
    return dict(found["metadata"])


def test_keda_watches_the_queue_of_the_room_whose_jobs_the_pod_takes() -> None:
    room_id = option("keda-scaledjob.yaml", "--room-id")
    name = job_queue(settings("keda-scaledjob.yaml"), room_id).name
    assert trigger()["queueURL"].rpartition("/")[2] == name
    assert trigger()["awsRegion"] == settings("keda-scaledjob.yaml").s3_region


def test_keda_starts_one_pod_for_each_waiting_message_and_each_pod_takes_one() -> None:
    assert trigger()["queueLength"] == "1"
    assert option("keda-scaledjob.yaml", "--max-jobs") == "1"
    spec = documents("keda-scaledjob.yaml")["ScaledJob"]["spec"]
    assert spec["scalingStrategy"] == {"strategy": "accurate"}
    assert trigger()["scaleOnInFlight"] == "false"  # what `accurate` expects


def test_keda_takes_every_value_of_a_trigger_as_text() -> None:
    assert all(isinstance(value, str) for value in trigger().values())


def test_a_surplus_pod_outlives_a_poll_and_leaves() -> None:
    for file in FILES:
        assert float(option(file, "--exit-when-idle")) > settings(file).poll_wait_s


def test_the_scaler_and_the_pod_are_different_roles() -> None:
    found = documents("keda-scaledjob.yaml")
    scaler = found["TriggerAuthentication"]["spec"]["podIdentity"]["roleArn"]
    pods = found["ServiceAccount"]["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
    assert scaler != pods
    assert found["ServiceAccount"]["metadata"]["name"] == pod("keda-scaledjob.yaml")["serviceAccountName"]
