"""Watching and commanding a job through the service, as its members would, and as strangers would try."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from support.desktop import OWNER, ServiceLab, hold_of
from ulid import ULID

from sleap_rtc.events import job_steps
from sleap_rtc.events.job_asks import asked
from sleap_rtc.events.job_commands import CommandAnswer, Pause, SetLearningRate
from sleap_rtc.events.job_progress import LineLogged, RunEnded, Told
from sleap_rtc.events.job_reports import Failed, Obeyed
from sleap_rtc.events.jobs import Lease
from sleap_rtc.events.workers import WorkerView
from sleap_rtc.service.job_live_routes import _place
from sleap_rtc.service.job_tail import FIRST, Place
from sleap_rtc.storage import keys
from sleap_rtc.storage.errors import InputError, NotFound, Refused
from sleap_rtc.storage.object_store import Create

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.product import Product

    from sleap_rtc.events.job_reports import Hold
    from sleap_rtc.events.jobs import Job

NEVER = "01J00000000000000000000000"
COMMAND = "01J00000000000000000000001"
PNG = b"\x89PNG\r\n\x1a\nmice"
PAUSE = {"command_id": COMMAND, "command": {"name": "pause"}}
DONE = CommandAnswer(outcome="done", text="paused after batch 12")
READER = "a reader"
ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/live", None),
    ("POST", "/commands", PAUSE),
    ("GET", f"/commands/{COMMAND}", None),
    ("GET", "/samples", None),
    ("GET", "/samples/frame-7.png", None),
]


@pytest.fixture
def lab(product: Product) -> ServiceLab:
    lab = ServiceLab(product)
    lab.let_in(READER, "reader")
    return lab


@pytest.fixture
def hold(lab: ServiceLab) -> Hold:
    """The hold of a worker that is not lost, however long a test takes."""
    hold = lab.claimed()
    until = datetime.now(UTC) + timedelta(hours=1)
    change(
        lab,
        hold,
        lambda job: job.model_copy(update={"lease": Lease(worker_id="w1", until=until, subject=OWNER)}),
    )
    return hold


def change(lab: ServiceLab, hold: Hold, to: Callable[[Job], Job]) -> None:
    lab.jobs.change(hold.room_id, hold.job_id, to)


def tell(lab: ServiceLab, hold: Hold, *seqs: int) -> None:
    """Have the worker tell something."""
    written = "".join(
        Told(
            run=hold.fencing, seq=seq, at=datetime.now(UTC), event=LineLogged(text=f"Zeile {seq}\u2028")
        ).model_dump_json()
        + "\n"
        for seq in seqs
    )
    lab.desk().write_progress(hold, seqs[-1], written)


def end(lab: ServiceLab, hold: Hold, seq: int) -> None:
    """Have the job fail, and the worker say so."""
    lab.desk().report(hold, Failed(code="broken", message="It broke."))
    told = Told(run=hold.fencing, seq=seq, at=datetime.now(UTC), event=RunEnded(state="failed"))
    lab.desk().write_progress(hold, seq, told.model_dump_json() + "\n")


def seqs(
    lab: ServiceLab, hold: Hold, after: int = 0, most: int | None = None, subject: str = OWNER
) -> list[int]:
    """Return what somebody is told, until the end or until he has heard so many."""
    events = lab.client(subject).live_events(hold.room_id, hold.job_id, hold.fencing, after)
    with closing(events):  # type: ignore[type-var]
        return [told.seq for told in islice(events, most)]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=lambda value: str(value)[:30])
def test_a_stranger_learns_nothing(lab: ServiceLab, hold: Hold, method: str, path: str, body: Any) -> None:
    for job_id in (hold.job_id, NEVER):
        status, problem = lab.answer(method, f"/jobs/{job_id}{path}", body, "a stranger")
        assert (status, problem["detail"]) == (
            404,
            f"There is no room {lab.room_id} (or you have no access to it).",
        )


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=lambda value: str(value)[:30])
def test_a_job_that_is_not_there_is_not_found(lab: ServiceLab, method: str, path: str, body: Any) -> None:
    assert lab.answer(method, f"/jobs/{NEVER}{path}", body)[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/jobs/x/live", None),
        ("GET", f"/jobs/{NEVER.lower()}/live", None),
        ("POST", "/jobs/x/commands", PAUSE),
        ("GET", f"/jobs/{NEVER}/commands/x", None),
        ("GET", f"/jobs/{NEVER}/commands/..%2F..", None),
        ("GET", f"/jobs/{NEVER}/samples/..%2Fjob.json", None),
        ("GET", f"/jobs/{NEVER}/samples/job.json", None),
        ("GET", f"/jobs/{NEVER}/samples/{'a' * 200}.png", None),
        ("POST", f"/jobs/{NEVER}/commands", {"command": {"name": "pause"}}),
        ("POST", f"/jobs/{NEVER}/commands", {**PAUSE, "command_id": "x"}),
        ("POST", f"/jobs/{NEVER}/commands", {**PAUSE, "by": "somebody else"}),
        ("POST", f"/jobs/{NEVER}/commands", {**PAUSE, "command": {"name": "levitate"}}),
        ("POST", f"/jobs/{NEVER}/commands", {**PAUSE, "command": {"name": "pause", "for": 3}}),
        ("POST", f"/jobs/{NEVER}/commands", {**PAUSE, "command": {"name": "set_learning_rate", "value": -1}}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_cannot_be_is_refused_at_the_edge(lab: ServiceLab, method: str, path: str, body: Any) -> None:
    status, problem = lab.answer(method, path, body)
    assert status in {404, 405, 422}
    assert problem["code"]


def test_a_reader_watches_and_does_not_command(lab: ServiceLab, hold: Hold) -> None:
    tell(lab, hold, 1, 2)
    assert seqs(lab, hold, most=2, subject=READER) == [1, 2]
    assert lab.job(hold).watched_until is not None
    with pytest.raises(Refused, match="you may only read"):
        lab.client(READER).give_command(hold.room_id, hold.job_id, COMMAND, Pause())
    assert lab.job(hold).asked == ()


def test_watching_is_no_step_of_the_job_and_the_room_is_not_told(lab: ServiceLab, hold: Hold) -> None:
    tell(lab, hold, 1)
    before, heard = lab.job(hold), lab.told()
    seqs(lab, hold, most=1)
    lab.client(OWNER).give_command(hold.room_id, hold.job_id, COMMAND, Pause())
    after = lab.job(hold)
    assert (after.history, lab.told()) == (before.history, heard)
    assert after.watched_until is not None
    assert timedelta(0) < after.watched_until - datetime.now(UTC) <= timedelta(seconds=120)


def test_whoever_was_cut_off_goes_on_from_the_last_event(lab: ServiceLab, hold: Hold) -> None:
    tell(lab, hold, 1, 2, 3)
    assert seqs(lab, hold, most=2) == [1, 2]
    tell(lab, hold, 4, 5)
    assert seqs(lab, hold, after=2, most=2) == [3, 4]
    end(lab, hold, 6)
    assert seqs(lab, hold, after=4) == [5, 6]
    assert seqs(lab, hold) == [1, 2, 3, 4, 5, 6]


def test_a_stream_says_that_it_is_at_its_end(lab: ServiceLab, hold: Hold) -> None:
    tell(lab, hold, 1)
    end(lab, hold, 2)
    status, lines = stream(lab, hold, "99.5")
    assert (status, lines.count("event: told")) == (200, 2)
    assert lines[-4:-2] == ["event: end", 'data: {"state": "failed"}']


@pytest.mark.parametrize("place", ["", "x", "1", "1.", ".1", "-1.2", "1.2.3", "4.5", "9999999999999999.1"])
def test_a_place_that_nobody_was_told_is_the_beginning(place: str) -> None:
    assert _place(place, 3) == FIRST


def test_a_place_is_a_run_and_a_number() -> None:
    assert _place("3.12", 3) == Place(3, 12)


def test_a_place_beyond_all_bounds_is_refused(lab: ServiceLab, hold: Hold) -> None:
    assert stream(lab, hold, "1" * 41)[0] == 422


def stream(lab: ServiceLab, hold: Hold, place: str) -> tuple[int, list[str]]:
    stack = lab.product.stack
    reply = urllib3.request(
        "GET",
        f"{stack.service_url}/api/rooms/{hold.room_id}/jobs/{hold.job_id}/live",
        headers={"Authorization": f"Bearer {stack.issuer.token(OWNER)}", "Last-Event-ID": place},
    )
    return reply.status, reply.data.decode().split("\r\n")


def test_a_command_waits_for_its_worker_and_is_answered_once(lab: ServiceLab, hold: Hold) -> None:
    client, command = lab.client(OWNER), SetLearningRate(value=0.003)
    view = client.give_command(hold.room_id, hold.job_id, COMMAND, command)
    assert (view.command, view.by, view.answer) == (command, "local-user", None)
    assert client.give_command(hold.room_id, hold.job_id, COMMAND, command) == view
    assert [each.command for each in lab.desk().look(hold).asked] == [command]
    lab.desk().report(hold, Obeyed(command_id=COMMAND, answer=DONE))
    assert client.command(hold.room_id, hold.job_id, COMMAND).answer == DONE
    assert client.give_command(hold.room_id, hold.job_id, COMMAND, command).answer == DONE


def test_a_command_is_accepted_and_not_yet_done(lab: ServiceLab, hold: Hold) -> None:
    status, view = lab.answer("POST", f"/jobs/{hold.job_id}/commands", PAUSE)
    assert (status, view["answer"]) == (202, None)


def test_a_command_that_nobody_gave_is_not_found(lab: ServiceLab, hold: Hold) -> None:
    with pytest.raises(NotFound, match=f"command {COMMAND} of job {hold.job_id}"):
        lab.client(OWNER).command(hold.room_id, hold.job_id, COMMAND)


def test_a_command_for_a_job_that_waits_says_what_to_do(lab: ServiceLab) -> None:
    job = lab.queued()
    with pytest.raises(InputError, match="Give the command again when one is; `sleap-rtc jobs cancel"):
        lab.client(OWNER).give_command(lab.room_id, job.job_id, COMMAND, Pause())


def test_the_thirty_third_command_that_would_wait_is_refused(lab: ServiceLab, hold: Hold) -> None:
    client = lab.client(OWNER)
    for _ in range(31):
        change(lab, hold, lambda job: asked(job, str(ULID()), Pause(), "Ada", datetime.now(UTC)))
    client.give_command(hold.room_id, hold.job_id, COMMAND, Pause())
    with pytest.raises(InputError, match="32 commands wait for its worker already"):
        client.give_command(hold.room_id, hold.job_id, str(ULID()), Pause())


def test_pictures_are_listed_and_shown_as_pictures_and_nothing_else(lab: ServiceLab, hold: Hold) -> None:
    client, stack = lab.client(READER), lab.product.stack
    assert client.samples(hold.room_id, hold.job_id) == []
    lab.desk().write_sample(hold, "frame-7.png", PNG)
    (sample,) = client.samples(hold.room_id, hold.job_id)
    assert (sample.name, sample.size_bytes) == ("frame-7.png", len(PNG))
    assert client.sample(hold.room_id, hold.job_id, "frame-7.png") == PNG
    reply = urllib3.request(
        "GET",
        f"{stack.service_url}/api/rooms/{hold.room_id}/jobs/{hold.job_id}/samples/frame-7.png",
        headers={"Authorization": f"Bearer {stack.issuer.token(READER)}"},
    )
    assert (reply.headers["Content-Type"], reply.headers["X-Content-Type-Options"]) == (
        "image/png",
        "nosniff",
    )
    with pytest.raises(NotFound, match=r"sample frame-8\.png of job"):
        client.sample(hold.room_id, hold.job_id, "frame-8.png")


def test_a_job_says_under_which_name_live_peers_find_its_worker(lab: ServiceLab) -> None:
    now = datetime.now(UTC)
    for worker_id in ("gpu-1", "gpu-2", "gpu-3"):
        until = now + timedelta(seconds=60 if worker_id != "gpu-3" else -60)
        view = WorkerView(
            room_id=lab.room_id,
            worker_id=worker_id,
            kind="desktop",
            trainer="reference",
            started_at=now,
            until=until,
            peer_id=f"ada#{worker_id}",
        )
        lab.rooms.put(keys.worker_key(lab.room_id, worker_id), view.model_dump_json().encode(), Create())
    queued, there, gone = lab.queued(), lab.claimed("gpu-2"), lab.claimed("gpu-3")
    client = lab.client(OWNER)
    assert client.job(lab.room_id, queued.job_id).worker_peer_id == ""
    assert client.job(lab.room_id, there.job_id).worker_peer_id == "ada#gpu-2"
    assert client.job(lab.room_id, gone.job_id).worker_peer_id == ""
    lab.desk().report(there, Failed(code="broken", message="It broke."))
    assert client.job(lab.room_id, there.job_id).worker_peer_id == ""


def test_a_job_that_is_watched_and_cancelled_in_the_queue_ends_the_stream(lab: ServiceLab) -> None:
    job = lab.queued()
    lab.jobs.change(
        lab.room_id, job.job_id, lambda present: job_steps.cancelled(present, datetime.now(UTC), "Ada")
    )
    assert seqs(lab, hold_of(job)) == []
