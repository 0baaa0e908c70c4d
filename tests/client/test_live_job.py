"""Watching and commanding a job from a client, over two real WebRTC peers, and what goes wrong in between."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest
from support.job_lab import JobLab, LabWorker, Viewer, ended, queued_job
from support.product import eventually

from sleap_rtc.client.job_errors import FileOfJobMissing
from sleap_rtc.events.job_commands import Pause, Sample, Stop
from sleap_rtc.events.job_progress import BatchEnded, LineLogged, RunEnded, StepTaken
from sleap_rtc.events.job_samples import LARGEST_SAMPLE_BYTES
from sleap_rtc.storage.errors import InputError, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n and the rest"


@pytest.fixture
def lab() -> Iterator[JobLab]:
    with JobLab() as lab:
        yield lab


def lines(run: int, count: int) -> list[tuple[int, int]]:
    return [(run, number) for number in range(1, count + 1)]


def test_a_job_is_watched_from_before_it_is_claimed_to_its_end(lab: JobLab) -> None:
    lab.service.become(queued_job())
    with lab.live_job() as live:
        viewer = Viewer(live)
        viewer.until_link("waiting")
        worker, run = lab.worker_at(queued_job())
        viewer.until_link("direct")
        run.tell(StepTaken(state="training"))
        run.tell(BatchEnded(epoch=0, batch=1))
        run.tell(LineLogged(text="hello"))
        viewer.until(lambda: len(viewer.numbers) == 2)
        viewer.until(lambda: live.round_trip_s is not None)
        run.tell(RunEnded(state="uploading"))
        viewer.until_link("done")
        assert lab.service.job_now is not None
        lab.service.become(ended(lab.service.job_now))
        viewer.until(lambda: viewer.over)
        assert viewer.numbers == [(1, 1), (1, 3), (1, 4)]
        assert lab.service.listeners == 0
    eventually(lambda: bool(worker.sessions[0].why_ended))


def test_after_cuts_nothing_is_missing_and_nothing_comes_twice(lab: JobLab) -> None:
    worker, run = lab.worker_at(queued_job())
    with lab.live_job() as live:
        viewer = Viewer(live)
        for cut in range(3):
            for _ in range(100):
                run.tell(LineLogged(text="a line"))
                run.tell(BatchEnded(epoch=0, batch=1))
            viewer.until(lambda cut=cut: len(worker.sessions) > cut and len(viewer.numbers) > 100 * cut)  # type: ignore[misc]
            lab.cut(worker)
        viewer.until(lambda: len(viewer.numbers) == 300)
        assert viewer.numbers == [(1, number) for number in range(1, 601, 2)]
        assert len({(told.run, told.seq) for told in viewer.told}) == len(viewer.told)
        assert "again" in viewer.links


def test_a_worker_out_of_reach_is_heard_through_the_service_and_directly_once_it_is_back(lab: JobLab) -> None:
    worker, run = lab.worker_at(queued_job())
    with lab.live_job() as live:
        viewer = Viewer(live)
        viewer.until_link("direct")
        run.tell(LineLogged(text="directly"))
        viewer.until(lambda: len(viewer.numbers) == 1)
        lab.leave(worker.peer_id)
        viewer.until_link("service")
        run.tell(LineLogged(text="through the service"))
        viewer.until(lambda: len(viewer.numbers) == 2)
        lab.join(worker)
        run.tell(LineLogged(text="meanwhile"))
        viewer.until_link("direct")
        run.tell(LineLogged(text="directly again"))
        viewer.until(lambda: len(viewer.numbers) == 4)
        eventually(lambda: lab.service.listeners == 0)
        assert viewer.numbers == lines(1, 4)


def test_a_job_that_another_worker_takes_is_watched_there(lab: JobLab) -> None:
    first, old = lab.worker_at(queued_job())
    with lab.live_job() as live:
        viewer = Viewer(live)
        viewer.until_link("direct")
        old.tell(LineLogged(text="of the first run"))
        viewer.until(lambda: viewer.numbers == [(1, 1)])
        again = queued_job().model_copy(update={"fencing": 1, "attempt": 1})
        second, new = lab.worker_at(again, "gpu-2")
        viewer.until(lambda: len(second.sessions) == 1 and bool(first.sessions[0].why_ended))
        old.tell(LineLogged(text="of a run that is over"))
        new.tell(LineLogged(text="of the second run"))
        viewer.until(lambda: viewer.numbers == [(1, 1), (2, 1)])


def test_the_same_worker_at_the_job_again_is_another_run(lab: JobLab) -> None:
    worker, old = lab.worker_at(queued_job())
    with lab.live_job() as live:
        viewer = Viewer(live)
        viewer.until_link("direct")
        old.tell(RunEnded(state="requeued"))
        viewer.until(lambda: len(viewer.numbers) == 1)
        lab.claims(worker, queued_job().model_copy(update={"fencing": 1, "attempt": 1})).tell(
            StepTaken(state="claimed")
        )
        viewer.until(lambda: viewer.numbers == [(1, 1), (2, 1)])


@pytest.mark.parametrize("trouble", ["no peer", "no engine"])
def test_who_cannot_call_watches_and_commands_through_the_service(lab: JobLab, trouble: str) -> None:
    worker, run = lab.worker_at(queued_job())
    if trouble == "no peer":
        assert lab.service.job_now is not None
        lab.service.become(lab.service.job_now.model_copy(update={"worker_peer_id": ""}))
    with lab.live_job(engine_missing="aiortc not installed" if trouble == "no engine" else "") as live:
        viewer = Viewer(live)
        viewer.until_link("service")
        run.tell(LineLogged(text="a line"))
        viewer.until(lambda: len(viewer.numbers) == 1)
        assert live.ask(Pause()).text == "pause it is"
    assert worker.sessions == []
    assert worker.obeyed == [("pause", lab.service.given[0])]


def test_a_command_is_answered_over_the_session(lab: JobLab) -> None:
    worker, _ = lab.worker_at(queued_job())
    with lab.live_job() as live:
        assert live.ask(Pause()).text == "pause it is"
        assert lab.service.given == []
        assert [name for name, _ in worker.obeyed] == ["pause"]


def test_a_command_alone_needs_no_events(lab: JobLab) -> None:
    _, run = lab.worker_at(queued_job())
    run.tell(LineLogged(text="a line"))
    with lab.live_job(events=False) as live:
        assert live.ask(Pause()).text == "pause it is"
        viewer = Viewer(live)
        viewer.until_link("direct")
        assert viewer.told == []


@pytest.mark.parametrize("back", [True, False])
def test_a_command_that_is_repeated_after_a_cut_is_one_command(lab: JobLab, back: bool) -> None:
    worker, _ = lab.worker_at(queued_job())
    with lab.live_job() as live:
        Viewer(live).until_link("direct")
        worker.may.clear()
        answer = live.ask_later(Stop())
        eventually(lambda: len(worker.given) == 1)
        if back:
            lab.cut(worker)
        else:
            lab.leave(worker.peer_id)
        eventually(lambda: len(worker.given) == 2)
        worker.may.set()
        assert answer.result(60).text == "stop it is"
    assert worker.given[0] == worker.given[1]
    assert worker.obeyed == [("stop", worker.given[0])]
    assert lab.service.given == ([] if back else worker.given[:1])


def test_a_sample_comes_over_the_session_or_from_the_room(lab: JobLab, tmp_path: Path) -> None:
    worker, _ = lab.worker_at(queued_job())
    worker.sample = tmp_path / "drawn.png"
    worker.sample.write_bytes(PNG * 1000)
    with lab.live_job() as live:
        answer = live.ask(Sample())
        assert live.fetch(answer.files[0]) == PNG * 1000
        with pytest.raises(FileOfJobMissing, match=r"other\.png cannot be had"):
            live.fetch("other.png")
        lab.leave(worker.peer_id)
        Viewer(live).until_link("service")
        assert live.fetch("sample.png") == PNG * 1000


@pytest.mark.parametrize("content", [b"<html>", PNG + bytes(LARGEST_SAMPLE_BYTES)])
def test_what_is_no_picture_is_not_taken(lab: JobLab, tmp_path: Path, content: bytes) -> None:
    worker, _ = lab.worker_at(queued_job())
    worker.sample = tmp_path / "drawn.png"
    worker.sample.write_bytes(content)
    with lab.live_job() as live:
        Viewer(live).until_link("direct")
        with pytest.raises(InputError, match=r"sample\.png"):
            live.fetch("sample.png")


def test_where_no_worker_is_at_it_a_command_says_so(lab: JobLab) -> None:
    lab.service.become(queued_job())
    with lab.live_job() as live, pytest.raises(InputError, match="no worker is at it"):
        live.ask(Pause())


def test_a_job_that_has_ended_tells_what_is_kept_of_it(lab: JobLab) -> None:
    worker, run = lab.worker_at(queued_job())
    run.tell(LineLogged(text="a line"))
    run.tell(RunEnded(state="published"))
    assert lab.service.job_now is not None
    lab.service.become(ended(lab.service.job_now))
    with lab.live_job() as live:
        viewer = Viewer(live)
        viewer.until(lambda: viewer.over)
    assert viewer.numbers == lines(1, 2)
    assert viewer.links == ["done"]
    assert worker.sessions == []


def test_of_a_job_without_events_the_log_is_told(lab: JobLab) -> None:
    lab.service.become(ended(queued_job()))
    lab.service.log_text = "first\nsecond\n"
    with lab.live_job() as live:
        items = list(live.items())
    assert [type(item).__name__ for item in items] == ["JobSeen", "LinkState", "LogRead", "Over"]


def test_a_job_that_is_promised_is_waited_for_and_one_that_disappears_is_not(lab: JobLab) -> None:
    with lab.live_job() as live:
        viewer = Viewer(live)
        lab.service.become(queued_job())
        viewer.until_link("waiting")
        lab.service.job_now = None
        with pytest.raises(NotFound):
            viewer.until(lambda: False)


def test_a_service_that_is_away_is_said_once_and_the_session_goes_on(lab: JobLab) -> None:
    _, run = lab.worker_at(queued_job())
    with lab.live_job() as live:
        viewer = Viewer(live)
        viewer.until_link("direct")
        lab.service.away = True
        viewer.until(lambda: any(getattr(item, "text", "") for item in viewer.items))
        run.tell(LineLogged(text="still here"))
        viewer.until(lambda: len(viewer.numbers) == 1)
        assert live.ask(Pause()).text == "pause it is"
        lab.service.away = False
        viewer.until(lambda: type(viewer.items[-1]).__name__ == "ServiceAway")
        assert [type(item).__name__ for item in viewer.items].count("ServiceAway") == 2


@pytest.mark.parametrize(
    "nonsense",
    [
        "{",
        '{"op":"told","job_id":"01J00000000000000000000000","told":{"run":1,"seq":"x"}}',
        '{"v":1,"op":"told","job_id":"01J00000000000000000000009","told":{"v":1,"run":9,"seq":9,'
        '"at":"2026-01-01T00:00:00Z","event":{"kind":"log","text":"forged"}}}',
        '{"op":"' + "x" * 100_000 + '"}',
        "[" * 15_000,
    ],
)
def test_what_a_worker_should_not_say_ends_nothing(lab: JobLab, nonsense: str) -> None:
    worker, run = lab.worker_at(queued_job())
    with lab.live_job() as live:
        viewer = Viewer(live)
        viewer.until_link("direct")

        async def say() -> None:
            worker.sessions[-1].ctl.send(nonsense)
            worker.sessions[-1].progress.send(nonsense)

        lab.do(say())
        run.tell(LineLogged(text="a line"))
        viewer.until(lambda: viewer.numbers == lines(1, 1))
        assert len(worker.sessions) == 1


def test_ctrl_c_leaves_while_everything_hangs(lab: JobLab, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, _ = lab.worker_at(queued_job())
    worker.may.clear()
    hangs = threading.Event()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with lab.live_job() as live:
            Viewer(live).until_link("direct")
            monkeypatch.setattr(lab.service, "job", lambda *_: hangs.wait())
            interrupt = threading.Thread(target=interrupt_once_given, args=(worker,))
            interrupt.start()
            with pytest.raises(KeyboardInterrupt):
                live.ask(Stop())
        interrupt.join()
    finally:
        signal.signal(signal.SIGINT, before)
        hangs.set()
        worker.may.set()


def interrupt_once_given(worker: LabWorker) -> None:
    """Do as Ctrl-C does once the worker has a command."""
    eventually(lambda: bool(worker.given))
    os.kill(os.getpid(), signal.SIGINT)


def test_who_may_not_call_watches_through_the_service_and_does_not_keep_asking(lab: JobLab) -> None:
    worker, run = lab.worker_at(queued_job())
    with lab.live_job(token="e30.eyJzdWIiOiJhZGEifQ.bad") as live:
        viewer = Viewer(live)
        viewer.until(lambda: "Invalid token" in [getattr(item, "why", "") for item in viewer.items])
        run.tell(LineLogged(text="a line"))
        viewer.until(lambda: viewer.numbers == lines(1, 1))
        assert live.ask(Pause()).text == "pause it is"
    assert [each.id_token for each in lab.server.registrations].count("e30.eyJzdWIiOiJhZGEifQ.bad") == 1
    assert worker.sessions == []
