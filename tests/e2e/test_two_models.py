"""Jobs that make several models, and pods that have to leave in the middle of one."""

from __future__ import annotations

import signal
import zipfile
from typing import TYPE_CHECKING

from support.product import eventually
from support.top_down import KINDS, make_top_down_package

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product

FAST = ("--set", "trainer_config.max_epochs=2")
ENDLESS = ("--set", "trainer_config.max_epochs=100000")


def test_both_models_of_labels_with_two_configurations_are_trained_published_and_pulled(
    product: Product, tmp_path: Path
) -> None:
    with zipfile.ZipFile(make_top_down_package(tmp_path / "Mäuse 3.zip")) as package:
        package.extractall(tmp_path)
    labels = tmp_path / "Mäuse 3" / "single.pkg.slp"
    configs = [("--config", str(labels.with_name(f"{kind}.yaml"))) for kind in reversed(KINDS)]
    room = product.new_room()
    worker = product.worker(room)
    told = product.run("client-train", "-p", str(labels), *sum(configs, ()), "-r", room, *FAST, "--json")
    worker.stop()
    lines = told.json_lines()
    states = [line["state"] for line in lines if line["kind"] == "event" and line.get("job_id")]
    twice = ["training", "uploading"]
    assert states == ["queued", "claimed", "downloading", *twice, *twice, "published"]
    job = product.job(room)
    made = [model["model_type"] for model in job["models"]]
    assert made == list(KINDS)
    pulled = [line["model_id"] for line in lines if line["kind"] == "pulled"]
    assert pulled == [model["model_id"] for model in job["models"]]
    listed = product.run("models", "ls", "-r", room, "--json").json()
    assert {(model["id"], model["model_type"]) for model in listed} == {
        (model["model_id"], model["model_type"]) for model in job["models"]
    }
    assert {model["training"]["job_id"] for model in listed} == {job["job_id"]}
    shown = product.run("jobs", "show", job["job_id"], "-r", room).out
    assert all(f"{model['model_id']} ({model['model_type']})" in shown for model in job["models"])


def test_a_pod_that_has_to_leave_sends_what_it_has_and_the_job_goes_on(
    product: Product, small_package: Path
) -> None:
    room = product.new_room()
    sent = product.run("client-train", "-p", str(small_package), "-r", room, *ENDLESS, "--detach")
    assert sent.status == 0, sent.err
    cloud = product.stack.cloud_environment
    pod = product.start("worker", "-r", room, **cloud, SLEAP_RTC_WORKER_KIND="runai")
    job_id = product.wait_for_job(room, "training")["job_id"]

    def log() -> str:
        return product.run("jobs", "logs", job_id, "-r", room).out

    eventually(lambda: "epoch 2/" in log())
    pod.send_signal(signal.SIGTERM)
    assert pod.wait(30) == 0
    pod.communicate()
    assert product.job(room)["state"] == "requeued"
    eventually(lambda: len(product.run("models", "ls", "-r", room, "--json").json()) == 1)
    (left,) = product.run("models", "ls", "-r", room, "--json").json()
    shown = product.run("models", "show", left["id"], "-r", room, "--json").json()
    assert (shown["record"]["interim"], shown["record"]["job_id"]) == (True, job_id)

    worker = product.start("worker", "-r", room, **cloud)
    eventually(lambda: log().count("training single_instance with") > 1)
    stopped = product.run("jobs", "stop", job_id, "-r", room)
    assert stopped.status == 0, stopped.err
    job = product.wait_for_job(room, "published", "failed")
    assert job["state"] == "published", log()
    assert len(product.run("models", "ls", "-r", room, "--json").json()) == 2
    assert [model["model_id"] for model in job["models"]] != [left["id"]]
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=30)
