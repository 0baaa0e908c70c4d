"""Clients of the existing tool at our worker: real connections, a real signaling server, a real engine."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from support.legacy_lab import legacy_lab
from support.legacy_packages import FOR_EVER, JOB, training_package, write_zip
from support.loop import in_loop, until

from sleap_rtc.live.legacy_frames import (
    KEEP_ALIVE,
    EndOfFile,
    FileMeta,
    LegacyFrame,
    TrainingJobsDone,
    TrainJobEnd,
    TrainJobError,
    TrainJobStart,
    ZmqCtrl,
)
from sleap_rtc.live.legacy_signaling import AppMessage, LegacyDeclined, LegacyOffered
from sleap_rtc.storage.checksum import crc64nvme, to_text
from sleap_rtc.worker import legacy_intake
from sleap_rtc.worker.slot import Holder
from sleap_rtc.worker.subprocess_trainer import SubprocessTrainer

if TYPE_CHECKING:
    from pathlib import Path

    from support.legacy_lab import Client, LegacyLab

    from sleap_rtc.local.issuer import LocalIssuer

NAME = "Mäuse v1.zip"
STOP = ZmqCtrl('{"command": "stop"}')


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_package(tmp_path_factory.mktemp("packages") / NAME)


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_package(tmp_path_factory.mktemp("packages") / "endless.zip", epochs=FOR_EVER)


async def training(client: Client) -> None:
    """Wait until the engine is at its first epoch."""
    await until(lambda: any("epoch 1/" in line for line in client.lines))


async def serves(lab: LegacyLab, package: Path) -> None:
    """Let another client have its package trained."""
    async with lab.client("next") as client:
        await client.until_available()
        await client.send(package)
        await until(lambda: EndOfFile() in client.heard.frames)
        assert TrainJobEnd(JOB) in client.told()


@in_loop
async def test_a_package_is_trained_and_its_model_comes_back_and_goes_to_the_room(
    token_issuer: LocalIssuer, tmp_path: Path, package: Path
) -> None:
    async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as client:
        await client.send(package)
        await until(lambda: EndOfFile() in client.heard.frames)
        content = client.heard.content
        meta = FileMeta(f"trained_{NAME}", len(content), "models")
        told = [TrainJobStart(JOB), TrainJobEnd(JOB), TrainingJobsDone(), meta, EndOfFile()]
        assert client.told() == told
        assert not client.progress
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert f"{JOB}/best.ckpt" in archive.namelist()
        await client.until_available()
        (record,) = lab.kept.records
        assert (record.trained_by, record.room_id, record.job_id) == ("bob", lab.room_id, "")
        assert record.dataset_checksum == crc_of(package)
        assert "best.ckpt" in lab.kept.files[0]
        await tidied(lab)


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def crc_of(path: Path) -> str:
    return to_text(crc64nvme(content_of(path)))


async def tidied(lab: LegacyLab) -> None:
    """Wait until nothing is left of any client."""
    await until(lambda: not list(lab.work_dir.glob("peer-*")))


@in_loop
async def test_an_older_client_says_less_and_a_keep_alive_is_no_part_of_its_file(
    token_issuer: LocalIssuer, tmp_path: Path, package: Path
) -> None:
    content = content_of(package)
    async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as client:
        session = await client.connect()
        session.send(FileMeta(NAME, len(content), "False"))
        for start in range(0, len(content), 1000):
            session._channel.send(KEEP_ALIVE)
            session._channel.send(content[start : start + 1000])
            await session._channel.writable()
        session.send(EndOfFile())
        assert TrainJobEnd(JOB) in await client.finished()
        await client.until_available()
        assert lab.kept.records[0].dataset_checksum == crc_of(package)


@in_loop
async def test_configurations_are_trained_in_their_order_and_what_fails_does_not_end_the_rest(
    token_issuer: LocalIssuer, tmp_path: Path
) -> None:
    jobs = ("centroid", "centered_instance", "last")
    package = training_package(tmp_path / "labels.zip", jobs, damaged=["centered_instance"])
    async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as client:
        await client.send(package)
        told = await client.finished()
        await until(lambda: EndOfFile() in client.heard.frames)
        assert told[:6] == [
            TrainJobStart("centroid"),
            TrainJobEnd("centroid"),
            TrainJobStart("centered_instance"),
            TrainJobError("centered_instance", "4"),
            TrainJobStart("last"),
            TrainJobEnd("last"),
        ]
        with zipfile.ZipFile(io.BytesIO(client.heard.content)) as archive:
            assert {name.split("/")[0] for name in archive.namelist()} == {"centroid", "last"}
        await client.until_available()
        assert len(lab.kept.records) == 2


@in_loop
async def test_whoever_has_a_window_gets_the_engines_messages_and_may_stop_it_twice_in_a_row(
    token_issuer: LocalIssuer, tmp_path: Path, endless: Path
) -> None:
    async with legacy_lab(token_issuer, tmp_path) as lab:
        for subject in ("bob", "eve"):
            async with lab.client(subject) as client:
                await client.until_available()
                session = await client.send(endless, progress=True)
                await until(lambda: any('"epoch_end"' in said for said in client.progress))
                session.send(STOP)
                await until(lambda: EndOfFile() in client.heard.frames)
                assert TrainJobEnd(JOB) in client.told()
                assert json.loads(client.progress[0])["event"] == "train_begin"
        assert [record.trained_by for record in lab.kept.records] == ["bob", "eve"]


@in_loop
async def test_an_engine_that_fails_is_told_of_and_nothing_is_sent(
    token_issuer: LocalIssuer, tmp_path: Path, package: Path
) -> None:
    broken = training_package(tmp_path / "labels.zip", damaged=[JOB])
    async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as client:
        await client.send(broken)
        assert await client.finished() == [TrainJobStart(JOB), TrainJobError(JOB, "4"), TrainingJobsDone()]
        assert any("no SLEAP package" in line for line in client.lines)
        await serves(lab, package)
        assert client.told()[-1] == TrainingJobsDone()


@in_loop
async def test_an_engine_that_is_not_installed_is_told_of(
    token_issuer: LocalIssuer, tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    sleap_nn = SubprocessTrainer("sleap-nn")
    async with legacy_lab(token_issuer, tmp_path, trainer=sleap_nn) as lab, lab.client() as client:
        await client.send(package)
        _, error, done = await client.finished()
        assert isinstance(error, TrainJobError)
        assert "sleap-nn is not installed on this worker" in error.why
        assert done == TrainingJobsDone()
        await client.until_available()
        assert lab.slot.holder is None


@in_loop
async def test_a_second_offer_is_declined_and_harms_nobody(
    token_issuer: LocalIssuer, tmp_path: Path, endless: Path
) -> None:
    async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as first, lab.client("eve") as second:
        session = await first.send(endless)
        await training(first)
        assert await second.workers(status="busy", reserved_for="bob") == ["gpu"]
        declined = await second.answer()
        assert isinstance(declined, LegacyDeclined)
        assert (declined.status, "busy" in declined.why) == ("busy", True)
        session.send(STOP)
        await until(lambda: EndOfFile() in first.heard.frames)
        await second.until_available()


@in_loop
async def test_offers_that_cross_on_their_way_are_declined_by_the_worker_itself(
    token_issuer: LocalIssuer, tmp_path: Path
) -> None:
    async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as first, lab.client("eve") as second:
        answers = await asyncio.gather(first.answer(), second.answer())
        assert sorted(type(answer).__name__ for answer in answers) == ["LegacyAnswered", "LegacyDeclined"]
        assert lab.slot.holder in (Holder("bob", at_work=False), Holder("eve", at_work=False))


@in_loop
async def test_the_worker_is_not_to_be_had_while_it_works_for_the_queue(
    token_issuer: LocalIssuer, tmp_path: Path, package: Path
) -> None:
    async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as client:
        assert lab.slot.enter()
        while not await client.workers(status="busy"):  # noqa: ASYNC110 # it has no event
            await asyncio.sleep(0.02)
        assert isinstance(await client.answer(), LegacyDeclined)
        lab.slot.leave()
        await serves(lab, package)


@in_loop
async def test_a_training_goes_on_without_its_client_where_the_room_gets_the_model(
    token_issuer: LocalIssuer, tmp_path: Path
) -> None:
    package = training_package(tmp_path / "labels.zip", epochs=20)
    async with legacy_lab(token_issuer, tmp_path) as lab:
        async with lab.client() as client:
            await client.send(package)
            await training(client)
        async with lab.client("eve") as other:
            await other.until_available()
        assert [record.trained_by for record in lab.kept.records] == ["bob"]
        assert len(lab.kept.records[0].metrics["curve"]) == 20
        await tidied(lab)


@in_loop
async def test_a_training_ends_with_its_client_where_nobody_else_gets_the_model(
    token_issuer: LocalIssuer, tmp_path: Path, endless: Path
) -> None:
    async with legacy_lab(token_issuer, tmp_path, keeps_models=False) as lab:
        async with lab.client() as client:
            await client.send(endless)
            await training(client)
        async with lab.client("eve") as other:
            await other.until_available()
        await tidied(lab)


@in_loop
async def test_a_worker_that_shuts_down_tells_its_client(
    token_issuer: LocalIssuer, tmp_path: Path, endless: Path
) -> None:
    async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as client:
        await client.send(endless)
        await training(client)
        lab.stop.set()
        assert await client.finished() == [
            TrainJobStart(JOB),
            TrainJobError(JOB, "the worker shuts down"),
            TrainingJobsDone(),
        ]
        assert client.session is not None
        await client.session.wait_ended()
        assert not lab.kept.records


@in_loop
async def test_a_client_that_lost_its_connection_begins_anew(
    token_issuer: LocalIssuer, tmp_path: Path, package: Path
) -> None:
    async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as client:
        await client.connect()
        await serves_again(client, package)
        await tidied(lab)


async def serves_again(client: Client, package: Path) -> None:
    """Offer a second session, as if the first had been lost, and have the package trained in it."""
    before = client.session
    assert before is not None
    await client.send(package)
    await until(lambda: EndOfFile() in client.heard.frames)
    assert before.why_ended


@in_loop
async def test_a_client_that_leaves_in_the_middle_of_its_file_leaves_nothing(
    token_issuer: LocalIssuer, tmp_path: Path, package: Path
) -> None:
    async with legacy_lab(token_issuer, tmp_path) as lab:
        async with lab.client() as client:
            session = await client.connect()
            session.send(FileMeta("x.zip", 1000, "False"))
            session._channel.send(b"half")
            await session.drained()
        await serves(lab, package)
        await tidied(lab)


@in_loop
async def test_a_client_that_brings_nothing_does_not_keep_the_worker_for_itself(
    token_issuer: LocalIssuer, tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legacy_intake, "STALLED_AFTER_S", 1.0)
    async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as client:
        assert "nothing of it came" in await refused(client)
        await serves(lab, package)


async def refused(client: Client, *frames: LegacyFrame | bytes) -> str:
    """Send frames; return why they are refused."""
    session = await client.connect()
    for frame in frames:
        if isinstance(frame, bytes):
            session._channel.send(frame)
        else:
            session.send(frame)
    *_, error, done = await client.finished()
    assert done == TrainingJobsDone()
    assert isinstance(error, TrainJobError)
    return error.why


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        ([b"bytes of nothing"], "before its announcement"),
        ([FileMeta("../../x.zip", 1, "False")], "plain name"),
        ([FileMeta("x.zip", 3, "False"), b"two", EndOfFile()], "not a zip file"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_a_reason_and_the_next_client_is_served(
    token_issuer: LocalIssuer, tmp_path: Path, package: Path, frames: list[Any], why: str
) -> None:
    @in_loop
    async def story() -> None:
        async with legacy_lab(token_issuer, tmp_path) as lab:
            async with lab.client() as client:
                assert why in await refused(client, *frames)
            await serves(lab, package)
            await tidied(lab)

    story()


@in_loop
async def test_a_package_that_leads_out_of_its_folder_is_refused(
    token_issuer: LocalIssuer, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    work = tmp_path_factory.mktemp("work")
    evil = write_zip(tmp_path / "x.zip", {"x/../../evil": "", "x/train-script.sh": ""})
    async with legacy_lab(token_issuer, work) as lab, lab.client() as client:
        await client.send(evil)
        error, _ = await client.finished()
        assert isinstance(error, TrainJobError)
        assert "not safe" in error.why
        await client.until_available()
        await until(lambda: not list(work.parent.glob("**/evil")))


@in_loop
async def test_a_frame_that_is_none_ends_the_visit_and_not_the_worker(
    token_issuer: LocalIssuer, tmp_path: Path, package: Path
) -> None:
    async with legacy_lab(token_issuer, tmp_path) as lab:
        async with lab.client() as client:
            session = await client.connect()
            session._channel.send("FILE_META::nothing")
            await session.wait_ended()
        await serves(lab, package)


@in_loop
async def test_an_offer_that_is_none_is_declined(token_issuer: LocalIssuer, tmp_path: Path) -> None:
    async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as client:
        await client.signaling.send_legacy("gpu", LegacyOffered("v=0"))
        await until(lambda: bool(client.signals))
        declined = client.signals.pop().signal
        assert isinstance(declined, LegacyDeclined)
        assert "its offer" in declined.why
        await client.until_available()
        assert lab.slot.holder is None


@in_loop
async def test_a_request_is_answered_and_reserves_nothing(
    token_issuer: LocalIssuer, tmp_path: Path, package: Path
) -> None:
    async with legacy_lab(token_issuer, tmp_path) as lab, lab.client() as client:
        request = {"app_message_type": "job_request", "job_id": "j1", "job_type": "training"}
        await client.signaling.send_legacy("gpu", AppMessage(request))
        await until(lambda: bool(client.signals))
        answer = client.signals.pop().signal
        assert isinstance(answer, AppMessage)
        assert (answer.kind, answer.payload["accepted"]) == ("job_response", True)
        await serves(lab, package)
