"""No live path to the worker: the same events come through the service's stream, and commands are obeyed."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
from support.desktop import OWNER, ServiceLab
from support.product import eventually
from ulid import ULID

from sleap_rtc.client.service_client import ServiceClient
from sleap_rtc.events.job_commands import CommandAnswer, Sample, Stop
from sleap_rtc.events.job_progress import BatchEnded, EpochEnded, LineLogged, RunEnded, must_arrive
from sleap_rtc.events.job_reports import Failed
from sleap_rtc.live.job_board import JobRun
from sleap_rtc.storage.errors import InputError, Unreachable
from sleap_rtc.worker import held_job
from sleap_rtc.worker.held_job import HeldJob
from sleap_rtc.worker.job_relay import JobRelay

if TYPE_CHECKING:
    from pathlib import Path

    from support.product import Product

    from sleap_rtc.events.job_commands import Command
    from sleap_rtc.events.job_progress import Told
    from sleap_rtc.events.jobs import Job

PNG = b"\x89PNG\r\n\x1a\nmice"
# Longer than any test waits: these trainings end when they are told to.
FOR_EVER = ("--set", "trainer_config.max_epochs=1000000")


class Watcher:
    """Watches a job over an instance of the service, and over the next one where that one is gone."""

    def __init__(self, product: Product, job: Job, *urls: str) -> None:
        self._token = product.stack.issuer.token(OWNER)
        self._job = job
        self.urls = list(urls)
        self.cuts = 0
        self.told: list[Told] = []
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while True:
            run, seq = (self.told[-1].run, self.told[-1].seq) if self.told else (0, 0)
            client = ServiceClient(self.urls[-1], self._token)
            try:
                for told in client.live_events(self._job.room_id, self._job.job_id, run, seq):
                    self.told.append(told)
            except Unreachable:
                self.cuts += 1
            else:
                return

    def ends(self) -> list[int]:
        """Wait for the end of the stream; return what had to arrive."""
        self._thread.join(120)
        assert not self._thread.is_alive()
        return [told.seq for told in self.told if must_arrive(told.event)]

    def hears(self, text: str) -> None:
        eventually(lambda: LineLogged(text=text) in [told.event for told in self.told])


class Worker:
    """Is at a job, without credentials and without live peers."""

    def __init__(self, lab: ServiceLab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.hold = lab.claimed()
        self.job = lab.job(self.hold)
        self.run = JobRun(self.hold.job_id, self.hold.fencing, self.obey, lambda name: folder / name)
        self.relay = JobRelay(lab.desk(), self.hold, self.run)
        self.held = HeldJob(lab.desk(), self.job, 4, self.relay.looked)

    def obey(self, command: Command, command_id: str, by: str) -> CommandAnswer:
        assert isinstance(command, Sample)
        (self.folder / f"{command_id}.png").write_bytes(PNG)
        return CommandAnswer(outcome="done", text=f"drawn for {by}", files=(f"{command_id}.png",))

    def lines(self, first: int, last: int) -> None:
        for number in range(first, last + 1):
            self.run.tell(LineLogged(text=f"Mäuse {number}"))
            self.run.tell(BatchEnded(epoch=0, batch=number))

    def fails(self) -> None:
        self.run.tell(RunEnded(state="failed"))
        self.held.fail("broken", "It broke.")


@pytest.fixture
def worker(product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr(held_job, "LOOK_EVERY_S", 0.2)
    return Worker(ServiceLab(product), tmp_path)


def test_a_service_that_is_killed_in_mid_stream_costs_no_event_and_tells_none_twice(
    product: Product, worker: Worker
) -> None:
    doomed, doomed_url = product.stack.service("doomed")
    cut = Watcher(product, worker.job, doomed_url)
    whole = Watcher(product, worker.job, product.stack.service_url)
    with worker.relay, worker.held:
        worker.lines(1, 50)
        cut.hears("Mäuse 50")
        worker.lines(51, 100)
        doomed.kill()
        worker.lines(101, 150)
        whole.hears("Mäuse 150")
        _, next_url = product.stack.service("risen")
        cut.urls.append(next_url)
        cut.hears("Mäuse 150")
        worker.lines(151, 200)
        worker.fails()
    must = [*range(1, 400, 2), 401]
    assert (cut.ends(), whole.ends()) == (must, must)
    assert cut.cuts > 0
    assert [told.seq for told in cut.told] == sorted({told.seq for told in cut.told})


def test_a_command_given_over_http_is_obeyed_and_its_picture_is_there(worker: Worker) -> None:
    lab, client, command_id = worker.lab, worker.lab.client(OWNER), str(ULID())
    room_id, job_id = lab.room_id, worker.hold.job_id
    with worker.relay, worker.held:
        given = client.give_command(room_id, job_id, command_id, Sample(frame=7))
        assert given.answer is None
        eventually(lambda: client.command(room_id, job_id, command_id).answer is not None)
        answer = client.command(room_id, job_id, command_id).answer
        assert answer == CommandAnswer(
            outcome="done", text="drawn for local-user", files=(f"{command_id}.png",)
        )
        assert client.sample(room_id, job_id, f"{command_id}.png") == PNG
    worker.lab.desk().report(worker.hold, Failed(code="broken", message="It broke."))
    assert client.give_command(room_id, job_id, command_id, Sample(frame=7)).answer == answer
    with pytest.raises(InputError, match="it is failed"):
        client.give_command(room_id, job_id, str(ULID()), Sample(frame=7))


def test_a_training_is_watched_and_stopped_through_the_service_alone(
    product: Product, small_package: Path
) -> None:
    room_id = product.new_room()
    client = ServiceClient(product.stack.service_url, product.stack.issuer.token(OWNER))
    sent = product.run(
        "client-train", "-p", str(small_package), "-r", room_id, *FOR_EVER, "--detach", "--json"
    )
    assert sent.status == 0, sent.err
    job_id = product.job(room_id)["job_id"]
    watcher = Watcher(product, client.job(room_id, job_id), product.stack.service_url)
    training = product.worker(room_id)
    eventually(lambda: any(isinstance(told.event, EpochEnded) for told in watcher.told), 120)
    command_id = str(ULID())
    client.give_command(room_id, job_id, command_id, Stop())
    must = watcher.ends()
    training.stop()
    answer = client.command(room_id, job_id, command_id).answer
    assert answer is not None
    assert answer.outcome == "done", answer.text
    assert client.job(room_id, job_id).state == "published", json.dumps(product.job(room_id))
    assert isinstance(watcher.told[-1].event, RunEnded)
    assert must == sorted(set(must))
