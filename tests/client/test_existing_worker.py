"""`client-train` and `client-track`, as processes, at a worker that speaks the existing tool's wire."""

from __future__ import annotations

import asyncio
import json
import os
import zipfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import zmq
import zmq.asyncio
from client.existing_scene import Desk, Ended, names_in
from support.existing_worker import Engine, ExistingWorker, existing_worker, packed, training_package
from support.loop import in_loop_with_processes
from support.signaling import Hall, open_hall

from sleap_rtc.client.display import JsonWatcher
from sleap_rtc.client.job_show import JsonShow
from sleap_rtc.client.legacy_conversation import LegacyWorkerSilent, Patience
from sleap_rtc.client.legacy_train import run_legacy_job
from sleap_rtc.client.room_entry import Door, entered
from sleap_rtc.storage.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sleap_rtc.local.issuer import LocalIssuer


@dataclass
class Scene:
    hall: Hall
    worker: ExistingWorker
    desk: Desk

    async def train(self, package: Path, *options: str) -> Ended:
        """Train by session string."""
        session = ("--session_string", self.worker.session_string())
        return await self.desk.run("client-train", "--pkg_path", str(package), *session, *options)


@asynccontextmanager
async def scene(issuer: LocalIssuer, folder: Path, engine: Engine | None = None) -> AsyncIterator[Scene]:
    async with open_hall(issuer) as hall, existing_worker(hall, folder / "worker", engine) as worker:
        yield Scene(hall, worker, Desk(hall, folder / "desk"))


@in_loop_with_processes
async def test_a_package_goes_out_and_the_models_come_back(token_issuer: LocalIssuer, tmp_path: Path) -> None:
    name = "Meine Mäuse 1.zip"
    package = training_package(tmp_path / name, "centroid", "centered_instance", padding=os.urandom(200_000))
    async with scene(token_issuer, tmp_path) as at:
        ended = await at.train(package, "--json")
        assert ended.status == 0, ended.err
        size = package.stat().st_size
        assert at.worker.heard[:4] == [
            "PACKAGE_TYPE::train",
            "OUTPUT_DIR::models",
            f"FILE_META::{name}:{size}:False",
            64 * 1024,
        ]
        assert at.worker.heard[-1] == "END_OF_FILE"
        assert (at.worker.folder / name).read_bytes() == package.read_bytes()
        # The original sits in its working directory, so that is where its users look.
        assert at.desk.left() == [f"trained_{name}"]
        results = zipfile.ZipFile(at.desk.folder / f"trained_{name}")
        assert results.read("centroid/best.ckpt") == at.worker.engine.checkpoint + b"centroid"
        kept = ended.of_kind("kept")
        assert sorted(model["model_type"] for model in kept) == ["centroid", "centroid"]
        listed = await at.desk.run("models", "ls", "--here", "--json")
        assert {model["id"] for model in json.loads(listed.out)} == {model["model_id"] for model in kept}
        assert [line["line"] for line in ended.of_kind("log")][:2] == [
            "Epoch 0: loss 0.5",
            "Epoch 1: loss 0.4",
        ]
        (chosen,) = ended.of_kind("transport")
        assert chosen["transport"] == "webrtc"
        assert "existing tool" in chosen["reason"]


@in_loop_with_processes
async def test_a_worker_is_found_in_its_room_and_the_largest_is_taken(
    token_issuer: LocalIssuer, tmp_path: Path
) -> None:
    package = training_package(tmp_path / "p.zip")
    async with scene(token_issuer, tmp_path) as at:
        room = {"room_id": at.worker.room_id, "token": at.worker.token}
        async with existing_worker(at.hall, tmp_path / "other", room=room) as larger:
            larger.properties["gpu_memory_mb"] = 24_000
            await larger.register()
            found = ("--room-id", room["room_id"], "--token", room["token"])
            undecided = await at.desk.run("client-train", "-p", str(package), *found)
            assert undecided.status == ExitCode.BAD_INPUT
            assert "--worker-id" in undecided.err
            too_much = await at.desk.run(
                "client-train", "-p", str(package), *found, "--min-gpu-memory", "99000"
            )
            assert too_much.status == ExitCode.UNREACHABLE
            assert "24,000 MB" in too_much.err
            assert not at.worker.heard
            assert not larger.heard
            ended = await at.desk.run("client-train", "-p", str(package), *found, "--auto-select")
            assert ended.status == 0, ended.err
            assert larger.heard[-1] == "END_OF_FILE"
            assert not at.worker.heard


@in_loop_with_processes
async def test_a_failed_training_is_told_with_its_last_lines_and_no_older_results_are_taken(
    token_issuer: LocalIssuer, tmp_path: Path
) -> None:
    package = training_package(tmp_path / "p.zip")
    async with scene(token_issuer, tmp_path) as at:
        assert (await at.train(package)).status == 0
        (at.desk.folder / "trained_p.zip").unlink()
        at.worker.engine.exit_status["centroid"] = 3
        at.worker.engine.lines = ("CUDA out of memory\n",)
        failed = await at.train(package)
        assert failed.status == ExitCode.JOB_FAILED
        assert "exit code 3" in failed.err
        assert "CUDA out of memory" in failed.err
        assert at.desk.left() == []
        assert not at.worker.ended.is_set()


@in_loop_with_processes
async def test_of_a_package_of_which_a_part_failed_the_rest_is_kept(
    token_issuer: LocalIssuer, tmp_path: Path
) -> None:
    package = training_package(tmp_path / "p.zip", "centroid", "broken")
    async with scene(token_issuer, tmp_path, Engine(exit_status={"broken": 1})) as at:
        ended = await at.train(package, "--json")
        assert ended.status == ExitCode.JOB_FAILED
        assert "broken failed" in ended.err
        assert len(ended.of_kind("kept")) == 1


@in_loop_with_processes
async def test_a_worker_that_vanishes_while_it_sends_leaves_nothing_behind(
    token_issuer: LocalIssuer, tmp_path: Path
) -> None:
    engine = Engine(checkpoint=os.urandom(300_000), breaks_off_after=100_000)
    async with scene(token_issuer, tmp_path, engine) as at:
        ended = await at.train(training_package(tmp_path / "p.zip"))
        assert ended.status == ExitCode.UNREACHABLE, ended.err
        assert "is gone" in ended.err
        assert at.desk.left() == []


@in_loop_with_processes
async def test_a_worker_whose_engine_is_missing_is_not_waited_for_for_ever(
    token_issuer: LocalIssuer, tmp_path: Path
) -> None:
    package = training_package(tmp_path / "p.zip")
    async with scene(token_issuer, tmp_path, Engine(missing=True)) as at:
        door = Door(at.hall.ws_url, at.hall.http_url, at.worker.room_id, room_token=at.worker.token)
        async with entered(door) as room:
            workers = await room.workers()
            told: list[str] = []
            show = JsonShow(JsonWatcher(told.append))
            target = tmp_path / "trained.zip"
            impatient = Patience(first_line_s=0.5)
            with pytest.raises(LegacyWorkerSilent, match="its engine may be missing"):
                await run_legacy_job(room, workers, package, "train", target, show, patience=impatient)
    assert names_in(tmp_path) == ["desk", "p.zip", "worker"]


@in_loop_with_processes
async def test_a_busy_worker_is_left_alone_and_lives_on(token_issuer: LocalIssuer, tmp_path: Path) -> None:
    async with scene(token_issuer, tmp_path) as at:
        await at.worker.set_status("reserved")
        ended = await at.train(training_package(tmp_path / "p.zip"))
        assert ended.status == ExitCode.UNREACHABLE
        assert "busy" in ended.err
        await at.worker.set_status("available")
        assert (await at.train(training_package(tmp_path / "q.zip"))).status == 0


@in_loop_with_processes
async def test_the_monitor_of_a_sleap_here_is_shown_the_progress_and_its_commands_are_passed_on(
    token_issuer: LocalIssuer, tmp_path: Path
) -> None:
    report = '{"what": "centroid", "event": "epoch_end", "logs": {"loss": 0.5}}'
    engine = Engine(reports=(report,), waits_for_control=True)
    context = zmq.asyncio.Context()
    monitor, commands = context.socket(zmq.SUB), context.socket(zmq.PUB)
    try:
        monitor.setsockopt(zmq.SUBSCRIBE, b"")
        publish = monitor.bind_to_random_port("tcp://127.0.0.1")
        controller = commands.bind_to_random_port("tcp://127.0.0.1")
        async with scene(token_issuer, tmp_path, engine) as at:
            ports = ("--publish_port", str(publish), "--controller_port", str(controller))
            running = asyncio.create_task(at.train(training_package(tmp_path / "p.zip"), *ports))
            shown = [json.loads(await monitor.recv()) for _ in range(2)]
            while not running.done():
                await commands.send_string('{"command": "stop"}')
                await asyncio.sleep(0.05)
            ended = await running
            shown.append(json.loads(await monitor.recv()))
        assert ended.status == 0, ended.err
        assert [each["event"] for each in shown] == [
            "rtc_reset_monitor",
            "rtc_update_monitor",
            "rtc_close_monitor",
        ]
        assert shown[1]["rtc_msg"] == report
        assert json.loads(at.worker.controls[0]) == {"command": "stop"}
    finally:
        context.destroy(linger=0)


@in_loop_with_processes
async def test_poses_are_predicted_and_brought_back(token_issuer: LocalIssuer, tmp_path: Path) -> None:
    data = tmp_path / "Käfig 3.pkg.slp"
    data.write_bytes(os.urandom(100_000))
    model = tmp_path / "mein modell"
    model.mkdir()
    (model / "best.ckpt").write_bytes(b"weights")
    (model / "training_config.yaml").write_text("{}")
    async with scene(token_issuer, tmp_path) as at:
        session = ("-s", at.worker.session_string())
        options = ("--data_path", str(data), "--model_paths", str(model), "-o", "out.slp", *session)
        ended = await at.desk.run("client-track", *options)
        assert ended.status == 0, ended.err
        assert (at.desk.folder / "out.slp").read_bytes() == data.read_bytes() + b"weights"
        assert at.desk.left() == ["out.slp"]
        assert "Epoch 0: loss 0.5" in ended.out
        # A package that was made by hand, with everything at its top.
        by_hand = packed(
            tmp_path / "by hand.zip",
            {"track-script.sh": "sleap-nn track --data_path d.slp -o x.predictions.slp", "d.slp": b"poses"},
        )
        ended = await at.desk.run("client-track", "-d", str(by_hand), "-o", "second.slp", *session)
        assert ended.status == 0, ended.err
        assert (at.desk.folder / "second.slp").read_bytes() == b"poses"
        at.worker.engine.missing = True
        ended = await at.desk.run("client-track", *options)
        assert ended.status == ExitCode.JOB_FAILED
        assert "it made no predictions" in ended.err
